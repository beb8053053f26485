"""Telephone events of RFC 4733, both ways: which packets are a key pressed, and the packets that press one."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from media.streams import FRAME, TICK_MS

EVENTS = "0123456789*#ABCD"
"""By event number; what is above is no key (RFC 4733 section 3.2)."""
WAITS_MS = {"w": 500, "W": 1000}

END = 0x80
VOLUME = 10
"""-dBm0 of the digits that we send."""
LONGEST = 0xFFFF
"""Greatest duration of one packet; a longer press goes on as another segment (RFC 4733 section 2.5.1.3)."""
ENDS = 3
"""The last packet is sent so often, as it may be lost (RFC 4733 section 2.5.1.4)."""
STALE = 3
"""An event that is up to so many seconds older than the newest is a packet overtaken, not a press."""


@dataclass(slots=True)
class DigitReceiver:
    """Tells one leg's presses apart. Owns the newest event's beginning; a press is told by whichever of its packets comes first."""

    rate_hz: int = 8000
    _event: int = -1
    _timestamp: int = 0
    _duration: int = 0
    _ended: bool = True

    def packet(self, payload: bytes, timestamp: int, marker: bool) -> str | None:
        """The key, if this packet is the first of a press."""
        if len(payload) < 4:
            return None
        event, flags, duration = struct.unpack_from("!BBH", payload)
        if event >= len(EVENTS):
            return None
        ended = bool(flags & END)
        if self._event >= 0:
            since = (timestamp - self._timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            if since == 0 and event == self._event:
                self._duration = max(self._duration, duration)
                self._ended |= ended
                return None
            if -STALE * self.rate_hz <= since < 0:
                return None
            if event == self._event and not self._ended and not marker and 0 < since <= self._duration:
                # The next segment of a long press, or a sender that counts the timestamp up within one.
                self._timestamp, self._duration, self._ended = timestamp, duration, ended
                return None
        self._event, self._timestamp, self._duration, self._ended = event, timestamp, duration, ended
        return EVENTS[event]


Piece = tuple[bytes, int, bool]
"""Payload, RTP timestamp, marker."""


class DigitSender:
    """Presses keys one after another, a tick at a time. Between keys the leg's audio goes on."""

    def __init__(self, digits: str, *, step: int = FRAME, on_ms: int = 100, off_ms: int = 100) -> None:
        """*step*: RTP timestamp units of a tick. *off_ms* covers the repeated last packet."""
        self._waiting = [key for key in digits if key in WAITS_MS or key.upper() in EVENTS]
        self._step = step
        self._on = max(1, on_ms // TICK_MS)
        self._off = max(ENDS, off_ms // TICK_MS)
        self._event = 0
        self._began_at = 0
        self._tick = 0
        self._pause = 0

    @property
    def done(self) -> bool:
        """The last key has been released and its pause is over."""
        return not self._waiting and not self._tick and not self._pause

    def pull(self, timestamp: int) -> list[Piece]:
        """The packets of this tick, whose own timestamp is *timestamp*; none while nothing is pressed."""
        if self._pause:
            self._pause -= 1
            return []
        if not self._tick:
            if not self._waiting:
                return []
            key = self._waiting.pop(0)
            if key in WAITS_MS:
                self._pause = WAITS_MS[key] // TICK_MS - 1
                return []
            self._event, self._began_at = EVENTS.index(key.upper()), timestamp
        self._tick += 1
        ended = self._tick > self._on
        duration = min(LONGEST, min(self._tick, self._on) * self._step)
        piece = (struct.pack("!BBH", self._event, END * ended | VOLUME, duration), self._began_at, self._tick == 1)
        if self._tick == self._on + ENDS:
            self._tick, self._pause = 0, self._off - ENDS
        return [piece]
