"""The gateway's side of the engine: starts its process, sends commands, hands events to whom they concern."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Callable
from itertools import count
from types import TracebackType
from typing import Self

from media import events as told
from media.commands import AskStats, Close, Command, Open, OpenRoom, Shutdown
from media.config import EngineConfig
from media.errors import EngineGone, NoPortLeft, WireFault
from media.events import Event
from media.streams import Slot, StreamStats
from media.wire import Unpacker, pack

__all__ = ["EngineClient", "EngineConfig"]

log = logging.getLogger("media.client")
Listener = Callable[[Event], None]
SHUTDOWN_S = 10.0
"""How long the engine may take to bring its tapes to disk."""


class EngineClient:
    """Owns one engine's process and the channel to it; `async with` is its life."""

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.on_health: Callable[[told.Health], None] = lambda health: None
        self.on_levels: Callable[[told.Levels], None] = lambda levels: None
        self.on_death: Callable[[], None] = lambda: None
        self._numbers = count(1)
        self._listeners: dict[Slot | int, list[Listener]] = {}
        self._waiting: dict[int, asyncio.Future[Event]] = {}
        self._open: set[Slot] = set()
        self._closing: dict[Slot, asyncio.Future[Event]] = {}
        self._outbox: list[Command] = []
        self._unpacker = Unpacker()
        self._backlog = bytearray()
        self._socket: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._ended = asyncio.Event()
        self._leaving = False

    async def __aenter__(self) -> Self:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "media.driver",
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                env=_environment(),
            )
        self._socket = ours
        asyncio.get_running_loop().add_reader(ours.fileno(), self._readable)
        self._write(pack((self.config,)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving = True
        if self.alive:
            self.send(Shutdown())
            self._flush()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SHUTDOWN_S):
                    await self._ended.wait()
        self._lose()
        if self._process is not None:
            try:
                async with asyncio.timeout(SHUTDOWN_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    @property
    def alive(self) -> bool:
        return self._socket is not None and not self._ended.is_set()

    @property
    def pid(self) -> int | None:
        """The engine's process, for figures and for tests that end it."""
        return None if self._process is None else self._process.pid

    @property
    def lent(self) -> int:
        """Rows (with their ports) and rooms that are not yet given back."""
        return len(self._open)

    def number(self) -> int:
        """A fresh number for a playing, a tape or a ticket."""
        return next(self._numbers)

    def send(self, command: Command) -> None:
        """Say *command*; all that is said in one turn of the loop goes as one batch. Nothing happens once the engine is gone."""
        if not self.alive:
            return
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outbox.append(command)

    def listen(self, key: Slot | int, callback: Listener) -> Callable[[], None]:
        """Hand events of a slot, or of a playing's, tape's or ticket's number, to *callback*; answers how to end it."""
        listeners = self._listeners.setdefault(key, [])
        listeners.append(callback)

        def unlisten() -> None:
            if callback in listeners:
                listeners.remove(callback)
            if not listeners and self._listeners.get(key) is listeners:
                del self._listeners[key]

        return unlisten

    async def open(self, label: str = "") -> told.Opened:
        """Lend a leg. Raises `NoPortLeft`, `EngineGone`."""
        ticket = self.number()
        return self._opened(await self._ask(ticket, Open(ticket=ticket, label=label)))

    async def open_room(self, label: str = "") -> told.Opened:
        ticket = self.number()
        return self._opened(await self._ask(ticket, OpenRoom(ticket=ticket, label=label)))

    async def close(self, slot: Slot) -> StreamStats:
        """Give a leg or room back; its last figures (none where it was given back before). Raises `EngineGone`."""
        self._require()
        if slot not in self._open:
            return StreamStats()
        future = self._closing.get(slot)
        if future is None:
            future = self._closing[slot] = asyncio.get_running_loop().create_future()
            self.send(Close(slot=slot))
        event = await asyncio.shield(future)
        assert isinstance(event, told.Closed)
        return event.stats

    async def stats(self, slot: Slot) -> StreamStats:
        ticket = self.number()
        event = await self._ask(ticket, AskStats(slot=slot, ticket=ticket))
        assert isinstance(event, told.Stats)
        return event.stats

    def _opened(self, event: Event) -> told.Opened:
        if isinstance(event, told.NotOpened):
            raise NoPortLeft(event.reason)
        assert isinstance(event, told.Opened)
        return event

    def _require(self) -> None:
        if not self.alive:
            raise EngineGone("the engine has ended")

    async def _ask(self, ticket: int, command: Command) -> Event:
        self._require()
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._waiting[ticket] = future
        self.send(command)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            future.add_done_callback(self._orphan)
            raise
        finally:
            if future.done():
                self._waiting.pop(ticket, None)

    def _orphan(self, future: asyncio.Future[Event]) -> None:
        """Who asked for a row is gone: give it back when it comes."""
        if not future.cancelled() and future.exception() is None and isinstance(event := future.result(), told.Opened):
            self.send(Close(slot=event.slot))

    def _flush(self) -> None:
        if self._outbox and self.alive:
            batch, self._outbox = self._outbox, []
            self._write(pack(batch))

    def _write(self, data: bytes) -> None:
        self._backlog += data
        self._writable()

    def _writable(self) -> None:
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        try:
            sent = self._socket.send(self._backlog)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._lose()
            return
        del self._backlog[:sent]
        if self._backlog:
            loop.add_writer(self._socket.fileno(), self._writable)
        else:
            loop.remove_writer(self._socket.fileno())

    def _readable(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        try:
            items = self._unpacker.feed(data)
        except WireFault:
            log.exception("the event channel is out of step")
            data = b""
            items = []
        for item in items:
            self._deliver(item)  # type: ignore[arg-type]
        if not data:
            self._lose()

    def _deliver(self, event: Event) -> None:
        """Hand one event over: by ticket, by number and by slot."""
        ticket = getattr(event, "ticket", None)
        if ticket is not None and (future := self._waiting.pop(ticket, None)) is not None and not future.done():
            future.set_result(event)
        if isinstance(event, told.Opened):
            self._open.add(event.slot)
        elif isinstance(event, told.Closed):
            self._open.discard(event.slot)
        if isinstance(event, told.Health):
            self.on_health(event)
        elif isinstance(event, told.Levels):
            self.on_levels(event)
        elif isinstance(event, told.Closed) and (future := self._closing.pop(event.slot, None)) is not None:
            future.set_result(event)
        for key in (
            getattr(event, "slot", None),
            getattr(event, "playing", None),
            getattr(event, "tape", None),
            ticket,
        ):
            if key is not None:
                for listener in tuple(self._listeners.get(key, ())):
                    listener(event)
        if isinstance(event, told.Closed):
            self._listeners.pop(event.slot, None)

    def _lose(self) -> None:
        """The channel has ended: whoever waits is told."""
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket.fileno())
        loop.remove_writer(self._socket.fileno())
        self._socket.close()
        self._socket = None
        self._ended.set()
        for future in (*self._waiting.values(), *self._closing.values()):
            if not future.done():
                future.set_exception(EngineGone("the engine has ended"))
                future.exception()  # whoever waits still gets it; nobody waiting is no fault
        self._waiting.clear()
        self._closing.clear()
        if not self._leaving:
            log.error("the engine has ended")
            self.on_death()


def _environment() -> dict[str, str]:
    """One thread for the arrays: the tick is one thread's work, and a pool would only spin beside it."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **single}
