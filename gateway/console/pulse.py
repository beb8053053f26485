"""Tells open pages that something has changed: one look around twice a second for all of them, and none while nobody watches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from gateway.console.live import House, Picture
from gateway.ids import CallSid
from gateway.storage.models import BindingRow, CallRow, EventRow, NotificationRow, RecordingRow, Row
from gateway.storage.store import Store
from gateway.trace import Trace
from media.client import EngineClient
from media.commands import Meter
from media.events import Levels
from media.streams import Slot

log = structlog.get_logger(__name__)

LOOK_S = 0.5
MOST = 64
"""Pages that may be open at once."""

TOPICS = ("live", "calls", "recordings", "notifications", "phones", "call")


@dataclass(eq=False, slots=True, kw_only=True)
class Watcher:
    """One open page: what it is about, and what it has not been told yet. A slow one skips what is in between."""

    account: str
    topic: str
    sid: str = ""
    """The call, where it is about one."""

    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: bool = False
    _levels: dict[str, tuple[int, int]] = field(default_factory=dict)
    family: set[str] = field(default_factory=set)
    """The calls that belong together with it, as far as they are known."""

    call_ids: set[str] = field(default_factory=set)
    newest: float = 0.0
    """When the newest message was sent that it knows of."""

    def changed(self) -> None:
        self._changed = True
        self.wake.set()

    def hear(self, levels: dict[str, tuple[int, int]]) -> None:
        self._levels = levels
        self.wake.set()

    def take(self) -> str:
        """Server-sent events for what has come since; `""`: nothing."""
        self.wake.clear()
        parts = []
        if self._changed:
            parts.append("event: changed\ndata: 1\n\n")
        if self._levels:
            parts.append(f"event: levels\ndata: {json.dumps(self._levels, separators=(',', ':'))}\n\n")
        self._changed, self._levels = False, {}
        return "".join(parts)


class Pulse:
    """Owns the watchers, and while there is one: a task, the storage's watcher and the engine's meters."""

    def __init__(
        self,
        house: House,
        store: Store,
        trace: Trace,
        engine: EngineClient,
        slots: Callable[[], dict[CallSid, Slot]],
    ) -> None:
        """*slots* gives the media of every answered call."""
        self._house, self._store, self._trace = house, store, trace
        self._engine, self._slots = engine, slots
        self._watchers: set[Watcher] = set()
        self._task: asyncio.Task[None] | None = None
        self._pictures: dict[str, Picture] = {}
        self._metered: dict[Slot, str] = {}
        self.closing = False

    def __len__(self) -> int:
        return len(self._watchers)

    @contextmanager
    def watching(self, watcher: Watcher) -> Iterator[Watcher]:
        """From here on it is told of changes. The first one starts the looking around, the last one ends it."""
        if not self._watchers:
            self._store.watcher = self._written
            self._engine.on_levels = self._measured
            self._task = asyncio.create_task(self._look_around(), name="console")
            self._task.add_done_callback(_tell_fault)
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            if not self._watchers and self._task is not None:
                self._rest(self._task)

    def picture(self, account: str) -> Picture:
        """What goes on; while somebody watches, as it was at the last look: however many ask, there are two pictures a second."""
        return self._pictures.get(account) or self._house.picture(account)

    def close(self) -> None:
        """The gateway ends: so do the pages' streams."""
        self.closing = True
        for watcher in self._watchers:
            watcher.wake.set()

    def _rest(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        self._task = None
        self._store.watcher = None
        self._engine.on_levels = lambda levels: None
        self._pictures.clear()
        self._meter({})

    async def _look_around(self) -> None:
        while True:
            self._look_at_house()
            for watcher in self._watchers:
                if watcher.topic == "call":
                    self._look_at_call(watcher)
            self._meter(self._wanted())
            await asyncio.sleep(LOOK_S)

    def _look_at_house(self) -> None:
        about = [watcher for watcher in self._watchers if watcher.topic in ("live", "phones")]
        before = self._pictures
        self._pictures = {account: self._house.picture(account) for account in {watcher.account for watcher in about}}
        for watcher in about:
            if before.get(watcher.account) not in (None, self._pictures[watcher.account]):
                watcher.changed()

    def _look_at_call(self, watcher: Watcher) -> None:
        """New messages on the wire are written in no table."""
        family = self._house.family(watcher.sid)
        watcher.family |= {call.sid for call in family}
        watcher.call_ids |= {call.sip_call_id for call in family if call.sip_call_id}
        newest = self._trace.newest(tuple(watcher.call_ids))
        if newest > watcher.newest:
            watcher.newest = newest
            watcher.changed()

    def _written(self, row: Row) -> None:
        """A row goes to storage."""
        match row:
            case CallRow():
                self._tell("calls", row.account_sid)
                self._tell_call(row.sid, row.parent_sid)
            case RecordingRow():
                self._tell("recordings", row.account_sid)
                self._tell_call(row.call_sid)
            case NotificationRow():
                self._tell("notifications", row.account_sid)
                self._tell_call(row.call_sid)
            case EventRow():
                self._tell_call(row.call_sid)
            case BindingRow():
                self._tell("phones", self._house.config.account.sid)
            case _:
                pass

    def _tell(self, topic: str, account: str) -> None:
        for watcher in self._watchers:
            if watcher.topic == topic and watcher.account == account:
                watcher.changed()

    def _tell_call(self, *sids: str) -> None:
        for watcher in self._watchers:
            if watcher.topic == "call" and not watcher.family.isdisjoint(sids):
                watcher.changed()

    # -- levels -----------------------------------------------------------------------------------------------------

    def _wanted(self) -> dict[Slot, str]:
        """The media that open pages show."""
        slots = self._slots()
        shown: set[str] = set()
        for watcher in self._watchers:
            if watcher.topic == "call":
                shown |= watcher.family
            elif watcher.topic == "live" and (picture := self._pictures.get(watcher.account)) is not None:
                shown |= {call.sid for call in picture.calls}
        return {slot: sid for sid, slot in slots.items() if sid in shown}

    def _meter(self, wanted: dict[Slot, str]) -> None:
        if wanted != self._metered:
            self._metered = wanted
            self._engine.send(Meter(slots=tuple(wanted)))

    def _measured(self, levels: Levels) -> None:
        known = self._metered
        by_sid = {known[slot]: (heard, said) for slot, heard, said in levels.levels if slot in known}
        for watcher in self._watchers:
            if watcher.topic == "call":
                watcher.hear({sid: level for sid, level in by_sid.items() if sid in watcher.family})
            elif watcher.topic == "live" and (picture := self._pictures.get(watcher.account)) is not None:
                own = {call.sid for call in picture.calls}
                watcher.hear({sid: level for sid, level in by_sid.items() if sid in own})


def _tell_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        log.error("the console looks around no more: its pages stand still", exc_info=fault)
