"""`python -m gateway.storage.transcoder SOURCE TARGET wav|mp3 MIXED`: another shape of a recording, at low priority."""

from __future__ import annotations

import os
import sys

import av

MP3_BITS_PER_S = 32_000


def transcode(source: str, target: str, shape: str, *, mixed: bool) -> None:
    """Raises `av.FFmpegError`, `OSError`."""
    with av.open(source) as read, av.open(target, "w", format=shape) as written:
        voice = read.streams.audio[0]
        layout = "mono" if mixed or voice.channels == 1 else "stereo"
        out = written.add_stream("libmp3lame" if shape == "mp3" else "pcm_s16le", rate=voice.rate, layout=layout)
        if shape == "mp3":
            out.bit_rate = MP3_BITS_PER_S
        sampler = av.AudioResampler(format="s16p" if shape == "mp3" else "s16", layout=layout, rate=voice.rate)
        for frame in read.decode(voice):
            for piece in sampler.resample(frame):
                written.mux(out.encode(piece))
        for piece in sampler.resample(None):
            written.mux(out.encode(piece))
        written.mux(out.encode(None))


def main() -> int:
    os.nice(10)
    source, target, shape, mixed = sys.argv[1:5]
    try:
        transcode(source, target, shape, mixed=mixed == "1")
    except (av.FFmpegError, OSError) as fault:
        sys.stderr.write(f"{source}: {fault}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
