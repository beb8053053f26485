"""Digits of all legs: RFC 4733 in and out where it is agreed, tones in the audio where it is not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from media.commands import Tone
from media.digits import DigitReceiver, DigitSender
from media.events import Digit, DigitsSent, Dry, Event, NotPlayed
from media.legs import Leg
from media.outbound import Outbound
from media.player import Player
from media.streams import Slot

Floats = NDArray[np.float32]
LOW = (697.0, 770.0, 852.0, 941.0)
HIGH = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS = "123A456B789C*0#D"
ON_MS, OFF_MS = 100, 100
WAITS = {"w": 500, "W": 1000}
LEVEL_DBM0 = -9.0
"""Each frequency's; ITU-T Q.24 asks receivers to take -3 to -25."""


@dataclass(slots=True)
class Dialling:
    """Digits that a leg is being sent, or will be when those before are through."""

    slot: Slot
    digits: str
    ticket: int


@dataclass(slots=True)
class Keypad:
    """Owns what is being dialled on each leg, and the receivers that tell one press from its repetitions."""

    outbound: Outbound
    emit: Callable[[Event], None]
    _receivers: dict[int, DigitReceiver] = field(default_factory=dict)
    _queues: dict[int, deque[Dialling]] = field(default_factory=dict)
    _tones: Player = field(default_factory=Player)
    """In-band digits, each row's under the row's own number."""

    def packet(self, leg: Leg, payload: bytes, timestamp: int, marker: bool) -> None:
        """Take a telephone-event packet; a press is told once, when it begins."""
        receiver = self._receivers.get(leg.row)
        if receiver is None:
            rate_hz = leg.params.rate_hz if leg.params else 8000
            receiver = self._receivers[leg.row] = DigitReceiver(rate_hz=rate_hz)
        digit = receiver.packet(payload, timestamp, marker)
        if digit is not None:
            self.emit(Digit(slot=leg.slot, digit=digit))

    def dial(self, leg: Leg, digits: str, ticket: int) -> None:
        queue = self._queues.setdefault(leg.row, deque())
        queue.append(Dialling(leg.slot, digits, ticket))
        if len(queue) == 1:
            self._begin(leg, digits)

    def pull(self, said: Floats, legs: dict[int, Leg]) -> None:
        """One tick: add in-band tones to what is said, and go on where a leg's digits are through."""
        if not self._queues:
            return
        through = [event.playing for event in self._tones.pull(said) if isinstance(event, (Dry, NotPlayed))]
        through += [row for row, sender in self.outbound.dialling.items() if sender.done]
        for row in through:
            self.outbound.dialling.pop(row, None)
            queue = self._queues.get(row)
            if not queue:
                continue
            over = queue.popleft()
            self.emit(DigitsSent(slot=over.slot, ticket=over.ticket))
            if queue:
                self._begin(legs[row], queue[0].digits)
            else:
                del self._queues[row]

    def forget(self, leg: Leg) -> None:
        """The leg closes: what was not dialled is told as sent, so that nobody waits for it."""
        self._receivers.pop(leg.row, None)
        self._tones.stop(leg.row)
        self.outbound.dialling.pop(leg.row, None)
        for dialling in self._queues.pop(leg.row, ()):
            self.emit(DigitsSent(slot=dialling.slot, ticket=dialling.ticket))

    def _begin(self, leg: Leg, digits: str) -> None:
        if leg.params is not None and leg.params.dtmf_payload_type is not None:
            self.outbound.dialling[leg.row] = DigitSender(digits, step=leg.params.rate_hz // 50)
        else:
            self._tones.start(leg.row, leg.row, tone_of(digits))


def tone_of(digits: str) -> Tone:
    """Digits as a tone: unknown characters are passed over."""
    segments: list[tuple[tuple[float, ...], int, int]] = []
    for digit in digits:
        if digit in WAITS:
            segments.append(((), WAITS[digit], 0))
        elif (key := KEYS.find(digit.upper())) >= 0:
            segments.append(((LOW[key // 4], HIGH[key % 4]), ON_MS, OFF_MS))
    return Tone(segments=tuple(segments), cycles=1, level_dbm0=LEVEL_DBM0)
