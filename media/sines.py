"""What of a sound is one or two sines: the tops of each frame's spectrum, and runs of frames that hold the same tone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from media.levels import decibels
from media.streams import FRAME, RATE_HZ, TICK_MS

Floats = NDArray[np.float32]
Spectra = NDArray[np.floating]

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
_LESS = (float(_OWN[0]) / _OWN[PITCH_LAGS]).astype(np.float32)
_LOBE = np.arange(-LOBE, LOBE + 1)


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
    return analyse_all(span[None])[0]


def analyse_all(spans: Floats, doubted: Sequence[bool] | None = None) -> list[Sines]:
    """The same of each row, all at once. *doubted*: of which rows it matters how periodic they are; None: of all."""
    levels = [decibels(power) for power in (np.einsum("ij,ij->i", spans, spans) / SPAN).tolist()]
    found = [Sines(0.0, 0.0, 0.0, level) for level in levels]
    loud = [at for at, level in enumerate(levels) if level > FAINT_DBOV]
    if not loud:
        return found
    shapes = np.fft.rfft((spans if len(loud) == len(spans) else spans[loud]) * _WINDOW, POINTS)
    spectra = shapes.real**2 + shapes.imag**2
    spectra[:, :DEEPEST] = 0.0
    totals = spectra.sum(axis=1) + 1e-12
    periodic = _periodic(spectra, [at for at, row in enumerate(loud) if doubted is None or doubted[row]])
    tops = _top if len(loud) == 1 else _tops
    firsts, seconds = tops(spectra, totals), tops(spectra, totals)
    for at, (hz, share), (hz2, share2), period in zip(loud, firsts, seconds, periodic, strict=True):
        if share2 < DUAL:
            found[at] = Sines(hz, 0.0, share, levels[at], period)
        else:
            found[at] = Sines(hz, hz2, share + share2, levels[at], period)
    return found


def _periodic(spectra: Spectra, rows: list[int]) -> list[float]:
    """How periodic these rows are, 0 for the others."""
    found = [0.0] * len(spectra)
    if rows:
        back = np.fft.irfft(spectra if len(rows) == len(spectra) else spectra[rows])
        periods: list[float] = ((back[:, PITCH_LAGS] * _LESS).max(axis=1) / (back[:, 0] + 1e-12)).tolist()
        for row, period in zip(rows, periods, strict=True):
            found[row] = period
    return found


def _tops(spectra: Spectra, totals: Spectra) -> list[tuple[float, float]]:
    """Each row's strongest frequency and its share, which is taken out of *spectra*."""
    at = LOWEST + spectra[:, LOWEST:HIGHEST].argmax(axis=1)
    flat = spectra.reshape(-1)
    lobes = (at + np.arange(0, flat.size, spectra.shape[1]))[:, None] + _LOBE
    near = flat[lobes]
    flat[lobes] = 0.0
    left, mid, right = np.sqrt(near[:, LOBE - 1 : LOBE + 2]).T
    bend = left - 2 * mid + right
    bend[bend == 0.0] = 1.0
    hz = (at + 0.5 * (left - right) / bend) * BIN_HZ
    return list(zip(hz.tolist(), (near.sum(axis=1) / totals).tolist(), strict=True))


def _top(spectra: Spectra, totals: Spectra) -> list[tuple[float, float]]:
    """The same where there is one row, in a third of the time."""
    one = spectra[0]
    at = LOWEST + int(one[LOWEST:HIGHEST].argmax())
    lobe = one[at - LOBE : at + LOBE + 1]
    left, mid, right = (power**0.5 for power in lobe[LOBE - 1 : LOBE + 2].tolist())
    share = float(lobe.sum()) / float(totals[0])
    lobe[:] = 0.0
    bend = left - 2 * mid + right
    return [((at + (0.5 * (left - right) / bend if bend else 0.0)) * BIN_HZ, share)]


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
        return self.follow(analyse(self.span(frame)))

    def span(self, frame: Floats) -> Floats:
        """20 ms and those before them: what `follow` wants to know of."""
        self._span[:FRAME] = self._span[FRAME:]
        self._span[FRAME:] = frame
        return self._span

    def follow(self, sines: Sines) -> tuple[Sines, Run | None]:
        """Take what the latest span is like."""
        self._frame += 1
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
