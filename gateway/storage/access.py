"""How statements reach a database: SQLite by threads in one go each, PostgreSQL by the async engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from gateway.storage.opening import engine_for, file_engine

READERS = 2
A = TypeVar("A")


class Access(Protocol):
    """Work is done off the loop, or awaited step by step. Raises what the database raises."""

    async def read(self, work: Callable[[Session], A]) -> A: ...

    async def write(self, work: Callable[[Connection], None]) -> None:
        """In one transaction."""
        ...

    async def close(self) -> None: ...


def access_for(url: str) -> Access:
    """Raises `StorageFault`."""
    reader = file_engine(url, writes=False)
    writer = file_engine(url, writes=True)
    return ByAsync(engine_for(url)) if reader is None or writer is None else InThreads(reader, writer)


class InThreads:
    """A thread that writes and some that read: each step awaited by itself would cost more than the work."""

    def __init__(self, reader: Engine, writer: Engine) -> None:
        self._reader, self.writer = reader, writer
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._writers = ThreadPoolExecutor(1, thread_name_prefix="writer")

    async def read(self, work: Callable[[Session], A]) -> A:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def write(self, work: Callable[[Connection], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writers, self._write, work)

    async def close(self) -> None:
        for threads, engine in ((self._writers, self.writer), (self._readers, self._reader)):
            await asyncio.to_thread(threads.shutdown)
            engine.dispose()

    def _read(self, work: Callable[[Session], A]) -> A:
        with Session(self._reader, expire_on_commit=False) as session:
            return work(session)

    def _write(self, work: Callable[[Connection], None]) -> None:
        with self.writer.begin() as connection:
            work(connection)


class ByAsync:
    """asyncpg."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def read(self, work: Callable[[Session], A]) -> A:
        async with AsyncSession(self._engine, expire_on_commit=False) as session:
            return await session.run_sync(work)

    async def write(self, work: Callable[[Connection], None]) -> None:
        async with self._engine.begin() as connection:
            await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()
