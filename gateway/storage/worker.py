"""`python -m gateway.storage.worker`: makes things of recordings at low priority: a line of JSON in for each job, lines of JSON out.

A job is `{"job": "trim" | "shape" | "draw", …}`; the answer is any number of `{"share": 0.4}`, then `{"done": {…}}` or `{"fault": "…"}`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from media.trim import Shorts, bounds
from media.wav import HEADER, header
from media.waveform import draw

MP3_BITS_PER_S = 32_000
"""For each channel; Twilio's own rate."""
PIECE = 1 << 20
TELL_S = 0.2

Tell = Callable[[float], None]


def trim(source: str, tell: Tell) -> dict[str, int]:
    """Cut the silent ends off a WAV file. Raises `OSError`, `wave.Error`; the file is then as it was."""
    with wave.open(source, "rb") as file:
        channels, samples = file.getnchannels(), file.getnframes()

        def read(start: int, count: int) -> Shorts:
            file.setpos(start)
            return np.frombuffer(file.readframes(count), dtype="<i2").reshape(-1, channels)

        first, last = bounds(read, samples)
    if last > first and (first, last) != (0, samples):
        _cut(Path(source), first * 2 * channels, (last - first) * 2 * channels, channels, tell)
    return {"first": first, "samples": last - first}


def _cut(path: Path, offset: int, length: int, channels: int, tell: Tell) -> None:
    """Keep so many octets of the samples; the new file takes the old one's place when it is whole."""
    part = path.with_name(f".{path.name}")
    try:
        with path.open("rb") as read, part.open("wb") as written:
            written.write(header(length, channels))
            read.seek(HEADER + offset)
            left = length
            while left and (piece := read.read(min(PIECE, left))):
                written.write(piece)
                left -= len(piece)
                tell(1 - left / length)
            written.flush()
            os.fsync(written.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def shape(source: str, target: str, kind: str, tell: Tell, *, mixed: bool) -> None:
    """Another format or fewer channels. Raises `OSError`, `ValueError`."""
    import av  # noqa: PLC0415  # half of this program's start, and trimming does without

    try:
        _shape(av, source, target, kind, tell, mixed=mixed)
    except av.FFmpegError as fault:
        raise ValueError(str(fault)) from fault


def _shape(av: ModuleType, source: str, target: str, kind: str, tell: Tell, *, mixed: bool) -> None:
    with av.open(source) as read, av.open(target, "w", format=kind) as written:
        voice = read.streams.audio[0]
        layout = "mono" if mixed or voice.channels == 1 else "stereo"
        out = written.add_stream("libmp3lame" if kind == "mp3" else "pcm_s16le", rate=voice.rate, layout=layout)
        if kind == "mp3":
            out.bit_rate = MP3_BITS_PER_S
        sampler = av.AudioResampler(format="s16p" if kind == "mp3" else "s16", layout=layout, rate=voice.rate)
        length_s = float(voice.duration * voice.time_base) if voice.duration and voice.time_base else 0.0
        for frame in read.decode(voice):
            for piece in sampler.resample(frame):
                written.mux(out.encode(piece))
            if length_s and frame.time is not None:
                tell(min(1.0, frame.time / length_s))
        for piece in sampler.resample(None):
            written.mux(out.encode(piece))
        written.mux(out.encode(None))


def obey(job: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Carry out one job."""
    match job:
        case {"job": "trim", "source": source}:
            return dict(trim(source, tell))
        case {"job": "shape", "source": source, "target": target, "kind": kind, "mixed": mixed}:
            _whole(target, lambda part: shape(source, part, kind, tell, mixed=mixed))
            return {}
        case {"job": "draw", "source": source, "target": target, "marks": marks, "title": title, "names": names}:
            events = [(float(at), str(word)) for at, word in marks]
            picture = draw(source, events, title=title, names=names, speech=True)
            _whole(target, lambda part: Path(part).write_text(picture, encoding="utf-8"))
            return {}
        case _:
            raise ValueError(f"no such job: {job.get('job')}")


def _whole(target: str, make: Callable[[str], object]) -> None:
    """The target is there when it is whole, and not before."""
    path = Path(target)
    part = path.with_name(f".{path.name}")
    try:
        make(str(part))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def lines() -> Iterator[str]:
    yield from iter(sys.stdin.readline, "")


def say(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main() -> int:
    os.nice(max(0, 10 - os.nice(0)))
    for line in lines():
        told_at = time.monotonic()

        def tell(share: float) -> None:
            nonlocal told_at
            if time.monotonic() - told_at >= TELL_S:
                told_at = time.monotonic()
                say(share=round(share, 3))

        try:
            done = obey(json.loads(line), tell)
        except (OSError, ValueError, EOFError, wave.Error, IndexError) as fault:
            say(fault=f"{type(fault).__name__}: {fault}")
        else:
            say(done=done)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
