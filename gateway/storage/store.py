"""The storage: one async engine, rows that change often written behind in batches, promised ones awaited."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from sqlalchemy import Executable, Select, delete, select
from sqlalchemy.engine import Connection

from gateway.storage.access import access_for
from gateway.storage.lookups import Lookups
from gateway.storage.models import BindingRow, Row
from gateway.storage.opening import (
    DATABASE_ERRORS,
    StorageFault,
    engine_for,
    is_of_the_row,
    migrate,
    reason,
)
from gateway.storage.writing import Key, fill, key_of, remove, upsert

__all__ = ["DATABASE_ERRORS", "StorageFault", "Store"]

log = structlog.get_logger(__name__)

FLUSH_S = 0.2
RETRY_S = 2.0
MAX_PENDING = 100_000
"""Rows that may wait for a database that does not answer."""

WRITING_ERRORS: tuple[type[BaseException], ...] = (*DATABASE_ERRORS, ValueError, TypeError, OverflowError)
"""Also what a driver raises for a value that it cannot write down."""

LAST_WORD_S = 0.05
"""After a failed start: aiosqlite's thread tells the loop that it ends, and must find it running."""

RECENT = 5_000
"""Rows kept at hand for `get`: this process is the only one that writes."""

T = TypeVar("T", bound=Row)


class Store:
    """Owns the database. `put` and `drop` return at once and never raise; `flush` waits until all of that is written."""

    def __init__(self, url: str, *, retry_s: float = RETRY_S) -> None:
        """Raises `StorageFault` for a URL that means nothing."""
        self._engine = engine_for(url)
        self._access = access_for(url)
        self._lookups = Lookups(self._access.read)
        self._retry_s = retry_s
        self._pending: dict[Key, Row] = {}
        self._dropped: dict[Key, Row] = {}
        self._recent: OrderedDict[Key, Row] = OrderedDict()
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._in_flight = 0
        self.lost = 0
        """Rows that a database away for too long has cost."""

        self.watcher: Callable[[Row], None] | None = None
        """Hears of every row that is written, while somebody watches."""

    async def __aenter__(self) -> Self:
        """Open and migrate. Raises `StorageFault`."""
        try:
            await migrate(self._engine)
        except StorageFault:
            await self._close()
            await asyncio.sleep(LAST_WORD_S)
            raise
        self._task = asyncio.create_task(self._write_behind(), name="storage")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            async with self._writing:  # not in the middle of a transaction
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self.flush()
        except WRITING_ERRORS as fault:
            log.error("rows could not be written at shutdown", rows=self.waiting, fault=reason(fault))
        await self._close()

    async def _close(self) -> None:
        await self._access.close()
        await self._engine.dispose()

    # -- writing ----------------------------------------------------------------------------------------------------

    def put(self, row: Row) -> None:
        """Insert or replace by primary key, soon. A newer state of the same row replaces one that waits."""
        key = key_of(row)
        self._dropped.pop(key, None)
        self._keep_at_hand(key, row)
        if len(self._pending) < MAX_PENDING or key in self._pending:
            self._pending[key] = row
        else:
            self.lost += 1
        self._wake.set()

    def drop(self, row: Row) -> None:
        """Delete by primary key, soon."""
        key = key_of(row)
        self._pending.pop(key, None)
        self._recent.pop(key, None)
        if self.watcher is not None:
            self.watcher(row)
        self._dropped[key] = row
        self._wake.set()

    async def save(self, *rows: Row) -> None:
        """Insert or replace now: returns when it is on disk. Raises one of `DATABASE_ERRORS`; nothing is written then."""
        async with self._writing:
            await self._access.write(lambda connection: upsert(connection, rows))
            for row in rows:
                self._pending.pop(key_of(row), None)
                self._keep_at_hand(key_of(row), row)

    async def save_together(self, *rows: Row) -> None:
        """The same in one transaction with whatever else comes at that moment; on a fault they go on waiting to be written."""
        for row in rows:
            self.put(row)
        await self.flush()

    async def remove(self, *rows: Row) -> None:
        """Delete now. Raises one of `DATABASE_ERRORS`."""
        async with self._writing:
            await self._access.write(lambda connection: remove(connection, rows))
            for row in rows:
                self._pending.pop(key_of(row), None)
                self._recent.pop(key_of(row), None)

    async def execute(self, statement: Executable) -> None:
        """An UPDATE or DELETE of many rows, after what waits. Raises one of `DATABASE_ERRORS`."""
        await self.flush()
        async with self._writing:
            self._recent.clear()
            await self._access.write(lambda connection: _execute(connection, statement))

    @property
    def waiting(self) -> int:
        """Rows that are not written yet."""
        return len(self._pending) + len(self._dropped) + self._in_flight

    async def flush(self) -> None:
        """Write what waits. Raises one of `DATABASE_ERRORS`; nothing is forgotten then."""
        if not self._pending and not self._dropped and not self._writing.locked():
            return
        async with self._writing:
            pending, self._pending = self._pending, {}
            dropped, self._dropped = self._dropped, {}
            if not pending and not dropped:
                return
            written, self._in_flight = False, len(pending) + len(dropped)

            def write(connection: Connection) -> None:
                remove(connection, dropped.values())
                upsert(connection, pending.values())

            try:
                await self._access.write(write)
                written = True
            finally:
                self._in_flight = 0
                if not written:  # a fault, or cancelled in the middle: what has come since is newer
                    newer, gone = self._pending, self._dropped
                    self._pending = {k: r for k, r in pending.items() if k not in gone} | newer
                    self._dropped = {k: r for k, r in dropped.items() if k not in newer} | gone

    async def _write_behind(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(FLUSH_S)  # gathers what the same moment brings
            self._wake.clear()
            try:
                await self.flush()
            except WRITING_ERRORS as fault:
                log.warning("the database does not take rows; they wait", rows=self.waiting, fault=reason(fault))
                self._wake.set()
                if not is_of_the_row(fault) or not await self._separate():
                    await asyncio.sleep(self._retry_s)

    async def _separate(self) -> bool:
        """A row that no database takes is given up, so that it does not hold up the others. False: something else is wrong."""
        async with self._writing:
            pending, self._pending = self._pending, {}
            self._in_flight = len(pending)
            try:
                for key, row in tuple(pending.items()):
                    await self._write_alone(key, row)
                    del pending[key]
            except WRITING_ERRORS as fault:
                log.warning("the database does not take rows; they wait", rows=len(pending), fault=reason(fault))
            finally:
                self._in_flight = 0
                self._pending = pending | self._pending
        return not pending

    async def _write_alone(self, key: Key, row: Row) -> None:
        """Raises what is not the row's own fault."""
        try:
            await self._access.write(lambda connection: upsert(connection, (row,)))
        except WRITING_ERRORS as fault:
            if not is_of_the_row(fault):
                raise
            self.lost += 1
            log.error(
                "a row cannot be written and is given up", key=[str(part) for part in key[1:]], fault=reason(fault)
            )

    # -- reading ----------------------------------------------------------------------------------------------------

    async def all(self, query: Select[T]) -> Sequence[T]:
        """Rows of a query; what waits is written first, so that nobody reads the past. Raises one of `DATABASE_ERRORS`."""
        await self.flush()
        return await self._access.read(lambda session: session.scalars(query).all())

    async def scalar(self, query: Select[Any]) -> int:
        """One figure. Raises one of `DATABASE_ERRORS`."""
        await self.flush()
        return await self._access.read(lambda session: session.scalar(query) or 0)

    async def get(self, kind: type[T], key: str) -> T | None:
        """A row by its one key; one that waits to be written is as good. Not to be changed. Raises one of `DATABASE_ERRORS`."""
        recent = self._recent.get((kind, key)) or self._pending.get((kind, key))
        if isinstance(recent, kind):
            return recent
        await self.flush()
        found = await self._lookups.get(kind, key)
        newer = self._recent.get((kind, key), found)  # has come while it was read
        return newer if isinstance(newer, kind) else None

    async def bindings(self) -> Sequence[BindingRow]:
        """Registrations that have not expired; the others go."""
        now = time.time()  # noqa: TID251 - wall clock: it has to mean something after a restart
        await self.execute(delete(BindingRow).where(BindingRow.expires_at <= now))
        return await self.all(select(BindingRow))

    def _keep_at_hand(self, key: Key, row: Row) -> None:
        if self.watcher is not None:
            self.watcher(row)
        self._recent[key] = fill(row)
        self._recent.move_to_end(key)
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)


def _execute(connection: Connection, statement: Executable) -> None:
    connection.execute(statement)
