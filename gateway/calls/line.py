"""A waiting line as data: who stands where, how long, how long on average (no asyncio)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from gateway.ids import AccountSid, CallSid, QueueSid

DEFAULT_SIZE = 1000


class Standing(Protocol):
    """Someone in a line. `since` in monotonic seconds."""

    @property
    def sid(self) -> CallSid: ...

    @property
    def since(self) -> float: ...


S = TypeVar("S", bound=Standing)


@dataclass(eq=False, slots=True, kw_only=True)
class Line(Generic[S]):
    """First come, first served."""

    sid: QueueSid
    account_sid: AccountSid
    name: str
    created_at: datetime
    max_size: int = DEFAULT_SIZE
    _standing: list[S] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._standing)

    def __iter__(self) -> Iterator[S]:
        return iter(self._standing)

    def add(self, one: S, most: int | None = None) -> bool:
        """Go to the end. False: the line is full."""
        if len(self) >= min(self.max_size, most or self.max_size):
            return False
        self._standing.append(one)
        return True

    def take(self) -> S | None:
        """The head, who is in the line no more."""
        return self._standing.pop(0) if self._standing else None

    def put_back(self, one: S) -> None:
        """At the head again, whatever the size: it was called, and whoever called it has gone."""
        self._standing.insert(0, one)

    def remove(self, one: S) -> None:
        """Whoever leaves, served or not."""
        if one in self._standing:
            self._standing.remove(one)

    def position(self, one: S) -> int:
        """1: the head; 0: not in the line."""
        return self._standing.index(one) + 1 if one in self._standing else 0

    def average_s(self, now: float) -> int:
        """How long those who stand here have been waiting, on average (AvgQueueTime)."""
        return int(sum(now - one.since for one in self) / len(self)) if len(self) else 0

    def parameters(self, one: S, now: float) -> tuple[tuple[str, str], ...]:
        """What a waitUrl is told (callbacks.md section 2)."""
        return (
            ("QueuePosition", str(self.position(one))),
            ("QueueSid", self.sid),
            ("QueueTime", str(int(now - one.since))),
            ("AvgQueueTime", str(self.average_s(now))),
            ("CurrentQueueSize", str(len(self))),
            ("MaxQueueSize", str(self.max_size)),
        )
