"""What tones among other sounds mean to somebody who waits for an answer: a machine's beep, a fax, the network's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from statistics import fmean, median

from media.sines import Run
from media.streams import TICK_MS


class Kind(Enum):
    """What a tone means."""

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
CALLING_HZ, CALLING_MS, CALLING_PAUSE_MS = (1062.0, 1138.0), (340, 660), (2600, 3400)
"""CNG, ITU-T T.30: half a second in each three and a half (a network's jitter takes from either, or adds)."""
SPECIAL_HZ = ((880.0, 1020.0), (1340.0, 1460.0), (1740.0, 1810.0))
SPECIAL_MS, SPECIAL_GAP_MS = 200, 1_000
"""ITU-T E.180 section 7: three rising tones of 276 or 380 ms; each ends at most so long after the one before."""
BEEP_HZ = (380.0, 2060.0)
BEEP_MS = (60, 1300)
RINGING_HZ = (380.0, 500.0)
BUSY_HZ = ((465.0, 495.0), (605.0, 635.0))
"""What networks ring with, and 480 + 620 (ITU-T E.180 supplement 2)."""
DUAL_RINGING_MS = 200
"""How long a ringing or busy tone of two sines lasts after somebody has spoken; one sine may be a beep then."""
ENDLESS_MS = 1_600
"""A tone that goes on for so long is no beep."""
STEADY_HZ, DUAL_STEADY_HZ, SHAKEN_HZ, SHAKEN_MS = 12.0, 10.0, 20.0, (100, 300)
"""A beep's frequency stays within this, or glides one way; GSM shakes a short one, and a voice's harmonics move."""
FAINT_DB = 18.0
"""A beep is at most so much softer than the speech before it."""
SURE_MS, EARLY_SURE_MS = 260, 400
"""A beep is one when so much has passed after it without another tone beside it; longer where nobody has spoken before."""
DROP_DB, EARLY_DROP_DB = 3.0, 9.0
"""What comes after a beep is so much softer."""
APART_MS = 300
SOFTER_DB = 6.0
"""A tone that is so much softer than another does not belong with it: music behind."""
AGAIN_HZ, AGAIN = 25.0, 2
"""A beep may come twice, at one pitch; more often it is a cadence."""
SPOKEN = 0.6
"""Voice probability, averaged over about 150 ms, above which somebody speaks."""
VOWEL, STILL_HZ, STILL_MS = 0.5, 4.0, 120
"""A tone that sounds like speech is a vowel, unless it stands as still for so long as no voice does …"""
HARMONICS_HZ = 240.0
"""… and two sines are a voice's if they are no further apart than its pitch is high."""
GLIDE_MS = 140
"""What glides for less may be a vowel's end."""


@dataclass(slots=True)
class Candidate:
    """A tone that may turn out to be a beep."""

    run: Run
    hz: float
    level_dbov: float
    times: int = 1
    after: list[float] = field(default_factory=list)
    """Levels since its end."""


@dataclass(slots=True)
class Sorter:
    """Tells what runs of tone are. Owns those that are not decided yet."""

    pending_ms: int = 0
    """How long ago the undecided tone began; 0: there is none."""
    _ms: int = 0
    _waiting: Candidate | None = None
    _voiced: float = 0.0
    _voices: list[float] = field(default_factory=list)
    """How likely each frame of the run in progress is speech."""
    _followed: Run | None = None
    _last_end: int = -10_000
    """When the tone before ended that was no vowel, and its level."""
    _last_dbov: float = -127.0
    _special: int = 0
    """How many of the three have been heard, and when the last one ended."""
    _special_ended: int = -10_000
    _called: bool = False
    _spoken: bool = False
    """There has been speech, and how loud it was."""
    _speech_dbov: float = -127.0
    _calling: list[int] = field(default_factory=list)
    """When half-second tones of 1100 Hz have ended."""

    def hear(self, run: Run | None, over: Run | None, speech: float, level_dbov: float) -> list[Sound]:
        """Take 20 ms: the run in progress, the one that has just ended, how likely the frame is speech, and its level."""
        self._ms += TICK_MS
        self._voiced += 0.12 * (speech - self._voiced)
        if self._voiced > SPOKEN:
            self._spoken = True
            self._speech_dbov = max(self._speech_dbov - 0.02, level_dbov)
        sounds = self._long(run) if run is not None else []
        if over is not None and over.ms >= BEEP_MS[0] - TICK_MS:
            sounds += self._ended(over)
        if run is not self._followed:
            self._followed, self._voices = run, []
        if run is not None:
            self._voices.append(speech)
        if self._waiting is not None and (beep := self._confirm(self._waiting, run, level_dbov)) is not None:
            sounds.append(beep)
        begun = self._waiting.run if self._waiting else run if run is not None and _may_be_beep(run) else None
        self.pending_ms = self._ms - begun.began * TICK_MS if begun is not None else 0
        return sounds

    def _confirm(self, waiting: Candidate, run: Run | None, level_dbov: float) -> Sound | None:
        """What follows a tone tells whether it was a beep."""
        waiting.after.append(level_dbov)
        since_ms = self._ms - waiting.run.ended_ms
        if run is not None and run.ms >= BEEP_MS[0] and self._voiced < SPOKEN:
            if run.level_dbov < waiting.level_dbov - SOFTER_DB:
                pass  # music behind it
            elif (
                waiting.times < AGAIN and abs(run.hz[0] - waiting.hz) < AGAIN_HZ and run.ms <= waiting.run.ms * 1.3 + 60
            ):
                return None  # the same once more: it is judged when it has ended
            else:
                self._waiting = None  # another tone at once: music, or a cadence
                return None
        if since_ms < (SURE_MS if self._spoken else EARLY_SURE_MS):
            return None
        self._waiting = None
        drop = DROP_DB if self._spoken else EARLY_DROP_DB
        if self._voiced >= SPOKEN or median(waiting.after[-8:]) > waiting.level_dbov - drop:
            return None
        return Sound(Kind.BEEP, waiting.run.began * TICK_MS, waiting.run.ended_ms)

    def _long(self, run: Run) -> list[Sound]:
        """What a tone is before it has ended."""
        if run.frames % 5 or run.ms < CALLED_MS:
            return []
        low, high = run.hz
        if not self._called and _within(low, CALLED_HZ) and not high:
            self._called = True
            return [Sound(Kind.FAX, run.began * TICK_MS, self._ms)]
        longest = BEEP_MS[1] if _rings(low, high) else ENDLESS_MS
        if run.ms >= longest and self._voiced < SPOKEN and not _within(low, CALLED_HZ):
            return [Sound(Kind.NETWORK, run.began * TICK_MS, self._ms)]
        return []

    def _ended(self, run: Run) -> list[Sound]:
        """Judge a run that is over; a beep is only believed after a while."""
        began, ended = run.began * TICK_MS, run.ended_ms
        level = run.level_dbov
        voice = fmean(self._voices) if self._voices else 0.0
        alone = began - self._last_end >= APART_MS or self._last_dbov < level - SOFTER_DB
        if voice < VOWEL:
            self._last_end, self._last_dbov = ended, level
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
        if self._is_ringing(run, low, high):
            return [Sound(Kind.NETWORK, began, ended)]
        if not _is_beep(run) or level < self._speech_dbov - FAINT_DB:
            return []
        if voice >= VOWEL and not _is_still(run, low, high):
            return []
        waiting = self._waiting
        if waiting is None and alone:
            self._waiting = Candidate(run, low, level)
        elif waiting is not None and abs(low - waiting.hz) < AGAIN_HZ and level >= waiting.level_dbov - SOFTER_DB:
            self._waiting = Candidate(run, low, level, waiting.times + 1)
        return []

    def _is_ringing(self, run: Run, low: float, high: float) -> bool:
        if self._voiced >= SPOKEN or not _rings(low, high):
            return False
        if self._spoken:
            return run.ms >= (DUAL_RINGING_MS if high else BEEP_MS[1])
        return True  # of one piece or cut by losses: before anybody has spoken it rings

    def _is_special(self, run: Run) -> bool:
        """The three tones, as runs of their own or as one that glides from one to the next."""
        step = self._special if self._ms - self._special_ended < SPECIAL_GAP_MS else 0
        while step < 3 and sum(_within(hz, SPECIAL_HZ[step]) for hz, _ in run.tops) * TICK_MS >= SPECIAL_MS // 2:
            step += 1
            self._special_ended = self._ms
        self._special = step % 3
        return step == 3


def _within(hz: float, band: tuple[float, float]) -> bool:
    return band[0] <= hz <= band[1]


def _is_still(run: Run, low: float, high: float) -> bool:
    """As no voice stands."""
    shortest_ms = STILL_MS - 2 * TICK_MS if high else STILL_MS
    return run.spread_hz <= STILL_HZ and run.ms >= shortest_ms and (not high or high - low > HARMONICS_HZ)


def _rings(low: float, high: float) -> bool:
    """Of a pitch that networks ring at, or are busy at."""
    if _within(low, BUSY_HZ[0]) and _within(high, BUSY_HZ[1]):
        return True
    return _within(low, RINGING_HZ) and (not high or _within(high, RINGING_HZ))


def _may_be_beep(run: Run) -> bool:
    """So far."""
    return run.frames >= 2 and run.ms <= BEEP_MS[1] and _is_beep(run, shortest_ms=0)


def _is_beep(run: Run, *, shortest_ms: int = BEEP_MS[0]) -> bool:
    """Steady or gliding, of a beep's pitch and length."""
    if not (shortest_ms <= run.ms <= BEEP_MS[1] and _within(run.hz[0], BEEP_HZ)):
        return False
    if run.is_dual:
        return run.spread_hz <= DUAL_STEADY_HZ
    steady_hz = SHAKEN_HZ if SHAKEN_MS[0] <= run.ms <= SHAKEN_MS[1] else STEADY_HZ
    return run.spread_hz <= steady_hz or (run.glides and run.ms >= min(shortest_ms, 1) * GLIDE_MS)
