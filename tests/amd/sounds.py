"""What is heard beside voices in the made calls: noises, music, beeps, fax, the network's tones."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tests.amd import packages
from tests.amd.voices import RATE_HZ, Split, load, people

Floats = NDArray[np.float32]
Rng = np.random.Generator


def _coloured(count: int, rng: Rng, slope: float, corner_hz: float = 0.0) -> Floats:
    """Noise whose amplitude falls as frequency to *slope*, above a corner only."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hz = np.maximum(np.fft.rfftfreq(count, 1 / RATE_HZ), 30.0)
    shape = np.maximum(hz / max(corner_hz, 1.0), 1.0 if corner_hz else 0.0) ** slope
    return _unit(np.fft.irfft(spectrum * shape, count))


def _unit(sound: NDArray[np.float64] | Floats) -> Floats:
    """At 1.0 RMS."""
    levelled: Floats = (sound / (np.sqrt(np.mean(np.square(sound))) + 1e-12)).astype(np.float32)
    return levelled


def white(count: int, rng: Rng) -> Floats:
    return _coloured(count, rng, 0.0)


def pink(count: int, rng: Rng) -> Floats:
    return _coloured(count, rng, -0.5)


def hum(count: int, rng: Rng) -> Floats:
    """Mains and its harmonics over a hiss."""
    at = np.arange(count) / RATE_HZ
    base = rng.choice((50.0, 60.0))
    made = sum(np.sin(2 * np.pi * base * k * at + rng.uniform(0, 6)) / k for k in range(1, 9))
    return _unit(made + 0.2 * rng.standard_normal(count))


def _crowd(split: Split) -> Callable[[int, Rng], Floats]:
    def made(count: int, rng: Rng) -> Floats:
        """Six people at once."""
        some = people(split, "prompts", "story") or people(split, "words")
        total = np.zeros(count)
        for _ in range(6):
            files = some[int(rng.integers(len(some)))].files()
            voice = np.zeros(0, dtype=np.float32)
            while len(voice) < count + RATE_HZ:
                piece = load(files[int(rng.integers(len(files)))])
                voice = np.concatenate((voice, piece if len(piece) else np.zeros(800, dtype=np.float32)))
            total += _unit(voice[RATE_HZ // 2 : RATE_HZ // 2 + count])
        return _unit(total)

    return made


def car(count: int, rng: Rng) -> Floats:
    """A rumble that sways."""
    sway = 1 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.2, 0.8) * np.arange(count) / RATE_HZ + rng.uniform(0, 6))
    return _unit(_coloured(count, rng, -1.2, 120.0) * sway)


def street(count: int, rng: Rng) -> Floats:
    """A hiss with things that pass by."""
    made = 0.5 * _coloured(count, rng, -0.8, 300.0).astype(np.float64)
    for _ in range(max(1, count // (3 * RATE_HZ))):
        length = int(rng.integers(RATE_HZ // 2, 2 * RATE_HZ))
        start = int(rng.integers(0, max(1, count - length)))
        bump = np.hanning(length)[: count - start]
        made[start : start + length] += bump * _coloured(length, rng, -1.0, 200.0)[: len(bump)]
    return _unit(made)


def fan(count: int, rng: Rng) -> Floats:
    """A motor's harmonics in a wind."""
    at, base = np.arange(count) / RATE_HZ, rng.uniform(85, 190)
    wobble = 0.02 * np.sin(2 * np.pi * 1.3 * at)
    made = sum(np.sin(2 * np.pi * base * k * (at + 0.01 * wobble) + k) / k**1.5 for k in range(1, 6))
    return _unit(0.4 * made + _coloured(count, rng, -0.7, 400.0))


def crackle(count: int, rng: Rng) -> Floats:
    """A bad line."""
    made = 0.15 * rng.standard_normal(count)
    at = rng.integers(0, count, count // 400)
    made[at] += rng.standard_normal(len(at)) * 4
    return _unit(np.convolve(made, np.hanning(12), "same"))


def train(count: int, rng: Rng) -> Floats:
    """A rumble in the beat of the rails."""
    at = np.arange(count) / RATE_HZ
    beat = np.exp(-12 * ((at * rng.uniform(1.2, 2.2)) % 1.0)) + 0.7 * np.exp(-12 * ((at * 1.7 + 0.3) % 1.0))
    return _unit(_coloured(count, rng, -0.9, 180.0) * (0.5 + beat))


def rain(count: int, rng: Rng) -> Floats:
    """Drops on a window, over a hiss."""
    made = 0.4 * rng.standard_normal(count)
    at = rng.integers(0, count, count // 120)
    made[at] += rng.exponential(2.0, len(at))
    return _unit(np.convolve(made, np.exp(-np.arange(40) / 8.0), "same"))


def wind(count: int, rng: Rng) -> Floats:
    """Gusts."""
    slow = np.abs(_coloured(count, rng, -2.0, 1.0)) + 0.3
    return _unit(_coloured(count, rng, -1.0, 250.0) * slow)


def kitchen(count: int, rng: Rng) -> Floats:
    """Dishes: rings that die away over an extractor."""
    made = 0.6 * fan(count, rng).astype(np.float64)
    for _ in range(max(1, count // (2 * RATE_HZ))):
        start, length = int(rng.integers(0, count)), int(rng.integers(400, 2000))
        at = np.arange(length)[: count - start]
        made[start : start + len(at)] += 4 * np.sin(at * rng.uniform(1.2, 2.4)) * np.exp(-at / 150)
    return _unit(made)


def noises(split: Split) -> dict[str, Callable[[int, Rng], Floats]]:
    if split is Split.NEW:
        return {"train": train, "rain": rain, "wind": wind, "kitchen": kitchen}
    if split is Split.HELD:
        return {"car": car, "street": street, "fan": fan, "crackle": crackle}
    return {"white": white, "pink": pink, "hum": hum}


def crowd(split: Split) -> Callable[[int, Rng], Floats]:
    return _crowd(split)


@cache
def _tracks() -> tuple[Floats, ...]:
    return tuple(load(path) for path in sorted(packages.root().glob("usr/share/asterisk/moh/*.wav")))


def music(count: int, rng: Rng, split: Split) -> Floats:
    """Somewhere in a piece of music on hold."""
    tracks = _tracks()[2:] if split else _tracks()[:2]
    if not tracks:
        at = np.arange(count) / RATE_HZ
        notes = 440 * 2 ** (rng.integers(-12, 12, count // 2000 + 1) / 12)
        return _unit(np.sin(2 * np.pi * np.cumsum(np.repeat(notes, 2000)[:count]) / RATE_HZ) * (1 + 0 * at))
    track = tracks[int(rng.integers(len(tracks)))]
    start = int(rng.integers(0, max(1, len(track) - count)))
    return _unit(np.resize(track[start : start + count], count) + 1e-6)


def _faded(tone: NDArray[np.float64], ms: float = 4.0) -> Floats:
    edge = min(int(ms * 8), len(tone) // 2)
    ramp = np.linspace(0, 1, edge, endpoint=False)
    tone[:edge] *= ramp
    tone[len(tone) - edge :] *= ramp[::-1]
    return tone.astype(np.float32)


def sines(ms: int, *hz: float) -> Floats:
    """Sines together at 1.0 RMS."""
    at = np.arange(ms * 8) / RATE_HZ
    made = np.zeros(len(at))
    for one in hz:
        made += np.sin(2 * np.pi * one * at)
    return _faded(made * np.sqrt(2 / len(hz)))


def beep(rng: Rng) -> tuple[Floats, float, str]:
    """Sound, frequency and kind."""
    kind = str(rng.choice(("single", "single", "single", "dual", "falling", "double", "buzz")))
    hz, ms = float(rng.uniform(400, 2000)), int(rng.choice((rng.integers(90, 200), rng.integers(200, 1200))))
    if kind == "dual":
        hz = float(rng.uniform(400, 1200))
        return sines(ms, hz, hz * float(rng.uniform(1.15, 1.6))), hz, kind
    if kind == "falling":
        ms, low = max(ms, 200), hz * float(rng.uniform(0.65, 0.9))
        glide = np.linspace(max(hz, 520.0), max(low, 400.0), ms * 8)
        return _faded(np.sqrt(2) * np.sin(2 * np.pi * np.cumsum(glide) / RATE_HZ)), hz, kind
    if kind == "double":
        ms = min(ms, 400)
        gap = np.zeros(int(rng.integers(60, 180)) * 8, dtype=np.float32)
        return np.concatenate((sines(ms, hz), gap, sines(ms, hz))), hz, kind
    if kind == "buzz":  # an old machine: a tone with its overtones
        at = np.arange(ms * 8) / RATE_HZ
        hz = min(hz, 1200.0)
        made = np.sin(2 * np.pi * hz * at) + 0.25 * np.sin(4 * np.pi * hz * at) + 0.12 * np.sin(6 * np.pi * hz * at)
        return _faded(1.37 * made), hz, kind
    return sines(ms, hz), hz, kind


def called(kind: str, rng: Rng) -> Floats:
    """What a fax that answers sends: CED (T.30), reversed every 450 ms, or ANSam (V.8), then V.21's flags."""
    ms = int(rng.integers(2600, 4000))
    hz = 2100 + float(rng.uniform(-12, 12))
    tone = sines(ms, hz)
    at = np.arange(len(tone))
    if kind != "ced":
        tone *= np.where(at // 3600 % 2, -1, 1).astype(np.float32)
    if kind == "ansam":
        tone *= (1 + 0.2 * np.sin(2 * np.pi * 15 * at / RATE_HZ)).astype(np.float32)
    bits = rng.integers(0, 2, 300)
    flags = np.repeat(np.where(bits, 1650.0, 1850.0), 27)
    v21 = np.sqrt(2) * np.sin(2 * np.pi * np.cumsum(flags) / RATE_HZ)
    return np.concatenate((tone, np.zeros(75 * 8, dtype=np.float32), v21.astype(np.float32)))


def calling(rng: Rng, seconds: int = 18) -> Floats:
    """CNG: half a second of 1100 Hz in each three and a half."""
    burst = sines(500, 1100 + float(rng.uniform(-30, 30)))
    cycle = np.concatenate((burst, np.zeros(24_000, dtype=np.float32)))
    return np.resize(cycle, seconds * RATE_HZ)


def special(rng: Rng) -> Floats:
    """The special information tones, in one of their forms (ITU-T E.180, Telcordia SR-2275)."""
    first, second = rng.choice((913.8, 985.2)), rng.choice((1370.6, 1428.5))
    parts = [sines(int(rng.choice((276, 380))), float(hz)) for hz in (first, second, 1776.7)]
    return np.concatenate(parts)


CADENCES = {
    "ringing us": ((440.0, 480.0), 2000, 4000),
    "ringing eu": ((425.0,), 1000, 4000),
    "ringing uk": ((400.0, 450.0), 400, 200),
    "ringing fr": ((440.0,), 1500, 3500),
    "busy us": ((480.0, 620.0), 500, 500),
    "busy eu": ((425.0,), 500, 500),
    "busy uk": ((400.0,), 375, 375),
    "congestion us": ((480.0, 620.0), 250, 250),
    "congestion eu": ((425.0,), 250, 250),
}


def cadence(name: str, ms: int) -> Floats:
    """One of the network's tones for so long."""
    hz, on_ms, off_ms = CADENCES[name]
    cycle = np.concatenate((sines(on_ms, *hz), np.zeros(off_ms * 8, dtype=np.float32)))
    if name == "ringing uk":
        cycle = np.concatenate((cycle, sines(on_ms, *hz), np.zeros(16_000, dtype=np.float32)))
    return np.resize(cycle, ms * 8)


def click(rng: Rng) -> Floats:
    """A connection being made: a few milliseconds."""
    made = 4.0 * rng.standard_normal(int(rng.integers(10, 200)))
    return (made * np.exp(-np.arange(len(made)) / 30)).astype(np.float32)


def breath(rng: Rng) -> Floats:
    """Somebody breathes."""
    ms = int(rng.integers(400, 1200))
    made: Floats = _coloured(ms * 8, rng, -0.4, 500.0) * np.hanning(ms * 8).astype(np.float32)
    return made
