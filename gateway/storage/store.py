"""The storage: one async engine, rows that change often written behind in batches, promised ones awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import structlog
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Select, delete, event, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.storage.models import BindingRow, Row

log = structlog.get_logger(__name__)

FLUSH_S = 0.2
RETRY_S = 2.0
MAX_PENDING = 100_000
"""Rows that may wait for a database that does not answer."""

T = TypeVar("T", bound=Row)


class StorageFault(Exception):
    """The database can't be used; the message names `storage.database`."""


class Store:
    """Owns the database. `put` and `drop` return at once; `flush` waits until all of that is written."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: AsyncEngine = create_async_engine(_async_url(url))
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._pending: dict[tuple[object, ...], Row | None] = {}
        self._dropped: dict[tuple[object, ...], Row] = {}
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        if url.startswith("sqlite"):
            event.listen(self._engine.sync_engine, "connect", _tune_sqlite)

    async def __aenter__(self) -> Self:
        """Open and migrate. Raises `StorageFault`."""
        try:
            async with self._engine.begin() as connection:
                await connection.run_sync(_migrate)
        except (SQLAlchemyError, OSError) as fault:
            await self._engine.dispose()
            raise StorageFault(f"storage.database: {self._url} can't be used: {fault}") from fault
        self._task = asyncio.create_task(self._write_behind(), name="storage")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self.flush()
        except SQLAlchemyError as fault:
            log.error("rows could not be written at shutdown", rows=len(self._pending), fault=str(fault))
        await self._engine.dispose()

    # -- writing ----------------------------------------------------------------------------------------------------

    def put(self, row: Row) -> None:
        """Insert or replace by primary key, soon. A newer state of the same row replaces one that waits."""
        key = _key(row)
        self._dropped.pop(key, None)
        if len(self._pending) < MAX_PENDING or key in self._pending:
            self._pending[key] = row
        self._wake.set()

    def drop(self, row: Row) -> None:
        """Delete by primary key, soon."""
        key = _key(row)
        self._pending.pop(key, None)
        self._dropped[key] = row
        self._wake.set()

    async def add(self, row: T) -> T:
        """Insert now; returns when it is on disk, its generated key filled in."""
        async with self._sessions.begin() as session:
            session.add(row)
        return row

    async def remove(self, row: Row) -> None:
        async with self._sessions.begin() as session:
            await session.delete(row)

    async def flush(self) -> None:
        """Write what waits. Raises `SQLAlchemyError`; nothing is forgotten then."""
        async with self._writing:
            pending, self._pending = self._pending, {}
            dropped, self._dropped = self._dropped, {}
            if not pending and not dropped:
                return
            try:
                async with self._sessions.begin() as session:
                    for row in dropped.values():
                        found = await session.get(type(row), _key(row)[1:])
                        if found is not None:
                            await session.delete(found)
                    for waiting in pending.values():
                        if waiting is not None:
                            await session.merge(waiting)
            except (SQLAlchemyError, OSError):
                self._pending = {**pending, **self._pending}
                self._dropped = {**dropped, **self._dropped}
                raise

    async def _write_behind(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(FLUSH_S)  # gathers what the same moment brings
            self._wake.clear()
            try:
                await self.flush()
            except (SQLAlchemyError, OSError) as fault:
                log.warning("the database does not take rows; they wait", rows=len(self._pending), fault=str(fault))
                self._wake.set()
                await asyncio.sleep(RETRY_S)

    # -- reading ----------------------------------------------------------------------------------------------------

    async def all(self, query: Select[T]) -> Sequence[T]:
        """Rows of a query; what waits is written first, so that nobody reads the past."""
        await self.flush()
        async with self._sessions() as session:
            return (await session.scalars(query)).all()

    async def scalar(self, query: Select[int]) -> int:
        await self.flush()
        async with self._sessions() as session:
            return await session.scalar(query) or 0

    async def get(self, kind: type[T], key: str) -> T | None:
        await self.flush()
        async with self._sessions() as session:
            return await session.get(kind, key)

    async def bindings(self) -> Sequence[BindingRow]:
        """Registrations that have not expired; the others go."""
        now = time.time()  # noqa: TID251 - wall clock: it has to mean something after a restart
        async with self._sessions.begin() as session:
            await session.execute(delete(BindingRow).where(BindingRow.expires_at <= now))
            return (await session.scalars(select(BindingRow))).all()


def _key(row: Row) -> tuple[object, ...]:
    mapper = type(row).__mapper__
    return (type(row), *(getattr(row, mapper.get_property_by_column(column).key) for column in mapper.primary_key))


def _async_url(url: str) -> str:
    if url.startswith("postgresql://"):
        return url.replace("postgresql://", "postgresql+asyncpg://", 1)
    return url.replace("sqlite://", "sqlite+aiosqlite://", 1)


def _tune_sqlite(connection: object, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # DBAPI connection
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(connection: Connection) -> None:
    """Bring the schema up to date."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
