"""Who has answered which leg: the detections that run, fed with every frame since the answer, a bounded number of them in one tick."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from media.amd import Detector, hear_all
from media.amd import Verdict as Judged
from media.commands import Detect
from media.events import Event, Verdict
from media.streams import Slot
from media.voicing import voicing

Floats = NDArray[np.float32]

MOST_A_TICK = 80
"""Frames that one tick judges at most, 2 to 5 ms: more wait for the next, and verdicts are late rather than everybody's sound."""
KEPT = 150
"""Frames (3 s) that an armed leg keeps: so long may the gateway take from the answer to `Detect`."""


@dataclass(slots=True, eq=False)
class Listening:
    """One detection and what it has not heard yet."""

    slot: Slot
    detector: Detector
    waiting: deque[Floats]
    is_over: bool = False
    """The leg was closed: what waits is still judged."""


@dataclass(slots=True)
class Answers:
    """Owns the detections that run, and the recent sound of legs that may be asked about."""

    emit: Callable[[Event], None]
    _running: list[Listening] = field(default_factory=list)
    _by_row: dict[int, Listening] = field(default_factory=dict)
    _armed: dict[int, tuple[Slot, deque[tuple[float, Floats]]]] = field(default_factory=dict)

    def arm(self, slot: Slot) -> None:
        """Keep a leg's sound from now on: a `Detect` will ask for it."""
        self._armed[slot.row] = (slot, deque(maxlen=KEPT))

    def detect(self, asked: Detect) -> None:
        """Find out who answers; one that runs already is begun anew."""
        row = asked.slot.row
        if (running := self._by_row.pop(row, None)) is not None:
            running.detector.close()
            self._running.remove(running)
        _, kept = self._armed.pop(row, (asked.slot, deque[tuple[float, Floats]]()))
        waiting = deque(frame for at, frame in kept if asked.since and at > asked.since)
        listening = Listening(asked.slot, Detector(asked, voicing()), waiting)
        self._by_row[row] = listening
        self._running.append(listening)

    def forget(self, slot: Slot) -> None:
        """The leg is closed: its verdict is what is known when it has been heard to its end."""
        self._armed.pop(slot.row, None)
        listening = self._by_row.pop(slot.row, None)
        if listening is not None:
            listening.is_over = True
            self._end(listening)

    def listen(self, heard: Floats, now: float) -> None:
        """One tick."""
        for row, (_, kept) in self._armed.items():
            kept.append((now, heard[row].copy()))
        if not self._running:
            return
        for row, listening in self._by_row.items():
            listening.waiting.append(heard[row].copy())
        left = MOST_A_TICK
        while left and (turn := [one for one in self._running if one.waiting]):
            if len(turn) > left:  # those first that wait longest
                turn = sorted(turn, key=lambda one: -len(one.waiting))[:left]
            left -= len(turn)
            told = hear_all([one.detector for one in turn], [one.waiting.popleft() for one in turn])
            for listening, verdict in zip(turn, told, strict=True):
                if verdict is not None:
                    self._tell(listening, verdict)
                elif listening.is_over:
                    self._end(listening)

    def _end(self, listening: Listening) -> None:
        if not listening.waiting and (verdict := listening.detector.gone()) is not None:
            self._tell(listening, verdict)

    def _tell(self, listening: Listening, verdict: Judged) -> None:
        self._running.remove(listening)
        if self._by_row.get(listening.slot.row) is listening:
            del self._by_row[listening.slot.row]
        self.emit(Verdict(slot=listening.slot, answered_by=verdict.answered_by.value, ms=verdict.ms))
