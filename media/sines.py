"""What of a sound is one or two sines: the tops of each frame's spectrum, and runs of frames that hold the same tone."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from media.levels import decibels
from media.streams import FRAME, RATE_HZ, TICK_MS

Floats = NDArray[np.float32]

SPAN = 2 * FRAME
"""Samples looked at for each frame: it and the one before, 40 ms."""
POINTS = 512
BIN_HZ = RATE_HZ / POINTS
LOBE = 4
"""Bins either side of a top that belong to it: 62 Hz, the window's own width and some gliding."""
LOWEST, HIGHEST = round(300 / BIN_HZ), round(3400 / BIN_HZ)
DEEPEST = 4
"""Bins below this (62 Hz) are no sound that counts."""

PURE = 0.72
"""Share of the energy that one or two tops must have for a frame to be a tone …"""
DUAL = 0.08
"""… and the share from which the second one is a tone of its own."""
FAINT_DBOV = -52.0
GLIDE_HZ = 75.0
"""A falling beep's frequency moves by no more than so much from frame to frame."""
BREAK = 4
"""So many frames without the tone end a run; a fax's phase reversal takes one or two, a lost packet as many."""
JUMP_DB = 6.0
"""Two sines take turns at being the stronger at one level; a tone that comes up beside another, or ends there, is further off."""

PITCH_LAGS = slice(RATE_HZ // 400, RATE_HZ // 70)
"""How far a voice's periods are apart: 70 to 400 Hz."""

_WINDOW = np.hanning(SPAN + 1)[:SPAN].astype(np.float32)
_OWN = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, POINTS)) ** 2)
"""The window's autocorrelation, by which that of what is seen through it must be divided."""


@dataclass(frozen=True, slots=True)
class Sines:
    """What one frame is like: its two strongest frequencies (0: none), their share of its energy, its level, how periodic it is."""

    first_hz: float
    second_hz: float
    share: float
    level_dbov: float
    periodic: float = 0.0
    """Autocorrelation at the best period of a voice, 0 to about 1."""

    @property
    def tonal(self) -> bool:
        return self.share >= PURE and self.level_dbov > FAINT_DBOV


def analyse(span: Floats) -> Sines:
    """The tops of 40 ms of sound."""
    power = float(np.dot(span, span)) / SPAN
    level = decibels(power)
    if level <= FAINT_DBOV:
        return Sines(0.0, 0.0, 0.0, level)
    shape = np.fft.rfft(span * _WINDOW, POINTS)
    spectrum = shape.real**2 + shape.imag**2
    spectrum[:DEEPEST] = 0.0
    total = float(spectrum.sum()) + 1e-12
    back = np.fft.irfft(spectrum)
    periodic = float((back[PITCH_LAGS] / _OWN[PITCH_LAGS]).max()) * float(_OWN[0]) / (float(back[0]) + 1e-12)
    first, first_share = _top(spectrum, total)
    second, second_share = _top(spectrum, total)
    if second_share < DUAL:
        return Sines(first, 0.0, first_share, level, periodic)
    return Sines(first, second, first_share + second_share, level, periodic)


def _top(spectrum: NDArray[np.float64], total: float) -> tuple[float, float]:
    """The strongest frequency and its share, which is taken out of *spectrum*."""
    at = LOWEST + int(spectrum[LOWEST:HIGHEST].argmax())
    left, mid, right = (float(power) ** 0.5 for power in spectrum[at - 1 : at + 2])
    bend = left - 2 * mid + right
    shift = 0.5 * (left - right) / bend if bend else 0.0
    lobe = slice(at - LOBE, at + LOBE + 1)
    share = float(spectrum[lobe].sum()) / total
    spectrum[lobe] = 0.0
    return (at + shift) * BIN_HZ, share


@dataclass(slots=True)
class Run:
    """Consecutive frames of one tone."""

    began: int
    """Number of its first frame."""
    tops: list[tuple[float, float]] = field(default_factory=list)
    """Strongest and second frequency of each frame; the second is 0 where there is one tone."""
    levels: list[float] = field(default_factory=list)
    last: int = 0

    @property
    def frames(self) -> int:
        return len(self.tops)

    @property
    def ms(self) -> int:
        """Length of the tone, by the frames whose 40 ms were full of it."""
        return (self.last - self.began) * TICK_MS

    @property
    def ended_ms(self) -> int:
        return (self.last + 1) * TICK_MS - TICK_MS // 2

    @property
    def _whole(self) -> list[tuple[float, float]]:
        """Without the frames at its edges, which hold only a part of it."""
        return self.tops[1:-1] if len(self.tops) >= 5 else self.tops

    @property
    def is_dual(self) -> bool:
        return 2 * sum(1 for _, second in self._whole if second) >= len(self._whole)

    @property
    def track(self) -> list[float]:
        """The frequency from frame to frame: of two the lower one."""
        if self.is_dual:
            return [min(pair) for pair in self._whole if pair[1]]
        return [first for first, _ in self._whole]

    @property
    def hz(self) -> tuple[float, float]:
        """Median of the lower and the upper frequency; the upper is 0 where there is one."""
        high = median(max(pair) for pair in self._whole if pair[1]) if self.is_dual else 0.0
        return median(self.track), high

    @property
    def spread_hz(self) -> float:
        """How much the frequency wanders, the outermost tenths left out."""
        track = sorted(self.track)
        cut = len(track) // 10
        return track[-1 - cut] - track[cut] if track else 0.0

    @property
    def glides(self) -> bool:
        """The frequency only falls, or only rises."""
        track = self.track
        steps = [b - a for a, b in pairwise(track)]
        return len(steps) > 1 and max(sum(s <= 2 for s in steps), sum(s >= -2 for s in steps)) >= 0.85 * len(steps)

    @property
    def level_dbov(self) -> float:
        return median(self.levels)

    def add(self, frame: int, sines: Sines) -> None:
        self.last = frame
        self.tops.append((sines.first_hz, sines.second_hz))
        self.levels.append(sines.level_dbov)

    def goes_on(self, sines: Sines, frames: int) -> bool:
        """The frame, so many after the last, has the run's tone; or two sines change places at the same level."""
        first, second = self.tops[-1]
        if abs(first - sines.first_hz) < GLIDE_HZ * frames:
            return True
        if abs(sines.level_dbov - median(self.levels[-8:])) > JUMP_DB:
            return False
        others = (abs(a - b) < GLIDE_HZ for a in (first, second) if a for b in (sines.first_hz, sines.second_hz) if b)
        return any(others)


class Tones:
    """Follows one leg's tones frame by frame. Owns the frame before and the run in progress."""

    def __init__(self) -> None:
        self._span = np.zeros(SPAN, dtype=np.float32)
        self._frame = -1
        self.run: Run | None = None

    def hear(self, frame: Floats) -> tuple[Sines, Run | None]:
        """Take 20 ms; answers what they are like, and a run that has ended with them."""
        self._frame += 1
        self._span[:FRAME] = self._span[FRAME:]
        self._span[FRAME:] = frame
        sines = analyse(self._span)
        run, over = self.run, None
        if run is not None:
            if sines.tonal and run.goes_on(sines, self._frame - run.last):
                run.add(self._frame, sines)
            elif sines.tonal or self._frame - run.last >= BREAK:
                over, self.run = run, None
        if self.run is None and sines.tonal:
            self.run = Run(began=self._frame)
            self.run.add(self._frame, sines)
        return sines, over
