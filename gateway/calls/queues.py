"""The waiting lines by name, and the hand-over between who waits and who serves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from gateway.calls.call import utc_now
from gateway.calls.exchange import LiveCall
from gateway.calls.line import Line
from gateway.ids import AccountSid, CallSid, QueueSid, new_queue_sid
from gateway.twiml.control import Whisper


class LineLedger(Protocol):
    """Where lines are kept."""

    def line_made(self, line: Line[Place]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Who serves, and what the waiting caller is to hear before the bridge."""

    by: CallSid
    whisper: Whisper | None = None


def _future() -> asyncio.Future[bool]:
    return asyncio.get_running_loop().create_future()


@dataclass(eq=False, slots=True, kw_only=True)
class Place:
    """A caller in a line. `since` in monotonic seconds. Each future is set once, by the side that its sentence names."""

    live: LiveCall
    since: float
    turn: asyncio.Future[Turn] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """The server: it is your turn."""

    ready: asyncio.Future[bool] = field(default_factory=_future)
    """The waiting side: True, bridge us; False, it has gone."""

    gone: asyncio.Future[bool] = field(default_factory=_future)
    """The waiting side: it is no more in its `<Enqueue>` (hung up, or taken by an update)."""

    released: asyncio.Future[bool] = field(default_factory=_future)
    """The server: the bridge has ended. True: they have talked."""

    @property
    def sid(self) -> CallSid:
        return self.live.call.sid


class WaitingLine:
    """A line, and the wish of servers to hear of who comes."""

    def __init__(self, line: Line[Place]) -> None:
        self.line = line
        self._came = asyncio.Condition()

    async def add(self, place: Place, most: int | None) -> bool:
        """False: full."""
        async with self._came:
            added = self.line.add(place, most)
            self._came.notify_all()
        return added

    async def head(self) -> Place:
        """The next caller, taken out of the line; waits for one."""
        async with self._came:
            while (place := self.line.take()) is None:
                await self._came.wait()
            return place


class Lines:
    """Owns the lines, by account and name; a line once made stays."""

    def __init__(self, ledger: LineLedger) -> None:
        self._ledger = ledger
        self._live: dict[tuple[AccountSid, str], WaitingLine] = {}

    def find(self, account: AccountSid, name: str) -> WaitingLine | None:
        return self._live.get((account, name))

    def by_sid(self, sid: QueueSid) -> WaitingLine | None:
        return next((live for live in self._live.values() if live.line.sid == sid), None)

    def get(self, account: AccountSid, name: str) -> WaitingLine:
        """The line of that name, made if there is none."""
        found = self._live.get((account, name))
        if found is None:
            line: Line[Place] = Line(sid=new_queue_sid(), account_sid=account, name=name, created_at=utc_now())
            found = self._live[account, name] = WaitingLine(line)
            self._ledger.line_made(line)
        return found
