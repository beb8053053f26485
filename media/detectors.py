"""What is listened for on legs: digits in the audio where RFC 4733 is not agreed, speech where it is asked for, and the audio itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from media.amd import Detector as AnswerDetector
from media.amd import Verdict as Judged
from media.commands import Detect
from media.events import Digit, Event, Heard, Speech, Verdict
from media.goertzel import Detector as ToneDetector
from media.legs import Leg
from media.levels import to_pcm
from media.streams import Slot, StreamParams
from media.vad import Detector as SpeechDetector
from media.voicing import voicing

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]


@dataclass(slots=True)
class Detectors:
    """Owns who listens to which row."""

    rows: int
    legs: dict[int, Leg]
    emit: Callable[[Event], None]
    _digits: ToneDetector = field(init=False)
    _speech: SpeechDetector = field(init=False)
    _in_band: set[int] = field(default_factory=set)
    _watched: dict[int, Slot] = field(default_factory=dict)
    _heard: dict[int, Slot] = field(default_factory=dict)
    _answers: dict[int, tuple[Slot, AnswerDetector]] = field(default_factory=dict)
    _in_band_rows: Rows = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    _watched_rows: Rows = field(default_factory=lambda: np.zeros(0, dtype=np.intp))

    def __post_init__(self) -> None:
        self._digits = ToneDetector(self.rows)
        self._speech = SpeechDetector(self.rows)

    def connect(self, leg: Leg, params: StreamParams) -> None:
        """Listen for in-band digits where telephone-event is not agreed."""
        wanted = params.dtmf_payload_type is None and params.direction.receives
        if wanted == (leg.row in self._in_band):
            return
        (self._in_band.add if wanted else self._in_band.discard)(leg.row)
        self._digits.forget(leg.row)
        self._in_band_rows = np.array(sorted(self._in_band), dtype=np.intp)

    def watch(self, slot: Slot, on: bool) -> None:
        if on == (slot.row in self._watched):
            return
        if on:
            self._watched[slot.row] = slot
        else:
            del self._watched[slot.row]
        self._speech.forget(slot.row)
        self._watched_rows = np.array(sorted(self._watched), dtype=np.intp)

    def hear(self, slot: Slot, on: bool) -> None:
        if on:
            self._heard[slot.row] = slot
        else:
            self._heard.pop(slot.row, None)

    def detect(self, asked: Detect) -> None:
        """Find out who answers; one that runs already is begun anew."""
        running = self._answers.pop(asked.slot.row, None)
        if running is not None:
            running[1].close()
        self._answers[asked.slot.row] = (asked.slot, AnswerDetector(asked, voicing()))

    def forget(self, slot: Slot) -> None:
        if slot.row in self._answers and (verdict := self._answers[slot.row][1].gone()) is not None:
            self._judge(slot, verdict)
        self.watch(slot, False)
        self.hear(slot, False)
        if slot.row in self._in_band:
            self._in_band.discard(slot.row)
            self._digits.forget(slot.row)
            self._in_band_rows = np.array(sorted(self._in_band), dtype=np.intp)

    def listen(self, heard: Floats) -> None:
        """One tick."""
        if len(self._in_band_rows):
            for row, digit in self._digits.listen(self._in_band_rows, heard):
                self.emit(Digit(slot=self.legs[row].slot, digit=digit, in_band=True))
        if len(self._watched_rows):
            for row, speaking in self._speech.listen(self._watched_rows, heard):
                self.emit(Speech(slot=self._watched[row], speaking=speaking))
        for row, (slot, detector) in list(self._answers.items()) if self._answers else ():
            if (verdict := detector.hear(heard[row])) is not None:
                self._judge(slot, verdict)
        for row, slot in self._heard.items():
            self.emit(Heard(slot=slot, pcm=to_pcm(heard[row]).tobytes()))

    def _judge(self, slot: Slot, verdict: Judged) -> None:
        del self._answers[slot.row]
        self.emit(Verdict(slot=slot, answered_by=verdict.answered_by.value, ms=verdict.ms))
