"""Calls created by REST leave one after another at the configured rate; those that wait survive a restart, none leaves twice.

A call is dialled after its place in storage is gone; in its stead its will is there, so that its end is told in any case.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import structlog
from pydantic import TypeAdapter
from sqlalchemy import select

from gateway.api.ports import CallRequest, LiveCalls
from gateway.calls.created import call_of
from gateway.ids import CallSid
from gateway.storage.models import CallRow, DepartureRow, next_id
from gateway.storage.opening import DATABASE_ERRORS, reason
from gateway.storage.store import Store
from gateway.twiml.control import StatusCallback
from gateway.twiml.interpreter import DocumentRequest
from gateway.webhooks.wills import no_will, will_of

log = structlog.get_logger(__name__)

REQUEST = TypeAdapter(CallRequest)
RETRY_S = 1.0


class Departures:
    """Owns the queue. A call is dialled only after its place in storage is gone: at most once, whatever happens."""

    def __init__(self, store: Store, calls: LiveCalls, calls_per_second: float, *, open_: Callable[[], bool]) -> None:
        """*open_* says whether calls may leave; what waits while we drain leaves after the next start."""
        self._store = store
        self._calls = calls
        self._interval_s = 1.0 / calls_per_second
        self._open = open_
        self._waiting: OrderedDict[CallSid, tuple[DepartureRow, CallRequest]] = OrderedDict()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Take up what an earlier run had not placed."""
        for row in await self._store.all(select(DepartureRow).order_by(DepartureRow.id)):
            request = REQUEST.validate_python(row.request)
            self._waiting[request.sid] = (row, request)
        self._wake.set()
        self._task = asyncio.create_task(self._leave(), name="departures")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting(self) -> list[CallRequest]:
        """What has not left, the next one first."""
        return [request for _, request in self._waiting.values()]

    async def add(self, request: CallRequest, row: CallRow) -> None:
        """Queue a call; returns when call and place are on disk. Raises one of `DATABASE_ERRORS`."""
        departure = _departure(next_id(), request)
        try:
            await self._store.save_together(row, departure)
        except DATABASE_ERRORS:
            self._store.drop(row)
            self._store.drop(departure)
            raise
        self._waiting[request.sid] = (departure, request)
        self._wake.set()

    def place_of(self, sid: CallSid) -> int | None:
        """How many leave before it; None: it does not wait."""
        return next((place for place, waiting in enumerate(self._waiting) if waiting == sid), None)

    def wait_ms(self, sid: CallSid) -> int | None:
        """How long it will still wait, about; None: it does not."""
        place = len(self._waiting) - 1 if next(reversed(self._waiting), None) == sid else self.place_of(sid)
        return None if place is None else int(place * self._interval_s * 1000)

    async def redirect(self, sid: CallSid, document: DocumentRequest) -> bool:
        """Another first document for a call that waits. False: it does not."""
        return self._replace(sid, first=document)

    def change(self, sid: CallSid, callback: StatusCallback | None, time_limit_s: int | None) -> bool:
        """New terms for a call that waits; None leaves them. False: it does not."""
        changes: dict[str, Any] = {"status_callback": callback, "time_limit_s": time_limit_s}
        return self._replace(sid, **{name: value for name, value in changes.items() if value is not None})

    def _replace(self, sid: CallSid, **changes: Any) -> bool:  # noqa: ANN401 - fields of the request
        found = self._waiting.get(sid)
        if found is None:
            return False
        request = replace(found[1], **changes)
        departure = _departure(found[0].id, request)
        self._waiting[sid] = (departure, request)
        self._store.put(departure)
        return True

    async def cancel(self, sid: CallSid) -> bool:
        """It never leaves. False: it does not wait."""
        found = self._waiting.pop(sid, None)
        if found is None:
            return False
        self._store.drop(found[0])
        self._store.drop(no_will(sid))
        return True

    async def _leave(self) -> None:
        loop = asyncio.get_running_loop()
        free_at = loop.time()
        while True:
            await self._wake.wait()
            await asyncio.sleep(max(0.0, free_at - loop.time()))
            if not self._waiting:
                self._wake.clear()
                continue
            if not self._open():
                await asyncio.sleep(RETRY_S)
                continue
            sid, (departure, request) = next(iter(self._waiting.items()))
            self._store.drop(departure)
            if (will := will_of(call_of(request))) is not None:
                self._store.put(will)  # from here on it is told how the call ends, whatever becomes of us
            try:
                await self._store.flush()
            except DATABASE_ERRORS as fault:
                log.warning("a call waits for the database", call_sid=sid, fault=reason(fault))
                await asyncio.sleep(RETRY_S)
                continue
            if self._waiting.pop(sid, None) is None:
                self._store.drop(no_will(sid))
                continue  # canceled meanwhile
            free_at = max(free_at, loop.time()) + self._interval_s
            waited = datetime.now(UTC) - request.created_at
            self._calls.place(request, max(0, int(waited.total_seconds() * 1000)))


def _departure(key: int, request: CallRequest) -> DepartureRow:
    return DepartureRow(
        id=key,
        call_sid=request.sid,
        request=REQUEST.dump_python(request, mode="json"),
        created_at=request.created_at,
    )
