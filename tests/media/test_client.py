"""The engine as a process of its own, over real sockets: a few seconds of real time in all."""

from __future__ import annotations

import asyncio
import os
import signal
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from media import rtp
from media.client import EngineClient, EngineConfig
from media.commands import Connect, Play, Record, Route, SetRoutes, Tap, Tone
from media.errors import EngineGone, NoPortLeft
from media.events import Event, FirstAudio, Health, Opened, Playing, TapeEnded, TapeStarted
from media.streams import StreamParams
from tests.peers.ports import free_ports


class Phone(asyncio.DatagramProtocol):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.got.append(data)

    @property
    def port(self) -> int:
        assert self.transport is not None
        port: int = self.transport.get_extra_info("sockname")[1]
        return port


@pytest.fixture
async def engine() -> AsyncIterator[EngineClient]:
    port = free_ports(6)
    config = EngineConfig(first_port=port, last_port=port + 5, rows=16, realtime=False)
    async with EngineClient(config) as client:
        yield client


@pytest.fixture
async def phones() -> AsyncIterator[list[Phone]]:
    loop = asyncio.get_running_loop()
    made = [await loop.create_datagram_endpoint(Phone, local_addr=("127.0.0.1", 0)) for _ in range(2)]
    yield [phone for _, phone in made]
    for transport, _ in made:
        transport.close()
    await asyncio.sleep(0)


async def connected(engine: EngineClient, phone: Phone) -> Opened:
    opened = await engine.open("test")
    params = StreamParams(codec="PCMU", payload_type=0, remote_address="127.0.0.1", remote_port=phone.port)
    engine.send(Connect(slot=opened.slot, params=params))
    return opened


async def next_event(engine: EngineClient, key: object, kind: type[Event]) -> Event:
    """The next event of one kind about *key*."""
    future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

    def take(event: Event) -> None:
        if isinstance(event, kind) and not future.done():
            future.set_result(event)

    unlisten = engine.listen(key, take)  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(5.0):
            return await future
    finally:
        unlisten()


async def test_two_phones_hear_each_other_through_the_process(engine: EngineClient, phones: list[Phone]) -> None:
    alice, bob = phones
    legs = [await connected(engine, phone) for phone in phones]
    a, b = legs[0].slot, legs[1].slot
    engine.send(SetRoutes(add=(Route(source=a, target=b), Route(source=b, target=a))))
    first = asyncio.ensure_future(next_event(engine, a, FirstAudio))
    for i in range(25):
        for phone, leg, octet in ((alice, legs[0], b"\x20"), (bob, legs[1], b"\x30")):
            assert phone.transport is not None
            phone.transport.sendto(rtp.packet(0, i, 160 * i, 9, octet * 160), ("127.0.0.1", leg.port))
        await asyncio.sleep(0.02)
    event = await first
    assert isinstance(event, FirstAudio)
    assert event.port == alice.port
    assert b"\x30" * 160 in {data[12:] for data in alice.got}
    assert b"\x20" * 160 in {data[12:] for data in bob.got}
    assert (await engine.stats(a)).packets_received == 25
    assert (await engine.close(a)).packets_sent >= 20


async def test_a_tone_is_played_and_a_tape_is_whole_after_the_end(phones: list[Phone], tmp_path: Path) -> None:
    port = free_ports(2)
    path = tmp_path / "call.wav"
    ended: list[Event] = []
    async with EngineClient(EngineConfig(first_port=port, last_port=port + 1, rows=4, realtime=False)) as engine:
        leg = await connected(engine, phones[0])
        playing, tape = engine.number(), engine.number()
        engine.listen(tape, ended.append)
        started = asyncio.ensure_future(next_event(engine, tape, TapeStarted))
        heard = asyncio.ensure_future(next_event(engine, playing, Playing))
        await asyncio.sleep(0)
        engine.send(Play(playing=playing, target=leg.slot, source=Tone(segments=(((440.0,), 1000, 0),))))
        engine.send(Record(tape=tape, path=str(path), taps=(Tap(slot=leg.slot),)))
        await started
        await heard
        await asyncio.sleep(0.2)
    assert isinstance(ended[-1], TapeEnded)
    with wave.open(str(path)) as file:
        assert file.getnframes() == ended[-1].samples > 800


async def test_ports_that_run_out_are_an_error_in_words(engine: EngineClient) -> None:
    for _ in range(3):
        await engine.open()
    with pytest.raises(NoPortLeft):
        await engine.open()
    assert (await engine.open_room()).port == 0


async def test_a_leg_given_back_twice_is_no_fault(engine: EngineClient) -> None:
    leg = await engine.open()
    first, second = await asyncio.gather(engine.close(leg.slot), engine.close(leg.slot))
    assert first == second
    assert (await engine.close(leg.slot)).packets_sent == 0


async def test_health_comes_once_a_second(engine: EngineClient) -> None:
    told: asyncio.Queue[Health] = asyncio.Queue()
    engine.on_health = told.put_nowait
    async with asyncio.timeout(5.0):
        health = await told.get()
    assert health.tick_p99_ms >= health.tick_p50_ms > 0.0


async def test_an_engine_that_dies_is_told_and_whoever_waits_is_freed(engine: EngineClient) -> None:
    died = asyncio.Event()
    engine.on_death = died.set
    opened = await engine.open()
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(EngineGone):
        await engine.stats(opened.slot)
    async with asyncio.timeout(5.0):
        await died.wait()
    assert not engine.alive
    with pytest.raises(EngineGone):
        await engine.open()


async def test_an_engine_whose_gateway_dies_closes_its_tapes_and_leaves(
    engine: EngineClient, phones: list[Phone], tmp_path: Path
) -> None:
    leg = await connected(engine, phones[0])
    path = tmp_path / "call.wav"
    tape = engine.number()
    started = asyncio.ensure_future(next_event(engine, tape, TapeStarted))
    await asyncio.sleep(0)
    engine.send(Record(tape=tape, path=str(path), taps=(Tap(slot=leg.slot),)))
    await started
    await asyncio.sleep(0.1)
    engine.on_death = lambda: None
    assert engine._process is not None
    engine._lose()  # as the kernel does with a dead gateway's socket
    async with asyncio.timeout(5.0):
        assert await engine._process.wait() == 0
    with wave.open(str(path)) as file:
        assert file.getnframes() > 400
