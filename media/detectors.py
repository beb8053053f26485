"""What is listened for on legs: digits in the audio where RFC 4733 is not agreed, speech where it is asked for, and the audio itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from media.answers import Answers
from media.events import Digit, Event, Heard, Speech
from media.goertzel import Detector as ToneDetector
from media.legs import Leg
from media.levels import to_pcm
from media.streams import Slot, StreamParams
from media.vad import Detector as SpeechDetector

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]


@dataclass(slots=True)
class Detectors:
    """Owns who listens to which row."""

    rows: int
    legs: dict[int, Leg]
    emit: Callable[[Event], None]
    answers: Answers = field(init=False)
    _digits: ToneDetector = field(init=False)
    _speech: SpeechDetector = field(init=False)
    _in_band: set[int] = field(default_factory=set)
    _watched: dict[int, Slot] = field(default_factory=dict)
    _heard: dict[int, Slot] = field(default_factory=dict)
    _in_band_rows: Rows = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    _watched_rows: Rows = field(default_factory=lambda: np.zeros(0, dtype=np.intp))

    def __post_init__(self) -> None:
        self.answers = Answers(self.emit)
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

    def forget(self, slot: Slot) -> None:
        self.answers.forget(slot)
        self.watch(slot, False)
        self.hear(slot, False)
        if slot.row in self._in_band:
            self._in_band.discard(slot.row)
            self._digits.forget(slot.row)
            self._in_band_rows = np.array(sorted(self._in_band), dtype=np.intp)

    def listen(self, heard: Floats, now: float) -> None:
        """One tick."""
        if len(self._in_band_rows):
            for row, digit in self._digits.listen(self._in_band_rows, heard):
                self.emit(Digit(slot=self.legs[row].slot, digit=digit, in_band=True))
        if len(self._watched_rows):
            for row, speaking in self._speech.listen(self._watched_rows, heard):
                self.emit(Speech(slot=self._watched[row], speaking=speaking))
        self.answers.listen(heard, now)
        for row, slot in self._heard.items():
            self.emit(Heard(slot=slot, pcm=to_pcm(heard[row]).tobytes()))
