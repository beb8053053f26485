"""What phones sing and what they heard: tones written to and found in WAV files."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import numpy.typing as npt

RATE_HZ = 8000
HEADER_OCTETS = 44
WINDOW_S = 0.1
HEARD_FRACTION = 0.3
"""A tone counts as heard where it is the loudest of a window of 100 ms …"""

LEAST_WINDOWS = 3
"""… in three windows, so a click or a burst of comfort noise is none."""


def write_tone(path: Path, hertz: float, *, seconds: float = 1.0, rate_hz: int = RATE_HZ) -> Path:
    """A WAV that loops without a click, as long as *hertz* times *seconds* is whole."""
    at = np.arange(int(seconds * rate_hz)) / rate_hz
    samples = (0.3 * 32767 * np.sin(2 * np.pi * hertz * at)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    return path


def tone_wav(hertz: float, *, seconds: float = 1.0, rate_hz: int = RATE_HZ) -> bytes:
    """The same as octets, for an application that serves it."""
    with TemporaryDirectory() as folder:
        return write_tone(Path(folder) / "tone.wav", hertz, seconds=seconds, rate_hz=rate_hz).read_bytes()


def audio_file(name: str, hertz: float = 440.0, *, seconds: float = 2.0, rate_hz: int = RATE_HZ) -> bytes:
    """A tone as a file of the kind that *name* ends in: wav, aiff, mp3, ulaw (without a head)."""
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    samples = (0.3 * 32767 * np.sin(2 * np.pi * hertz * at)).astype(np.int16)
    suffix = name.rpartition(".")[2]
    kind = {"wav": "pcm_s16le", "aiff": "pcm_s16be", "mp3": "libmp3lame", "ulaw": "pcm_mulaw"}[suffix]
    kept = io.BytesIO()
    with av.open(kept, "w", format="mulaw" if suffix == "ulaw" else suffix) as container:
        stream = container.add_stream(kind, rate=rate_hz)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate_hz)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            for packet in stream.encode(part):
                container.mux(packet)
    return kept.getvalue()


def write_mulaw(path: Path, hertz: float, *, seconds: float = 2.0) -> Path:
    """The same as bare G.711 octets, which is what sipp streams."""
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    path.write_bytes(mulaw_of(0.3 * np.sin(2 * np.pi * hertz * at)))
    return path


def mulaw_of(samples: npt.NDArray[np.float64]) -> bytes:
    """Samples within ±1 as octets of G.711 mu-law."""
    pcm = np.rint(32767 * samples).astype(np.int64)
    sign = np.where(pcm < 0, 0x80, 0)
    biased = np.minimum(np.abs(pcm), 32635) + 132
    exponent = np.floor(np.log2(biased)).astype(np.int64) - 7
    mantissa = (biased >> (exponent + 3)) & 0x0F
    codes: npt.NDArray[np.uint8] = (~(sign | exponent << 4 | mantissa) & 0xFF).astype(np.uint8)
    return codes.tobytes()


def pcm_of(codes: bytes) -> npt.NDArray[np.float64]:
    """The samples, within ±1, of octets of G.711 mu-law."""
    value = ~np.frombuffer(codes, dtype=np.uint8).astype(np.int64) & 0xFF
    exponent, mantissa = (value >> 4) & 7, value & 0x0F
    magnitude = (((mantissa << 3) + 132) << exponent) - 132
    return np.where(value & 0x80, -magnitude, magnitude) / 32768.0


def read_wav(path: Path) -> tuple[npt.NDArray[np.float64], int]:
    """Samples as (time, channel) within ±1 and the rate; a header that a killed writer never completed is forgiven."""
    octets = path.read_bytes()
    try:
        with wave.open(io.BytesIO(octets)) as file:
            channels, width, rate_hz = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError):
        return np.zeros((0, 1)), RATE_HZ  # nothing has reached the disk yet
    if not data:
        data = octets[HEADER_OCTETS:]
    kind = {1: "u1", 2: "<i2", 4: "<i4"}[width]
    whole = len(data) - len(data) % (width * channels)
    samples = np.frombuffer(data[:whole], dtype=kind).astype(np.float64)
    if width == 1:
        samples -= 128
    return (samples / float(1 << (8 * width - 1))).reshape(-1, channels), rate_hz


def tones_in(samples: npt.NDArray[np.float64], rate_hz: int, candidates: Iterable[float]) -> set[float]:
    """Which of *candidates* (hertz) were heard: each loud window is projected on every candidate."""
    size = int(WINDOW_S * rate_hz)
    windows = samples[: len(samples) - len(samples) % size].reshape(-1, size)
    power = (windows**2).mean(axis=1)
    loud = windows[power > 1e-4]
    if not len(loud):
        return set()
    shape = np.hanning(size)
    at = np.arange(size) / rate_hz
    heard = set()
    energy = ((loud * shape) ** 2).sum(axis=1)
    for hertz in candidates:
        projection = np.abs((loud * shape) @ np.exp(-2j * np.pi * hertz * at)) ** 2
        part = projection * 2 / (energy * (shape**2).sum())
        if int((part > HEARD_FRACTION).sum()) >= LEAST_WINDOWS:
            heard.add(hertz)
    return heard


def seconds_of(path: Path, hertz: float, *, channel: int = 0) -> float:
    """How long a tone was the loudest thing heard, to a tenth of a second."""
    samples, rate_hz = read_wav(path)
    size = int(WINDOW_S * rate_hz)
    windows = [samples[at : at + size, channel] for at in range(0, len(samples) - size + 1, size)]
    return WINDOW_S * sum(bool(tones_in(np.tile(window, LEAST_WINDOWS), rate_hz, (hertz,))) for window in windows)


def tones_of_file(path: Path, candidates: Iterable[float], *, channel: int = 0) -> set[float]:
    samples, rate_hz = read_wav(path)
    return tones_in(samples[:, channel], rate_hz, candidates)
