"""What a room costs: CPU per leg and 20 ms, how long a tick takes, and whether any was late, at several sizes and with several codecs."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from dataclasses import dataclass

from media.client import EngineClient
from media.commands import Connect, Route, SetRoutes
from media.config import EngineConfig
from media.events import Health
from media.streams import Slot, StreamParams
from tests.bench.bench_media import TICK_S, Phones, cpu_of, phone_socket

SECONDS = 10.0


@dataclass(slots=True, kw_only=True)
class Measured:
    """One run's figures."""

    cpu_us: float
    """Of one core per leg and 20 ms, sockets included."""
    tick_p50_ms: float
    tick_p99_ms: float
    late: int
    skipped: int
    through: float
    """Packets out per packet in."""


def joined(room: Slot, leg: Slot) -> tuple[Route, ...]:
    return (
        Route(source=room, target=leg),
        Route(source=leg, target=room),
        Route(source=leg, target=leg, gain=-1.0),
    )


async def _measure(rooms: int, legs: int, seconds: float) -> Measured:
    health: list[Health] = []
    sockets = [phone_socket() for _ in range(legs)]
    try:
        async with EngineClient(EngineConfig(first_port=40_000, last_port=59_998)) as engine:
            engine.on_health = health.append
            opened = [await engine.open(f"leg {i}") for i in range(legs)]
            made = [(await engine.open_room(f"room {i}")).slot for i in range(rooms)]
            for one, leg in zip(sockets, opened, strict=True):
                params = StreamParams(
                    codec="PCMU",
                    payload_type=0,
                    dtmf_payload_type=101,
                    remote_address="127.0.0.1",
                    remote_port=one.getsockname()[1],
                    signalling_address="127.0.0.1",
                )
                engine.send(Connect(slot=leg.slot, params=params))
            for i, leg in enumerate(opened):
                engine.send(SetRoutes(add=joined(made[i % rooms], leg.slot)))
            return await _watched(engine, health, sockets, [leg.port for leg in opened], seconds)
    finally:
        for one in sockets:
            one.close()


async def _watched(
    engine: EngineClient, health: list[Health], sockets: list[socket.socket], ports: list[int], seconds: float
) -> Measured:
    phones = Phones(sockets, ports)
    thread = threading.Thread(target=phones.run)
    thread.start()
    try:
        await asyncio.sleep(2.5)
        assert engine.pid is not None
        phones.counting, before, begun, first = True, cpu_of(engine.pid), time.monotonic(), health[-1]
        await asyncio.sleep(seconds)
        spent, lasted, last = cpu_of(engine.pid) - before, time.monotonic() - begun, health[-1]
    finally:
        phones.running = False
        thread.join()
    some = health[health.index(first) + 1 :]
    return Measured(
        cpu_us=spent / (lasted / TICK_S) / len(sockets) * 1e6,
        tick_p50_ms=sorted(one.tick_p50_ms for one in some)[len(some) // 2],
        tick_p99_ms=sorted(one.tick_p99_ms for one in some)[len(some) // 2],
        late=last.late_ticks - first.late_ticks,
        skipped=last.skipped_ticks - first.skipped_ticks,
        through=(last.packets_out - first.packets_out) / max(1, last.packets_in - first.packets_in),
    )


def measure(rooms: int, legs: int, seconds: float = SECONDS) -> Measured:
    """*legs* telephones that all send, spread over *rooms*."""
    return asyncio.run(_measure(rooms, legs, seconds))


def rows() -> list[tuple[str, float, str]]:
    """The table of `make bench`."""
    table: list[tuple[str, float, str]] = []
    for rooms, legs in ((1, 50), (1, 250), (7, 210), (33, 990)):
        one = measure(rooms, legs)
        what = f"{legs} in {'one room' if rooms == 1 else f'{rooms} rooms'}"
        table += [
            (f"room: CPU per leg and 20 ms, {what}", round(one.cpu_us, 1), "us"),
            (f"room: a tick, {what}, p50", round(one.tick_p50_ms, 2), "ms"),
            (f"room: a tick, {what}, p99", round(one.tick_p99_ms, 2), "ms"),
            (f"room: late ticks of {int(SECONDS / TICK_S)}, {what}", one.late, ""),
            (f"room: skipped ticks, {what}", one.skipped, ""),
            (f"room: packets out per packet in, {what}", round(100.0 * one.through, 2), "%"),
        ]
    return table


if __name__ == "__main__":
    for name, value, unit in rows():
        print(f"{name:55} {value:>10} {unit}")
