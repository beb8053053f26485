"""Timers as data: their letters (RFC 3261 table 4, RFC 6026), their values, and a table of deadlines that somebody else waits for."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from enum import Enum


class Timer(Enum):
    """Letters of RFC 3261 and RFC 6026; the named ones are the user agent's own."""

    A = "A"
    B = "B"
    D = "D"
    E = "E"
    F = "F"
    G = "G"
    H = "H"
    I = "I"  # noqa: E741 - the RFC's letter
    J = "J"
    K = "K"
    L = "L"
    M = "M"
    RESEND_2XX = "resend 2xx"
    ACK_WAIT = "ACK wait"
    RESEND_RELIABLE = "resend reliable 1xx"
    RELIABLE_WAIT = "PRACK wait"
    REFRESH = "session refresh"
    EXPIRE = "session expiry"
    GLARE = "glare"
    RINGING = "1xx refresh"
    CANCELED = "canceled without a final response"
    TRYING = "trying"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerValues:
    """RFC 3261 section 17.1.1.1, in seconds."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    d: float = 32.0
    """How long a client INVITE transaction absorbs repeated failures over UDP."""

    @property
    def timeout(self) -> float:
        """64*T1: timers B, F, H, J, L, M."""
        return 64 * self.t1


class TimerTable:
    """Deadlines by (owner, timer). Setting one again moves it; moved and cleared ones are dropped when their time comes."""

    __slots__ = ("_at", "_heap", "_serial")

    def __init__(self) -> None:
        self._at: dict[tuple[Hashable, Timer], float] = {}
        self._heap: list[tuple[float, int, Hashable, Timer]] = []
        self._serial = 0

    def set(self, owner: Hashable, timer: Timer, at: float) -> None:
        self._at[owner, timer] = at
        self._serial += 1
        heapq.heappush(self._heap, (at, self._serial, owner, timer))

    def clear(self, owner: Hashable, *timers: Timer) -> None:
        for timer in timers or Timer:
            self._at.pop((owner, timer), None)
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._at):
            self._heap = [entry for entry in self._heap if self._at.get((entry[2], entry[3])) == entry[0]]
            heapq.heapify(self._heap)

    def is_set(self, owner: Hashable, timer: Timer) -> bool:
        return (owner, timer) in self._at

    def due(self, now: float) -> Iterator[tuple[Hashable, Timer]]:
        """Take every timer whose time has come, the earliest first."""
        while self._heap and self._heap[0][0] <= now:
            at, _, owner, timer = heapq.heappop(self._heap)
            if self._at.get((owner, timer)) == at:
                del self._at[owner, timer]
                yield owner, timer

    def next_deadline(self) -> float | None:
        while self._heap:
            at, _, owner, timer = self._heap[0]
            if self._at.get((owner, timer)) == at:
                return at
            heapq.heappop(self._heap)
        return None

    def __len__(self) -> int:
        return len(self._at)
