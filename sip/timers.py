"""Timers as data: their letters (RFC 3261 table 4, RFC 6026), their values, and a table of deadlines that somebody else waits for."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Timer(Enum):
    """Letters of RFC 3261 and RFC 6026; the named ones are the user agent's own."""

    __hash__ = object.__hash__  # members are singletons; Enum's own hash costs a Python call in every table look-up

    A = "A"
    B = "B"
    C = "C"
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
    UNANSWERED = "no answer by the user"
    RESEND_2XX = "resend 2xx"
    ACK_WAIT = "ACK wait"
    RESEND_RELIABLE = "resend reliable 1xx"
    RELIABLE_WAIT = "PRACK wait"
    RINGING = "1xx refresh"
    CANCELED = "canceled without a final response"
    NEXT_HOP = "next hop"
    GLARE = "glare"
    OFFER_WAIT = "offer without an answer"
    REFRESH = "session refresh"
    EXPIRE = "session expiry"


class Owner(Protocol):
    """Whose timer it is; hashed by identity."""

    def fire(self, timer: Timer, now: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerValues:
    """RFC 3261 section 17.1.1.1, in seconds."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    d: float = 32.0
    """How long a client INVITE transaction absorbs repeated failures over UDP."""

    c: float = 900.0
    """How long an INVITE may stay without a final response after its last provisional one, in either role."""

    next_hop: float = 3.0
    """How long a hop that says nothing is waited for where there is another (RFC 3263 section 4.3 has only 64*T1)."""

    @property
    def timeout(self) -> float:
        """64*T1: timers B, F, H, J, L, M."""
        return 64 * self.t1


class TimerTable:
    """Deadlines by (owner, timer). Setting one again moves it; moved and cleared ones are dropped when their time comes."""

    __slots__ = ("_at", "_count", "_heap", "_serial")

    def __init__(self) -> None:
        self._at: dict[Owner, dict[Timer, float]] = {}
        self._heap: list[tuple[float, int, Owner, Timer]] = []
        self._serial = 0
        self._count = 0

    def set(self, owner: Owner, timer: Timer, at: float) -> None:
        timers = self._at.get(owner)
        if timers is None:
            timers = self._at[owner] = {}
        if timer not in timers:
            self._count += 1
        timers[timer] = at
        self._serial += 1
        heapq.heappush(self._heap, (at, self._serial, owner, timer))
        if len(self._heap) > 64 and len(self._heap) > 4 * self._count:
            self._heap = [entry for entry in self._heap if self._is_live(entry)]
            heapq.heapify(self._heap)

    def clear(self, owner: Owner, *timers: Timer) -> None:
        """Forget these timers of the owner; all of them where none is named."""
        kept = self._at.get(owner)
        if kept is None:
            return
        if timers:
            for timer in timers:
                if kept.pop(timer, None) is not None:
                    self._count -= 1
        else:
            self._count -= len(kept)
            kept.clear()
        if not kept:
            del self._at[owner]

    def is_set(self, owner: Owner, timer: Timer) -> bool:
        return timer in self._at.get(owner, ())

    def due(self, now: float) -> Iterator[tuple[Owner, Timer]]:
        """Take every timer whose time has come, the earliest first."""
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)
            if self._is_live(entry):
                _, _, owner, timer = entry
                self.clear(owner, timer)
                yield owner, timer

    def next_deadline(self) -> float | None:
        while self._heap:
            if self._is_live(self._heap[0]):
                return self._heap[0][0]
            heapq.heappop(self._heap)
        return None

    def _is_live(self, entry: tuple[float, int, Owner, Timer]) -> bool:
        at, _, owner, timer = entry
        timers = self._at.get(owner)
        return timers is not None and timers.get(timer) == at

    def __len__(self) -> int:
        return self._count
