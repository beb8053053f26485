"""The waiting lines by name, and the hand-over between who waits and who serves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from gateway.calls.call import utc_now
from gateway.calls.exchange import LiveCall
from gateway.calls.line import Line
from gateway.ids import AccountSid, CallSid, QueueSid, new_queue_sid
from gateway.twiml.control import Whisper

log = structlog.get_logger(__name__)


class LineLedger(Protocol):
    """Where lines are kept."""

    def line_made(self, line: Line[Place]) -> None: ...

    async def line_kept(self, account: AccountSid, name: str) -> Line[Place] | None:
        """The line of that name that the REST API or an earlier run has made."""
        ...


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
    waited_s: int = 0
    """When its turn had come."""

    turn: asyncio.Future[Turn] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """The server: it is your turn."""

    ready: asyncio.Future[bool] = field(default_factory=_future)
    """The waiting side: True, bridge us; False, it has gone."""

    gone: asyncio.Future[bool] = field(default_factory=_future)
    """The waiting side: it is no more in its `<Enqueue>` (hung up, or taken by an update)."""

    released: asyncio.Future[bool] = field(default_factory=_future)
    """The server: it has left. True: they have talked."""

    @property
    def sid(self) -> CallSid:
        return self.live.call.sid

    @property
    def has_talked(self) -> bool:
        """Whether the two are, or were, bridged."""
        return self.ready.done() and self.ready.result()


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

    async def put_back(self, place: Place) -> Place:
        """The same caller at the head again, to be called anew."""
        again = Place(live=place.live, since=place.since)
        async with self._came:
            self.line.put_back(again)
            self._came.notify_all()
        return again

    async def head(self) -> Place:
        """The next caller, taken out of the line; waits for one."""
        async with self._came:
            while (place := self.line.take()) is None:
                await self._came.wait()
            return place


class Lines:
    """Owns the lines, by account and name; a line once made stays until the REST API deletes it."""

    def __init__(self, ledger: LineLedger) -> None:
        self._ledger = ledger
        self._live: dict[tuple[AccountSid, str], WaitingLine] = {}
        self._looking = asyncio.Lock()

    async def find(self, account: AccountSid, name: str) -> WaitingLine | None:
        """The line of that name, if there is one."""
        found = self._live.get((account, name))
        if found is not None:
            return found
        async with self._looking:
            found = self._live.get((account, name))
            if found is None and (kept := await self._ledger.line_kept(account, name)) is not None:
                found = self._live[account, name] = WaitingLine(kept)
            return found

    def all(self) -> list[Line[Place]]:
        return [live.line for live in self._live.values()]

    def by_sid(self, sid: QueueSid) -> WaitingLine | None:
        return next((live for live in self._live.values() if live.line.sid == sid), None)

    async def get(self, account: AccountSid, name: str) -> WaitingLine:
        """The line of that name, made if there is none."""
        found = await self.find(account, name) or self._live.get((account, name))
        if found is None:
            line: Line[Place] = Line(sid=new_queue_sid(), account_sid=account, name=name, created_at=utc_now())
            found = self._live[account, name] = WaitingLine(line)
            self._ledger.line_made(line)
            log.info("queue made", queue_sid=line.sid, name=name)
        return found

    def change(self, sid: QueueSid, name: str, max_size: int) -> None:
        """The REST API has changed it: who waits goes on waiting, under the new name."""
        live = self.by_sid(sid)
        if live is None:
            return
        del self._live[live.line.account_sid, live.line.name]
        live.line.name, live.line.max_size = name, max_size
        self._live[live.line.account_sid, name] = live

    def forget(self, sid: QueueSid) -> None:
        live = self.by_sid(sid)
        if live is not None:
            del self._live[live.line.account_sid, live.line.name]
