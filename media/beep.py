"""Tones among other sounds: what of a frame is one or two sines, and which runs of such frames are a beep, a fax or the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

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

PURE = 0.72
"""Share of the energy that one or two tops must have for a frame to be a tone …"""
DUAL = 0.08
"""… and the share from which the second one is a tone of its own."""
FAINT_DBOV = -52.0
GLIDE_HZ = 45.0
"""A falling beep's frequency moves by no more than so much from frame to frame."""
BREAK = 2
"""So many frames without the tone end a run; a fax's phase reversal takes one or two."""

_WINDOW = np.hanning(SPAN + 1)[:SPAN].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Sines:
    """What one frame is like: its two strongest frequencies (0: none), their share of its energy, its level."""

    first_hz: float
    second_hz: float
    share: float
    level_dbov: float

    @property
    def tonal(self) -> bool:
        return self.share >= PURE and self.level_dbov > FAINT_DBOV


def analyse(span: Floats) -> Sines:
    """The tops of 40 ms of sound."""
    power = float(np.dot(span, span)) / SPAN
    level = decibels(power)
    if level <= FAINT_DBOV:
        return Sines(0.0, 0.0, 0.0, level)
    spectrum = np.abs(np.fft.rfft(span * _WINDOW, POINTS)) ** 2
    total = float(spectrum[4:].sum()) + 1e-12
    first, first_share = _top(spectrum, total)
    second, second_share = _top(spectrum, total)
    if second_share < DUAL:
        return Sines(first, 0.0, first_share, level)
    return Sines(first, second, first_share + second_share, level)


def _top(spectrum: NDArray[np.float64], total: float) -> tuple[float, float]:
    """The strongest frequency and its share, which is taken out of *spectrum*."""
    at = LOWEST + int(spectrum[LOWEST:HIGHEST].argmax())
    left, mid, right = (float(spectrum[at + i]) ** 0.5 for i in (-1, 0, 1))
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
    frames: int = 0
    pairs: list[tuple[float, float]] = field(default_factory=list)
    """Lower and upper frequency of each frame; the upper is 0 where there is one tone."""
    levels: list[float] = field(default_factory=list)
    last: int = 0

    @property
    def ms(self) -> int:
        """Length of the tone, by the frames whose 40 ms were full of it."""
        return (self.last - self.began) * TICK_MS

    @property
    def hz(self) -> tuple[float, float]:
        """Median of the lower and the upper frequency."""
        duals = [pair for pair in self.pairs if pair[1]]
        if 2 * len(duals) < len(self.pairs):
            return float(np.median([lower for lower, _ in self.pairs])), 0.0
        low, high = np.median(np.array(duals), axis=0)
        return float(low), float(high)

    @property
    def spread_hz(self) -> float:
        """How much the lower frequency wanders."""
        tops = [pair[0] for pair in self.pairs]
        return float(np.percentile(tops, 90) - np.percentile(tops, 10)) if tops else 0.0

    @property
    def glides(self) -> bool:
        """The frequency only falls, or only rises."""
        steps = np.diff([pair[0] for pair in self.pairs])
        return len(steps) > 2 and max(float((steps <= 2).mean()), float((steps >= -2).mean())) >= 0.85


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
        if run is not None and not (sines.tonal and _same(run, sines)):
            if sines.tonal or self._frame - run.last >= BREAK:
                over, self.run, run = run, None, None
        elif run is not None:
            self._add(run, sines)
        if run is None and sines.tonal:
            self.run = Run(began=self._frame)
            self._add(self.run, sines)
        return sines, over

    def _add(self, run: Run, sines: Sines) -> None:
        run.frames += 1
        run.last = self._frame
        tops = sorted(hz for hz in (sines.first_hz, sines.second_hz) if hz)
        run.pairs.append((tops[0], tops[1] if len(tops) > 1 else 0.0))
        run.levels.append(sines.level_dbov)


def _same(run: Run, sines: Sines) -> bool:
    """The frame goes on with one of the run's frequencies."""
    return any(abs(a - b) < GLIDE_HZ for a in run.pairs[-1] if a for b in (sines.first_hz, sines.second_hz) if b)


class Kind(Enum):
    """What a tone means to somebody who waits for an answer."""

    BEEP = "beep"
    FAX = "fax"
    SPECIAL = "special"
    """The special information tones: a network's announcement follows."""
    NETWORK = "network"
    """Ringing, busy, or another tone of the network."""


@dataclass(frozen=True, slots=True)
class Sound:
    kind: Kind
    began_ms: int
    ended_ms: int


CALLED_HZ, CALLED_MS = (2075.0, 2125.0), 900
"""CED and ANSam, ITU-T T.30 and V.8; 2.6 s or more, of which this much is enough to know."""
CALLING_HZ, CALLING_MS, CALLING_PAUSE_MS = (1062.0, 1138.0), (400, 600), (2700, 3300)
"""CNG, ITU-T T.30: half a second in each three and a half."""
SPECIAL_HZ = ((880.0, 1020.0), (1340.0, 1460.0), (1740.0, 1810.0))
SPECIAL_MS = 200
"""ITU-T E.180 section 7: three rising tones of 276 or 380 ms."""
BEEP_HZ = (380.0, 2060.0)
BEEP_MS = (60, 1300)
RINGING_HZ = (380.0, 500.0)
RINGING_MS, DUAL_RINGING_MS = 700, 300
"""How long a ringing or busy tone lasts: one sine (and after a greeting it may be a beep), or two."""
STEADY_HZ = 12.0
"""A beep's frequency stays within this, or glides one way."""
SURE_MS = 260
"""A beep is one when so much has passed after it without another tone beside it."""
APART_MS = 300
SPOKEN = 0.6
"""Voice probability, averaged over about 150 ms, above which somebody speaks."""
VOWEL, STILL_HZ = 0.5, 4.0
"""A tone that sounds like speech is a vowel, unless it stands as still as no voice does."""


@dataclass(slots=True)
class Sorter:
    """Tells what runs of tone are. Owns those that are not decided yet."""

    pending_ms: int = 0
    """How long ago the undecided tone began; 0: there is none."""
    _ms: int = 0
    _waiting: Run | None = None
    _voiced: float = 0.0
    _voices: list[float] = field(default_factory=list)
    """How likely each frame of the run in progress is speech."""
    _followed: Run | None = None
    _last_end: int = -10_000
    """When the tone before ended that was no vowel."""
    _special: int = 0
    """How many of the three have been heard, and when the last one ended."""
    _special_ended: int = -10_000
    _called: bool = False
    _spoken: bool = False
    """There has been speech."""
    _calling: list[int] = field(default_factory=list)
    """When half-second tones of 1100 Hz have ended."""

    def hear(self, run: Run | None, over: Run | None, speech: float) -> list[Sound]:
        """Take 20 ms: the run in progress, the one that has just ended, and how likely the frame is speech."""
        self._ms += TICK_MS
        self._voiced += 0.12 * (speech - self._voiced)
        self._spoken |= self._voiced > SPOKEN
        sounds = self._long(run) if run is not None else []
        if over is not None and over.ms >= BEEP_MS[0] - TICK_MS:
            sounds += self._ended(over)
        if run is not self._followed:
            self._followed, self._voices = run, []
        if run is not None:
            self._voices.append(speech)
        waiting = self._waiting
        if waiting is not None:
            if run is not None and run.ms >= BEEP_MS[0] and self._voiced < SPOKEN:
                self._waiting = None  # another tone at once: music, or a cadence
            elif self._ms - _end_ms(waiting) >= SURE_MS:
                self._waiting = None
                if self._voiced < SPOKEN:
                    sounds.append(Sound(Kind.BEEP, waiting.began * TICK_MS, _end_ms(waiting)))
        begun = self._waiting or (run if run is not None and _is_beep(run, growing=True) else None)
        self.pending_ms = self._ms - begun.began * TICK_MS if begun is not None else 0
        return sounds

    def _long(self, run: Run) -> list[Sound]:
        """What a tone is before it has ended."""
        low, high = run.hz if run.frames % 5 == 0 and run.ms >= SPECIAL_MS else (0.0, 0.0)
        if not self._called and _within(low, CALLED_HZ) and not high and run.ms >= CALLED_MS:
            self._called = True
            return [Sound(Kind.FAX, run.began * TICK_MS, self._ms)]
        if _within(low, RINGING_HZ) and run.ms >= BEEP_MS[1] and self._voiced < SPOKEN:
            return [Sound(Kind.NETWORK, run.began * TICK_MS, self._ms)]
        return []

    def _ended(self, run: Run) -> list[Sound]:
        """Judge a run that is over; a beep is only believed after a while."""
        began, ended = run.began * TICK_MS, _end_ms(run)
        voice = float(np.mean(self._voices)) if self._voices else 0.0
        alone = began - self._last_end >= APART_MS
        if voice < VOWEL:
            self._last_end = ended
        if self._is_special(run):
            return [Sound(Kind.SPECIAL, began, ended)]
        low, high = run.hz
        if not high and _within(low, CALLING_HZ) and CALLING_MS[0] <= run.ms <= CALLING_MS[1]:
            before = [began - end for end in self._calling]
            self._calling.append(ended)
            if any(CALLING_PAUSE_MS[0] <= pause <= CALLING_PAUSE_MS[1] for pause in before):
                return [Sound(Kind.FAX, began, ended)]
            if not self._spoken:
                return [Sound(Kind.NETWORK, began, ended)]
        rings = (
            (run.ms >= RINGING_MS and not self._spoken) or run.ms > BEEP_MS[1] or (high and run.ms >= DUAL_RINGING_MS)
        )
        if rings and _within(low, RINGING_HZ) and self._voiced < SPOKEN:
            return [Sound(Kind.NETWORK, began, ended)]
        if alone and _is_beep(run) and (voice < VOWEL or run.spread_hz <= STILL_HZ):
            self._waiting = run
        return []

    def _is_special(self, run: Run) -> bool:
        """The three tones, as runs of their own or as one that glides from one to the next."""
        found = False
        steps = [self._special] if self._ms - self._special_ended < 400 else [0]
        step = steps[0]
        for low, _ in run.pairs:
            if step < 3 and _within(low, SPECIAL_HZ[step]):
                step += 1
                self._special_ended = self._ms
        if step == 3 and run.ms >= SPECIAL_MS:
            found, step = True, 0
        self._special = step
        return found


def _end_ms(run: Run) -> int:
    return (run.last + 1) * TICK_MS - FRAME * 1000 // RATE_HZ // 2


def _within(hz: float, band: tuple[float, float]) -> bool:
    return band[0] <= hz <= band[1]


def _is_beep(run: Run, *, growing: bool = False) -> bool:
    """Steady or gliding, of a beep's pitch and length."""
    low, high = run.hz
    longest = BEEP_MS[1]
    if not (_within(low, BEEP_HZ) and run.ms <= longest and (growing or run.ms >= BEEP_MS[0])):
        return False
    if run.spread_hz <= STEADY_HZ:
        return True
    return run.glides and not high
