"""Callbacks that were promised: kept until delivered, in order within a call, never in anybody's way."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

import structlog
from sqlalchemy import select

from gateway.errors import WebhookFault
from gateway.storage.models import OutboxRow, next_id
from gateway.storage.store import Store

log = structlog.get_logger(__name__)

RETRY_AFTER_S = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0)
"""A receiver that is down gets its callbacks later; one that answers, whatever it says, has had them."""

AT_ONCE = 64


class Poster(Protocol):
    """The outgoing client, as far as callbacks need it."""

    async def post(self, url: str, method: str, params: Sequence[tuple[str, str]], token: str = "") -> int:
        """The HTTP status that came back. *token* tells an application that it has had this one. Raises `WebhookFault`."""
        ...


class Outbox:
    """Owns the undelivered callbacks. At shutdown it waits a little, and leaves the rest in storage for the next start."""

    def __init__(
        self,
        store: Store,
        poster: Poster,
        *,
        failed: Callable[[str, int, str], None] = lambda queue, code, text: None,
        retry_after_s: Sequence[float] = RETRY_AFTER_S,
    ) -> None:
        """*failed* hears once of each callback that was not taken at the first try: queue, Twilio's code, words."""
        self._store = store
        self._poster = poster
        self._failed = failed
        self._retry_after_s = tuple(retry_after_s)
        self._queues: dict[str, deque[OutboxRow]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Take up what an earlier run could not deliver."""
        for row in await self._store.all(select(OutboxRow).order_by(OutboxRow.id)):
            self._enqueue(row)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks.values()), timeout=10.0)
        for task in tuple(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._queues:
            log.warning("callbacks are left for the next start", calls=len(self._queues))

    def post(self, queue: str, url: str, method: str, params: Sequence[tuple[str, str]]) -> None:
        """Promise a callback; callbacks of one *queue* (a CallSid) leave one after another."""
        row = OutboxRow(
            id=next_id(),
            queue=queue,
            url=url,
            method=method,
            params=[list(item) for item in params],
            created_at=datetime.now(UTC),
        )
        self._store.put(row)
        self._enqueue(row)

    @property
    def waiting(self) -> int:
        """Callbacks not yet delivered."""
        return sum(map(len, self._queues.values()))

    def _enqueue(self, row: OutboxRow) -> None:
        self._queues.setdefault(row.queue, deque()).append(row)
        if row.queue not in self._tasks:
            self._tasks[row.queue] = asyncio.get_running_loop().create_task(
                self._deliver_all(row.queue), name=f"callbacks {row.queue}"
            )

    async def _deliver_all(self, queue: str) -> None:
        rows = self._queues[queue]
        try:
            while rows:
                if not await self._deliver(rows[0]):
                    return  # shutting down: the rows stay in storage
                self._store.drop(rows.popleft())
            del self._queues[queue]
        finally:
            self._tasks.pop(queue, None)

    async def _deliver(self, row: OutboxRow) -> bool:
        """Try until it is delivered or given up. False: it has to wait for the next start."""
        params = [(name, value) for name, value in row.params]
        token = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{row.queue}/{row.id}"))
        for attempt, pause_s in enumerate((*self._retry_after_s, None)):
            try:
                async with self._slots:
                    status = await self._poster.post(row.url, row.method, params, token)
            except WebhookFault as fault:
                log.warning(
                    "callback not delivered", queue=row.queue, url=row.url, code=fault.code, fault=fault.message
                )
                if attempt == 0:
                    self._failed(row.queue, fault.code, fault.message)
                if pause_s is None:
                    log.error("callback given up", queue=row.queue, url=row.url, attempts=attempt + 1)
                    return True
                if self._closing.is_set() or not await self._pause(pause_s):
                    return False
                continue
            if status >= 400:
                self._failed(row.queue, 11200, f"status callback {row.url} answered {status}")
            return True
        return True

    async def _pause(self, seconds: float) -> bool:
        """Wait before the next try. False: the gateway is closing."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return True
        return False
