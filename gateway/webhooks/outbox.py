"""Callbacks that were promised: kept until delivered or expired, in order while all is well, never in anybody's way.

A callback that the application has had is delivered, whatever it answered and however slowly, as at Twilio (callbacks.md section 6: no
retry on HTTP errors and timeouts). One that could not reach it is tried again for twenty minutes, by itself: the later callbacks of
its call do not wait for it (they carry a SequenceNumber). Then it has expired: 15002.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Protocol, Self
from weakref import WeakValueDictionary

import structlog
from sqlalchemy import select

from gateway.errors import WebhookFault
from gateway.storage.models import OutboxRow, next_id
from gateway.storage.store import Store
from gateway.twilio_codes import Code

log = structlog.get_logger(__name__)

RETRY_AFTER_S = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0)
EXPIRES = timedelta(hours=24)
"""What is older when the gateway starts again is of no use to anybody."""

AT_ONCE = 256
AT_ONCE_PER_HOST = 64
"""A receiver that hangs holds up nobody else's callbacks."""

_NOT_HAD = frozenset(
    {
        Code.TCP_REFUSED,
        Code.TCP_FAILED,
        Code.HTTP_PROTOCOL,
        Code.HOST_NOT_FOUND,
        Code.TLS_FAILED,
        Code.CERTIFICATE_NOT_YET_OR_EXPIRED,
        Code.CERTIFICATE_WRONG_NAME,
        Code.CERTIFICATE_NOT_TRUSTED,
    }
)
"""Faults that say that the application can't have had it, or that it broke down over it."""


class Poster(Protocol):
    """The outgoing client, as far as callbacks need it."""

    async def post(self, url: str, method: str, params: Sequence[tuple[str, str]], token: str = "") -> int:
        """The HTTP status that came back. *token* tells an application that it has had this one. Raises `WebhookFault`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """A callback that was not taken as it should be: at its first try, or for ever (15002)."""

    url: str
    method: str
    params: Sequence[tuple[str, str]]
    code: int
    message: str

    @property
    def call_sid(self) -> str:
        """`""` where it is about no call."""
        return dict(self.params).get("CallSid", "")


class Outbox:
    """Owns the undelivered callbacks. At shutdown it waits a little, and leaves the rest in storage for the next start."""

    def __init__(
        self,
        store: Store,
        poster: Poster,
        *,
        failed: Callable[[Undelivered], None] = lambda undelivered: None,
        retry_after_s: Sequence[float] = RETRY_AFTER_S,
    ) -> None:
        """*failed* hears of each callback that was not taken at the first try, and of each that is given up."""
        self._store = store
        self._poster = poster
        self._failed = failed
        self._retry_after_s = tuple(retry_after_s)
        self._lanes: dict[str, deque[OutboxRow]] = {}
        self._later = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._hosts: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Take up what an earlier run could not deliver."""
        oldest = datetime.now(UTC) - EXPIRES
        promised = select(OutboxRow).where(OutboxRow.id > 0)  # below nought are wills
        for row in await self._store.all(promised.order_by(OutboxRow.id)):
            if row.created_at < oldest:
                self._give_up(row, "expired while the gateway was not there")
            else:
                self._enqueue(row)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=10.0)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.waiting:
            log.warning("callbacks are left for the next start", callbacks=self.waiting)

    def post(self, lane: str, url: str, method: str, params: Sequence[tuple[str, str]]) -> None:
        """Promise a callback; those of one *lane* (a CallSid) are first tried one after another."""
        row = self.promise(lane, url, method, params)
        self._store.put(row)
        self.send(row)

    def promise(self, lane: str, url: str, method: str, params: Sequence[tuple[str, str]]) -> OutboxRow:
        """A callback to be stored together with what it tells of, and sent after that."""
        return OutboxRow(
            id=next_id(),
            queue=lane,
            url=url,
            method=method,
            params=[list(item) for item in params],
            created_at=datetime.now(UTC),
        )

    def send(self, row: OutboxRow) -> None:
        """Deliver what was promised and stored."""
        self._enqueue(row)

    @property
    def waiting(self) -> int:
        """Callbacks not yet delivered."""
        return sum(map(len, self._lanes.values())) + self._later

    def _enqueue(self, row: OutboxRow) -> None:
        if row.queue in self._lanes:
            self._lanes[row.queue].append(row)
            return
        self._lanes[row.queue] = deque([row])
        self._begin(self._deliver_all(row.queue), f"callbacks {row.queue}")

    def _begin(self, work: Coroutine[object, object, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver_all(self, lane: str) -> None:
        """One try each, in order. What does not get through steps aside."""
        rows = self._lanes[lane]
        try:
            while rows:
                fault = await self._try(rows[0], is_first=True)
                row = rows.popleft()
                if fault is None:
                    self._store.drop(row)
                elif self._retry_after_s:
                    self._later += 1
                    self._begin(self._retry(row), f"callback {row.id}")
                else:
                    self._give_up(row, fault.message)
        finally:
            del self._lanes[lane]
            self._later += len(
                rows
            )  # at a shutdown, or after a fault of our own: they wait in storage for the next start

    async def _retry(self, row: OutboxRow) -> None:
        """Again and again by itself; a shutdown leaves it in storage."""
        fault: WebhookFault | None = None
        for pause_s in self._retry_after_s:
            if not await self._pause(pause_s):
                return
            fault = await self._try(row)
            if fault is None:
                self._store.drop(row)
                break
        else:
            self._give_up(row, fault.message if fault else "")
        self._later -= 1

    async def _try(self, row: OutboxRow, *, is_first: bool = False) -> WebhookFault | None:
        """None: the application has had it. A fault: it can't have."""
        params = [(name, value) for name, value in row.params]
        token = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{row.queue}/{row.id}"))
        try:
            async with self._host(row.url), self._slots:
                status = await self._poster.post(row.url, row.method, params, token)
        except WebhookFault as fault:
            log.warning("callback not taken", lane=row.queue, url=row.url, code=fault.code, fault=fault.message)
            if is_first:
                self._tell(row, fault.code, fault.message)
            return fault if fault.code in _NOT_HAD else None
        if status >= 400:
            self._tell(row, Code.HTTP_RETRIEVAL, f"status callback {row.url} answered {status}")
        return None

    def _host(self, url: str) -> asyncio.Semaphore:
        name = url.partition("://")[2].partition("/")[0]
        found = self._hosts.get(name)
        if found is None:
            found = self._hosts[name] = asyncio.Semaphore(AT_ONCE_PER_HOST)
        return found

    def _give_up(self, row: OutboxRow, why: str) -> None:
        log.error("callback given up", lane=row.queue, url=row.url, fault=why)
        self._tell(row, Code.CALLBACK_EXPIRED, f"callback {row.url} was not taken in time: {why}")
        self._store.drop(row)

    def _tell(self, row: OutboxRow, code: int, message: str) -> None:
        params = [(name, value) for name, value in row.params]
        self._failed(Undelivered(url=row.url, method=row.method, params=params, code=int(code), message=message))

    async def _pause(self, seconds: float) -> bool:
        """Wait before the next try. False: the gateway is closing."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return True
        return False
