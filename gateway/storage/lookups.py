"""Rows by their key: what is asked for at the same moment is read by one statement; a trip to a thread costs more than a row."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from gateway.storage.models import Row

MOST = 500
"""Keys of one statement."""

A = TypeVar("A")
Found = Mapping[str, Row]
Waiting = dict[str, list[asyncio.Future[Row | None]]]


class Reads(Protocol):
    def __call__(self, work: Callable[[Session], A], /) -> Awaitable[A]: ...


class Lookups:
    """Owns who waits. Of each table one statement is under way at a time; who comes meanwhile goes with the next."""

    def __init__(self, read: Reads) -> None:
        self._read = read
        self._waiting: dict[type[Row], Waiting] = {}
        self._under_way: dict[type[Row], asyncio.Task[Found] | None] = {}

    async def get(self, kind: type[Row], key: str) -> Row | None:
        """Raises what the database raises."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Row | None] = loop.create_future()
        self._waiting.setdefault(kind, {}).setdefault(key, []).append(found)
        if kind not in self._under_way:
            self._under_way[kind] = None
            loop.call_soon(self._begin, kind)
        return await found

    def _begin(self, kind: type[Row]) -> None:
        waiting = self._waiting.pop(kind)
        if len(waiting) > MOST:
            keys = list(waiting)
            self._waiting[kind] = {key: waiting.pop(key) for key in keys[MOST:]}
        task = asyncio.get_running_loop().create_task(self._found(kind, list(waiting)))
        self._under_way[kind] = task
        task.add_done_callback(partial(self._end, kind, waiting))

    async def _found(self, kind: type[Row], keys: Sequence[str]) -> Found:
        def work(session: Session) -> Found:
            name = kind.__mapper__.primary_key[0].name
            return {getattr(row, name): row for row in session.scalars(_by_keys(kind), {"keys": keys})}

        return await self._read(work)

    def _end(self, kind: type[Row], waiting: Waiting, task: asyncio.Task[Found]) -> None:
        fault = asyncio.CancelledError() if task.cancelled() else task.exception()
        for key, futures in waiting.items():
            for future in futures:
                if future.done():
                    continue
                if fault is None:
                    future.set_result(task.result().get(key))
                elif isinstance(fault, asyncio.CancelledError):
                    future.cancel()
                else:
                    future.set_exception(fault)
        if kind in self._waiting:
            self._begin(kind)
        else:
            del self._under_way[kind]


@cache
def _by_keys(kind: type[Row]) -> Select[Any]:
    return select(kind).where(kind.__mapper__.primary_key[0].in_(bindparam("keys", expanding=True)))
