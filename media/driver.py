"""The engine's process: one thread, one 20 ms clock, its sockets and the channel to the gateway. Run as `python -m media.driver FD`."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import random
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import cast

from media.clock import TICK_S, Pace
from media.commands import Command
from media.config import EngineConfig
from media.engine import Engine
from media.errors import WireFault
from media.events import Event, Health
from media.ports import Ports
from media.sockets import Sockets
from media.voicing import warm
from media.wire import Unpacker, pack

log = logging.getLogger("media.driver")

STEP_S = 0.005
"""Packets are read so often between two ticks, for the sake of their arrival times."""
BACKLOG = 32 * 1024 * 1024
"""Octets of events that wait for a gateway that does not read; then it is given up."""


class Channel:
    """Owns the socket to the gateway."""

    def __init__(self, one: socket.socket) -> None:
        self._socket = one
        self._early: list[object] = []
        self._ready = select.poll()  # asking costs less than the exception of a read in vain
        self._ready.register(one, select.POLLIN)
        self._unpacker = Unpacker()
        self._backlog: deque[memoryview] = deque()
        self._waiting = 0
        self.gone = False

    def configuration(self) -> EngineConfig:
        """The first thing that is said; commands may come with it. Does not block after it."""
        self._socket.setblocking(True)
        while not self._early:
            data = self._socket.recv(65_536)
            if not data:
                raise WireFault("the channel ended before the configuration")
            self._early = self._unpacker.feed(data)
        first, *self._early = self._early
        if not isinstance(first, EngineConfig):
            raise WireFault("the first thing on the channel is the configuration")
        self._socket.setblocking(False)
        return first

    def read(self) -> list[Command]:
        """Commands that came; sets `gone` when the gateway has."""
        items, self._early = self._early, []
        while not self.gone and self._ready.poll(0):
            try:
                data = self._socket.recv(262_144)
            except OSError:
                data = b""
            if not data:
                self.gone = True
                break
            try:
                items += self._unpacker.feed(data)
            except WireFault:
                log.exception("the command channel is out of step")
                self.gone = True
        return cast("list[Command]", items)

    def write(self, events: Sequence[Event]) -> None:
        if events:
            data = memoryview(pack(events))
            self._backlog.append(data)
            self._waiting += len(data)
        while self._backlog and not self.gone:
            data = self._backlog[0]
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                break
            except OSError:
                self.gone = True
                return
            self._waiting -= sent
            if sent == len(data):
                self._backlog.popleft()
            else:
                self._backlog[0] = data[sent:]
        self.gone |= self._waiting > BACKLOG

    def finish(self, seconds: float) -> None:
        """Give what is left a little time to leave."""
        self._socket.settimeout(seconds)
        try:
            while self._backlog and not self.gone:
                self._socket.sendall(self._backlog.popleft())
        except OSError:
            self.gone = True
        self._socket.close()


MAX_FAILURES = 50
"""Ticks in a row that may fail before the engine gives up (and says so)."""


def serve(channel: Channel, config: EngineConfig) -> None:
    """Tick until the gateway says so or is gone."""
    sockets = Sockets(
        config.address,
        Ports(first_port=config.first_port, last_port=config.last_port, rest_s=config.port_rest_s),
        config.rows,
    )
    now = time.monotonic()
    engine = Engine(
        config, sockets, random.Random(), now=now, wall_offset_s=time.clock_gettime(time.CLOCK_REALTIME) - now
    )
    pace = Pace(now + TICK_S)
    told_at = now
    failures = 0
    gc.collect()
    gc.freeze()
    gc.disable()  # what a tick makes is freed by its reference counts; cycles are looked for once a second
    while not engine.ended and not channel.gone:
        _listen(sockets, pace.next_at)
        begun = time.monotonic()
        if skipped := pace.begin(begun):
            engine.skip(skipped)
        commands = channel.read()
        try:
            events = engine.tick(begun, commands)
            failures = 0
        except Exception:
            failures += 1
            if failures > MAX_FAILURES:
                raise
            log.exception("a tick failed: its packets are lost, the calls go on")
            sockets.arrived.clear()
            events = []
        spent = time.monotonic() - begun
        pace.end(spent)
        if begun - told_at >= 1.0:
            told_at = begun
            events = [*events, _health(engine, pace)]
            gc.collect(0)
        channel.write(events)
    channel.write(engine.shut(time.monotonic()))
    channel.finish(5.0)
    sockets.shut()


def _listen(sockets: Sockets, until: float) -> None:
    """Read packets in steps until the next tick is due."""
    while True:
        now = time.monotonic()
        sockets.drain(now)
        left = until - time.monotonic()
        if left <= 0:
            break
        select.select((), (), (), min(left, STEP_S))
    sockets.drain_reports()


def _health(engine: Engine, pace: Pace) -> Health:
    p50, p99 = pace.figures()
    figures = engine.figures
    return Health(
        rows=len(engine.slots),
        tick_p50_ms=p50,
        tick_p99_ms=p99,
        late_ticks=pace.late,
        skipped_ticks=pace.skipped,
        packets_in=figures.packets_in,
        packets_out=figures.packets_out,
        packets_malformed=figures.total_malformed,
        packets_refused=figures.total_refused,
    )


def main(arguments: Sequence[str]) -> int:
    """Read the configuration from the channel, then serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the gateway ends the engine, by Shutdown or by going
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    channel = Channel(socket.socket(fileno=int(arguments[0])))
    try:
        config = channel.configuration()
        if config.realtime:
            _hurry()
        warm()
        serve(channel, config)
    except Exception:
        log.exception("the engine ends")
        return 1
    return 0


def _hurry() -> None:
    """Go before others, where we may; threads for files do not inherit it (`sched(7)`)."""
    sys.setswitchinterval(0.001)
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except OSError:
        with contextlib.suppress(OSError):
            os.nice(-10)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s")
    code = main(sys.argv[1:])
    logging.shutdown()
    os._exit(code)  # a thread may still be loading a model: its library's destructors must not run beneath it
