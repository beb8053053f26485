"""Who answered: a person, a machine or a fax, from the first sound after the answer, by the times that Twilio documents.

The machine is a table of three stages; what it hears are 20 ms frames judged as speech or not, and the tones among them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

import numpy as np
from numpy.typing import NDArray

from media.beep import STEADY_HZ, Kind, Sorter, Sound
from media.commands import Detect
from media.sines import Sines, Tones, analyse_all
from media.streams import TICK_MS
from media.voicing import Voicing, together
from media.words import Word

Floats = NDArray[np.float32]


class AnsweredBy(Word):
    """Twilio's values."""

    HUMAN = "human"
    MACHINE_START = "machine_start"
    MACHINE_END_BEEP = "machine_end_beep"
    MACHINE_END_SILENCE = "machine_end_silence"
    MACHINE_END_OTHER = "machine_end_other"
    FAX = "fax"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    answered_by: AnsweredBy
    ms: int
    """From the answer to the verdict."""


class Stage(Enum):
    WAITING = 1
    """Nobody has spoken."""
    GREETING = 2
    MACHINE = 3
    """A machine speaks; the end of its greeting is awaited."""


SPEECH = 0.5
LAG_MS = 60
"""By how much a voice detector tells of an end late (and about as much of a beginning)."""
SURE_MS = 20
"""A silence is judged so much later, as what ends it in time is told of late."""
ONSET_MS = 100
"""Speech shorter than this is a click, or a breath."""
FAR_DB = 26.0
"""What is so much softer than the loudest speech so far is somebody else's, behind."""
ABOVE_DB = 5.0
"""Nor is it speech what is hardly louder than the line's own noise …"""
RISE_DB = 0.05
"""… which is believed to grow by so much a frame at most; it falls at once."""
EDGE_MS = 160
"""By how much speech and a tone may differ that are one sound."""
QUIETEST_DBOV = -65.0
NOTHING_DBOV = -80.0
"""Below this nothing is sent (or has come yet), which says nothing of the line's noise."""
TONE_MS = 100
DOUBTED, PERIODIC, LOUD_DB = 0.01, 0.75, 18.0
"""A voice that the detector doubts (it knows none that squeaks) is one if it is loud and periodic, and no tone."""
MESSAGE_SILENCE_MS = 1_800
"""Added to the end threshold after a machine's greeting: a beep may come so long after the last word."""
BEEP_PENDING_MS = 1_400
"""A person's verdict waits for a tone that has begun, so long at most."""


class Detector:
    """Owns one detection from the answer to its verdict. Hears nothing but the callee, and nothing after the verdict."""

    def __init__(self, asked: Detect, voicing: Voicing) -> None:
        self._asked = asked
        self.voicing = voicing
        self.tones = Tones()
        self._sorter = Sorter()
        self._stage = Stage.WAITING
        self._ms = 0
        self._recent: deque[tuple[bool, bool, float]] = deque(maxlen=ONSET_MS // TICK_MS)
        self._begins = 0
        self._speech_ended = 0
        self._loudest = -60.0
        self._floor = 0.0
        self._near_ms = 0
        self._network_until = 0
        self.verdict: Verdict | None = None

    def hear(self, frame: Floats) -> Verdict | None:
        """Take 20 ms; answers the verdict once, with the frame that decides it."""
        return hear_all((self,), (frame,))[0]

    def judge(self, speech: float, sines: Sines) -> Verdict | None:
        """Take how likely 20 ms are speech, and what their tones are."""
        self._ms += TICK_MS
        _, run = self.tones.follow(sines)
        self._listen(speech, sines)
        sounds = self._sorter.hear(self.tones.run, run, speech, sines.level_dbov)
        answered_by = self._tone(sounds) or self._timing()
        if answered_by is None:
            return None
        return self._say(answered_by)

    def gone(self) -> Verdict | None:
        """The callee hung up, or sends nothing more: what is known by now."""
        if self.verdict is not None:
            return None
        return self._say(AnsweredBy.MACHINE_END_OTHER if self._stage is Stage.MACHINE else AnsweredBy.UNKNOWN)

    def close(self) -> None:
        """It will hear no more."""
        self.voicing.close()

    def _say(self, answered_by: AnsweredBy) -> Verdict:
        self.verdict = Verdict(answered_by=answered_by, ms=self._ms)
        self.close()
        return self.verdict

    def _listen(self, probability: float, sines: Sines) -> None:
        """Follow the speech: its beginning, its latest end, its loudest."""
        level = sines.level_dbov
        if level > NOTHING_DBOV:
            self._floor = min(max(level, QUIETEST_DBOV), self._floor + RISE_DB)
        near = level > max(self._loudest - FAR_DB, self._floor + ABOVE_DB)
        likely = self._is_voice(probability, sines)
        self._recent.append((likely, near, level))
        if near:
            self._near_ms = self._ms
        if not likely:
            return
        spoken = sum(likely for likely, _, _ in self._recent) * TICK_MS
        if self._stage is Stage.WAITING:
            if spoken < ONSET_MS or not any(near for _, near, _ in self._recent):
                return
            self._stage = Stage.GREETING
            self._begins = self._ms - ONSET_MS - LAG_MS
        elif spoken < ONSET_MS // 2:
            return  # a click within a pause is no speech
        self._speech_ended = max(self._speech_ended, min(self._ms - LAG_MS, self._near_ms))
        if near:
            self._loudest = max(self._loudest - 0.02, median(level for _, _, level in self._recent))

    def _is_voice(self, probability: float, sines: Sines) -> bool:
        """What the voice detector takes for speech, unless a tone stands still; and what it should have taken."""
        if probability >= SPEECH:
            run = self.tones.run if sines.tonal else None
            return run is None or run.ms < TONE_MS or run.spread_hz > STEADY_HZ
        loud = sines.level_dbov > self._floor + LOUD_DB
        return loud and probability >= DOUBTED and sines.periodic >= PERIODIC and not sines.tonal

    def _tone(self, sounds: list[Sound]) -> AnsweredBy | None:
        """What a tone decides by itself."""
        for sound in sounds:
            match sound.kind:
                case Kind.FAX if self._stage is not Stage.MACHINE or not self._asked.message_end:
                    return AnsweredBy.FAX
                case Kind.NETWORK:
                    self._network_until = self._ms
                    if self._stage is Stage.MACHINE:
                        return AnsweredBy.MACHINE_END_OTHER
                    if self._is_all_of(sound):
                        self._stage = Stage.WAITING
                case Kind.SPECIAL:
                    if self._stage is not Stage.MACHINE and (by := self._machine()):
                        return by
                    self._speech_ended = self._ms
                case Kind.BEEP:
                    if self._asked.message_end:
                        return AnsweredBy.MACHINE_END_BEEP
                    return AnsweredBy.MACHINE_START
        return None

    def _is_all_of(self, sound: Sound) -> bool:
        """What was taken for speech was this tone's beginning."""
        inside = sound.began_ms - EDGE_MS <= self._begins and self._speech_ended <= sound.ended_ms + EDGE_MS
        return self._stage is Stage.GREETING and inside

    def _machine(self) -> AnsweredBy | None:
        """A machine is recognised: told at once, or when its greeting is over."""
        self._stage = Stage.MACHINE
        return None if self._asked.message_end else AnsweredBy.MACHINE_START

    def _timing(self) -> AnsweredBy | None:
        """What the times decide: one row for each stage."""
        asked, quiet_ms = self._asked, self._ms - self._speech_ended
        match self._stage:
            case Stage.WAITING:
                if self._ms - SURE_MS - self._network_until >= asked.silence_ms and not self._pending():
                    return AnsweredBy.UNKNOWN
            case Stage.GREETING:
                if self._speech_ended - self._begins >= asked.speech_ms:
                    return self._machine()
                if quiet_ms - SURE_MS >= asked.speech_end_ms and not self._pending():
                    return AnsweredBy.HUMAN
            case Stage.MACHINE:
                if quiet_ms >= asked.speech_end_ms + MESSAGE_SILENCE_MS and not self._pending():
                    return AnsweredBy.MACHINE_END_SILENCE
        if self._ms >= asked.timeout_ms:
            return AnsweredBy.MACHINE_END_OTHER if self._stage is Stage.MACHINE else AnsweredBy.UNKNOWN
        return None

    def _pending(self) -> bool:
        """Speech may have begun again, or a tone sounds, or has just ended, that may yet turn out to be a beep."""
        return any(likely and near for likely, near, _ in self._recent) or 0 < self._sorter.pending_ms < BEEP_PENDING_MS


def hear_all(detectors: Sequence[Detector], frames: Sequence[Floats]) -> list[Verdict | None]:
    """20 ms of each, worked out together: many cost little more than one. Verdicts come once, with the frame that decides."""
    hearing = [(one, frame) for one, frame in zip(detectors, frames, strict=True) if one.verdict is None]
    if not hearing:
        return [None] * len(detectors)
    likely = together([one.voicing for one, _ in hearing], [frame for _, frame in hearing])
    doubted = [DOUBTED <= speech < SPEECH for speech in likely]
    sines = analyse_all(np.array([one.tones.span(frame) for one, frame in hearing]), doubted)
    told = {id(one): one.judge(speech, tops) for (one, _), speech, tops in zip(hearing, likely, sines, strict=True)}
    return [told.get(id(one)) for one in detectors]
