"""Call-progress tones, the beep and the sixteen digits as data, and how a cadence becomes samples."""

from __future__ import annotations

from functools import lru_cache
from math import lcm

import numpy as np
from numpy.typing import NDArray

from media.commands import Tone
from media.levels import amplitude_of
from media.streams import RATE_HZ

Floats = NDArray[np.float32]
Segment = tuple[tuple[float, ...], int, int]

EDGE = 16
"""Samples (2 ms) over which a burst swells and fades: a hard edge is heard as a click."""
LONGEST_S = 60
"""A cycle is kept as samples; nothing in use is longer."""

KEYS = "123A456B789C*0#D"
LOW_HZ = (697.0, 770.0, 852.0, 941.0)
HIGH_HZ = (1209.0, 1336.0, 1477.0, 1633.0)
"""ITU-T Q.23: a key is one tone of its line and one of its column."""


def tone(*segments: Segment, cycles: int = 0, level_dbm0: float = -13.0, modulation_hz: float = 0.0) -> Tone:
    """A cadence of (frequencies in Hz, on ms, off ms)."""
    return Tone(segments=segments, cycles=cycles, level_dbm0=level_dbm0, modulation_hz=modulation_hz)


BEEP = tone(((1000.0,), 400, 100), cycles=1, level_dbm0=-12.0)
"""Before `<Record>`; what is recorded after it begins 100 ms later, so that no echo of it is on the tape."""

JOINED = tone(((600.0,), 120, 20), ((800.0,), 160, 0), cycles=1, level_dbm0=-18.0)
LEFT = tone(((800.0,), 120, 20), ((600.0,), 160, 0), cycles=1, level_dbm0=-18.0)
"""A member came to a conference, or left it."""

BUSY = tone(((480.0, 620.0), 500, 500), level_dbm0=-21.0)
CONGESTION = tone(((480.0, 620.0), 250, 250), level_dbm0=-21.0)
DIAL = tone(((350.0, 440.0), 1000, 0), level_dbm0=-16.0)
NOT_IN_SERVICE = tone(((985.2,), 380, 0), ((1370.6,), 380, 0), ((1776.7,), 380, 1000), cycles=1, level_dbm0=-18.0)
"""The special information tone (ITU-T E.180 section 7)."""
SILENCE = tone(((), 1000, 0))


def key_hz(key: str) -> tuple[float, float]:
    """The two frequencies of a key, `0-9 * # A-D`. Raises ValueError for another."""
    line, column = divmod(KEYS.index(key.upper()), 4)
    return LOW_HZ[line], HIGH_HZ[column]


def digits_tone(digits: str, *, on_ms: int = 100, off_ms: int = 80, level_dbm0: float = -9.0) -> Tone:
    """Digits as sound, once; `w` and `W` wait for 0.5 and 1 s, what is no key is left out."""
    waits: dict[str, int] = {"w": 500, "W": 1000}
    segments: list[Segment] = []
    for key in digits:
        if key in waits:
            segments.append(((), 0, waits[key]))
        elif key.upper() in KEYS:
            segments.append((key_hz(key), on_ms, off_ms))
    return tone(*segments, cycles=1, level_dbm0=level_dbm0)


@lru_cache(maxsize=64)
def render(what: Tone) -> Floats:
    """One cycle as samples, read-only. A tone that never pauses becomes a loop without a seam."""
    steady = len(what.segments) == 1 and what.segments[0][2] == 0 and what.cycles != 1
    if steady:
        frequencies, on_ms, _ = what.segments[0]
        samples = _steady(frequencies, on_ms, what)
    else:
        samples = np.concatenate(
            [np.zeros(0, dtype=np.float32)] + [piece for segment in what.segments for piece in _burst(segment, what)]
        )
    samples = samples[: LONGEST_S * RATE_HZ]
    samples.flags.writeable = False
    return samples


def _burst(segment: Segment, what: Tone) -> tuple[Floats, Floats]:
    frequencies, on_ms, off_ms = segment
    burst = _sum(frequencies, RATE_HZ * on_ms // 1000, what)
    edge = min(EDGE, len(burst) // 2)
    ramp = np.linspace(0.0, 1.0, edge, endpoint=False, dtype=np.float32)
    burst[:edge] *= ramp
    burst[len(burst) - edge :] *= ramp[::-1]
    return burst, np.zeros(RATE_HZ * off_ms // 1000, dtype=np.float32)


def _steady(frequencies: tuple[float, ...], on_ms: int, what: Tone) -> Floats:
    """Enough of a tone that each of its sines, all of whole Hz or tenths, comes round to where it began."""
    whole = all(f == int(f) for f in (*frequencies, what.modulation_hz))
    return _sum(frequencies, RATE_HZ * lcm(max(on_ms, 1), 1000 if whole else 10_000) // 1000, what)


def _sum(frequencies: tuple[float, ...], count: int, what: Tone) -> Floats:
    turns = 2.0 * np.pi * np.arange(count) / RATE_HZ
    wave = np.zeros(count, dtype=np.float64)
    for hz in frequencies:
        wave += np.sin(turns * hz)
    if what.modulation_hz:
        wave *= 0.5 * (1.0 - np.cos(turns * what.modulation_hz))
    return (wave * amplitude_of(what.level_dbm0)).astype(np.float32)
