"""What the engine costs: CPU per PCMU leg and 20 ms with its sockets, and the delay that it adds, at several numbers of legs."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import statistics
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from media.client import EngineClient
from media.commands import Connect, Record, Route, SetRoutes, Side, Tap
from media.config import EngineConfig
from media.events import Health
from media.streams import StreamParams

TICK_S = 0.02
SLOTS = 10
"""Phones send in so many turns of each 20 ms."""


@dataclass(slots=True)
class Measured:
    """One run's figures."""

    legs: int
    cpu_us: float
    """Of one core per leg and 20 ms, sockets included."""
    delay_p50_ms: float
    delay_p99_ms: float
    sent: int
    received: int
    late_ticks: int
    skipped_ticks: int
    ticks: int
    memory_mb: float


class Phones:
    """Telephones that send a packet each 20 ms, spread over it, and time what comes back to some of them.

    A timed packet begins with its number in codes 0x80 to 0x87: each code has its own value, so it survives decoding and encoding.
    """

    def __init__(self, sockets: list[socket.socket], targets: list[int]) -> None:
        self.delays: list[float] = []
        self.sent = self.received = 0
        self.running = True
        self.counting = False
        self._sockets = sockets
        self._targets = [("127.0.0.1", port) for port in targets]
        self._packets = [
            bytearray(struct.pack(">BBHII", 0x80, 0, 0, 0, 7 + i) + b"\xff" * 160) for i in range(len(sockets))
        ]
        step = max(1, len(sockets) // 2 // 20)
        self._timed = {i for i in range(len(sockets)) if i // 2 % step == 0}
        self._sent_at: dict[int, float] = {}

    def run(self) -> None:
        """A thread's work, until `running` is withdrawn. Only timed phones are waited for: a wake-up of ours is charged to the sender."""
        by_fd = {one.fileno(): i for i, one in enumerate(self._sockets) if i in self._timed}
        with select.epoll() as epoll:
            for fd in by_fd:
                epoll.register(fd, select.EPOLLIN)
            due, turn = time.monotonic(), 0
            while self.running:
                due += TICK_S / SLOTS
                time.sleep(max(0.0, due - time.monotonic()))
                number, part = divmod(turn, SLOTS)
                for i in range(part, len(self._sockets), SLOTS):
                    self._send(i, number)
                    if i not in self._timed:
                        self._read(i)
                while ready := epoll.poll(0, 4096):
                    for fd, _ in ready:
                        self._read(by_fd[fd])
                turn += 1

    def _send(self, i: int, number: int) -> None:
        packet = self._packets[i]
        struct.pack_into(">HI", packet, 2, number & 0xFFFF, number * 160 & 0xFFFFFFFF)
        if i in self._timed:
            packet[12:18] = bytes(0x80 | (number >> shift & 7) for shift in (15, 12, 9, 6, 3, 0))
            self._sent_at[i << 18 | number & 0x3FFFF] = time.monotonic()
        self._sockets[i].sendto(packet, self._targets[i])
        self.sent += self.counting

    def _read(self, i: int) -> None:
        try:
            data = self._sockets[i].recv(2048)
        except BlockingIOError:
            return
        if len(data) != 172:
            return  # RTCP for the port below
        self.received += self.counting
        if i not in self._timed:
            return
        for at in (12, 92):  # the play-out point may be 10 ms within a packet
            if data[at] >> 3 == 16 and data[at + 5] >> 3 == 16:
                self._time(i ^ 1, data[at : at + 6], time.monotonic() + (at - 12) / 8000)

    def _time(self, sender: int, mark: bytes, now: float) -> None:
        number = 0
        for code in mark:
            number = number << 3 | code & 7
        begun = self._sent_at.pop(sender << 18 | number, None)
        if begun is not None and self.counting:
            self.delays.append(now - begun)


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used, from the scheduler's own nanoseconds (ticks are sampled, and we sleep in step with them)."""
    spent = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            spent += int(file.read().split()[0])
    return spent / 1e9


def memory_of(pid: int) -> float:
    """Resident MB of a process."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def phone_socket() -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 0))
    one.setblocking(False)
    return one


async def _measure(legs: int, seconds: float, folder: Path | None) -> Measured:
    health: list[Health] = []
    sockets = [phone_socket() for _ in range(legs)]
    try:
        async with EngineClient(EngineConfig(first_port=40_000, last_port=59_998)) as engine:
            engine.on_health = health.append
            opened = [await engine.open(f"leg {i}") for i in range(legs)]
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
            pairs = [(opened[i].slot, opened[i ^ 1].slot) for i in range(legs)]
            engine.send(SetRoutes(add=tuple(Route(source=a, target=b) for a, b in pairs)))
            for number, leg in enumerate(opened[::2] if folder is not None else ()):
                taps = (Tap(slot=leg.slot), Tap(slot=leg.slot, side=Side.SAID, channel=1))
                engine.send(Record(tape=engine.number(), path=f"{folder}/{number}.wav", taps=taps, channels=2))
            phones = Phones(sockets, [leg.port for leg in opened])
            thread = threading.Thread(target=phones.run)
            thread.start()
            try:
                await asyncio.sleep(2.0)
                assert engine.pid is not None
                phones.counting, before, begun = True, cpu_of(engine.pid), time.monotonic()
                late, skipped = (health[-1].late_ticks, health[-1].skipped_ticks) if health else (0, 0)
                await asyncio.sleep(seconds)
                spent, lasted = cpu_of(engine.pid) - before, time.monotonic() - begun
                phones.counting = False
                memory = memory_of(engine.pid)
            finally:
                phones.running = False
                thread.join()
            return Measured(
                legs=legs,
                cpu_us=spent / (lasted / TICK_S) / legs * 1e6,
                delay_p50_ms=_percentile(phones.delays, 50),
                delay_p99_ms=_percentile(phones.delays, 99),
                sent=phones.sent,
                received=phones.received,
                late_ticks=health[-1].late_ticks - late,
                skipped_ticks=health[-1].skipped_ticks - skipped,
                ticks=round(lasted / TICK_S),
                memory_mb=memory,
            )
    finally:
        for one in sockets:
            one.close()


def _percentile(delays: list[float], percent: int) -> float:
    return statistics.quantiles(delays, n=100)[percent - 1] * 1000 if len(delays) > 1 else float("nan")


def measure(legs: int, seconds: float = 10.0, folder: Path | None = None) -> Measured:
    """Bridge *legs* in pairs, every packet through the engine, and watch it for *seconds*; each call recorded to *folder*, if given."""
    return asyncio.run(_measure(legs, seconds, folder))


def rows() -> list[tuple[str, float, str]]:
    """The table of `make bench`."""
    table: list[tuple[str, float, str]] = []
    for legs in (50, 200, 1000):
        one = measure(legs)
        table += [
            (f"media: CPU per PCMU leg and 20 ms, {legs} legs", round(one.cpu_us, 1), "us"),
            (f"media: delay added, {legs} legs, p50", round(one.delay_p50_ms, 1), "ms"),
            (f"media: delay added, {legs} legs, p99", round(one.delay_p99_ms, 1), "ms"),
            (f"media: packets through, {legs} legs", round(100.0 * one.received / max(1, one.sent), 2), "%"),
            (f"media: engine's memory, {legs} legs", round(one.memory_mb, 1), "MB"),
        ]
    return table


if __name__ == "__main__":
    for name, value, unit in rows():
        print(f"{name:55} {value:>10} {unit}")
