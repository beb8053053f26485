"""What finding out who answered costs: CPU of a frame and call by how many are listened to at once, and fifty in a running engine."""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np

from media.answers import Answers
from media.client import EngineClient
from media.codecs.g711 import float_to_ulaw
from media.commands import Connect, Detect
from media.config import EngineConfig
from media.events import Event, Health
from media.streams import FRAME, Slot, StreamParams
from tests.bench.bench_media import TICK_S, cpu_of, phone_socket
from tests.media.sounds import voice

CALLS = 50
SECONDS = 10.0
AT_ONCE = (1, 10, 50)
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""As the engine's process has it."""
SPOKEN = voice(20.0)
LONG = {"message_end": True, "speech_ms": 1000, "speech_end_ms": 5000, "timeout_ms": 59_000}


def alone(at_once: int, ticks: int = 250) -> float:
    """Microseconds of CPU a frame and call, all that a detection does, on made speech."""
    told: list[Event] = []
    answers = Answers(told.append)
    for row in range(at_once):
        answers.detect(Detect(slot=Slot(row=row, generation=1), **LONG))  # type: ignore[arg-type]  # one dictionary
    starts = [row * 997 % (len(SPOKEN) - FRAME * ticks) for row in range(at_once)]
    spent = 0.0
    for tick in range(ticks):
        heard = np.stack([SPOKEN[start + tick * FRAME :][:FRAME] for start in starts])
        begun = time.process_time()
        answers.listen(heard, tick * TICK_S)
        spent += time.process_time() - begun
    assert not told, "all listened to the end"
    return spent / ticks / at_once * 1e6


class Talkers:
    """Telephones that speak, a packet each 20 ms."""

    def __init__(self, ports: list[int]) -> None:
        self.sockets = [phone_socket() for _ in ports]
        self.running = True
        self._targets = [("127.0.0.1", port) for port in ports]
        self._frames = float_to_ulaw(SPOKEN).reshape(-1, FRAME)

    def run(self) -> None:
        """A thread's work."""
        begun, turn = time.monotonic(), 0
        while self.running:
            for i, (one, target) in enumerate(zip(self.sockets, self._targets, strict=True)):
                head = struct.pack(">BBHII", 0x80, 0, turn & 0xFFFF, turn * FRAME & 0xFFFFFFFF, 7 + i)
                one.sendto(head + self._frames[(turn + 20 * i) % len(self._frames)].tobytes(), target)
            turn += 1
            time.sleep(max(0.0, begun + turn * TICK_S - time.monotonic()))


async def _together(detects: bool) -> tuple[float, list[Health]]:
    """CPU seconds a second of an engine with fifty legs, and its health, second by second."""
    health: list[Health] = []
    async with EngineClient(EngineConfig(first_port=40_000, last_port=40_998)) as engine:
        opened = [await engine.open(f"leg {i}") for i in range(CALLS)]
        talkers = Talkers([leg.port for leg in opened])
        for one, leg in zip(talkers.sockets, opened, strict=True):
            where = {"remote_address": "127.0.0.1", "remote_port": one.getsockname()[1]}
            params = StreamParams(codec="PCMU", payload_type=0, signalling_address="127.0.0.1", **where)
            engine.send(Connect(slot=leg.slot, params=params))
            if detects:
                engine.send(Detect(slot=leg.slot, **LONG))  # type: ignore[arg-type]  # one dictionary
        thread = threading.Thread(target=talkers.run)
        thread.start()
        try:
            await asyncio.sleep(2.0)
            assert engine.pid is not None
            engine.on_health = health.append
            before = cpu_of(engine.pid)
            await asyncio.sleep(SECONDS)
            spent = cpu_of(engine.pid) - before
        finally:
            talkers.running = False
            thread.join()
            for one in talkers.sockets:
                one.close()
    return spent / SECONDS, health


def costs() -> Iterator[tuple[int, float]]:
    """Microseconds a frame and call, by how many at once."""
    for at_once in AT_ONCE:
        command = [sys.executable, "-m", "tests.bench.bench_detection", str(at_once)]
        told = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, check=True)
        yield at_once, float(told.stdout)


def rows() -> Iterator[tuple[str, float, str]]:
    for at_once, micros in costs():
        yield f"CPU a frame and call, {at_once} at once", micros, "µs"
    without, _ = asyncio.run(_together(detects=False))
    spent, health = asyncio.run(_together(detects=True))
    yield f"{CALLS} at once in an engine: CPU added a frame and call", (spent - without) * TICK_S / CALLS * 1e6, "µs"
    yield "… its tick, p50 of the worst second", max(one.tick_p50_ms for one in health), "ms"
    yield "… its tick, p99 of the worst second", max(one.tick_p99_ms for one in health), "ms"
    yield f"… late ticks in {SECONDS:.0f} s", health[-1].late_ticks - health[0].late_ticks, "ticks"


if __name__ == "__main__":
    print(min(alone(int(sys.argv[1])) for _ in range(4)))
