"""UDP and TCP on the loopback interface: framing, reuse, loss, refusal, keep-alive."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from sip.transport import Flow
from sip.transport import tcp as tcp_module
from sip.transport.tcp import TcpTransport
from sip.transport.udp import UdpTransport, address_towards

OPTIONS = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n"


class Box:
    """What a transport has brought."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[tuple[bytes, Flow]] = asyncio.Queue()
        self.lost: asyncio.Queue[Flow] = asyncio.Queue()

    def received(self, data: bytes, flow: Flow) -> None:
        self.arrived.put_nowait((data, flow))


@asynccontextmanager
async def tcp() -> AsyncIterator[tuple[TcpTransport, Box]]:
    box = Box()
    transport = TcpTransport("127.0.0.1", 0, received=box.received, lost=box.lost.put_nowait)
    await transport.open()
    try:
        async with asyncio.timeout(10):
            yield transport, box
    finally:
        await transport.close()


@asynccontextmanager
async def udp(host: str = "127.0.0.1") -> AsyncIterator[tuple[UdpTransport, Box]]:
    box = Box()
    transport = UdpTransport(host, 0, received=box.received, lost=box.lost.put_nowait)
    await transport.open()
    try:
        async with asyncio.timeout(10):
            yield transport, box
    finally:
        await transport.close()


async def closed(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionResetError):
        assert await reader.read() == b""


# -- UDP --------------------------------------------------------------------------------------------------------------


async def test_datagrams_go_both_ways() -> None:
    async with udp() as (one, _), udp() as (two, box):
        one.send(await one.connect(*two.local), b"hello")
        data, flow = await box.arrived.get()
        assert (data, flow) == (b"hello", Flow("udp", two.local, one.local))
        assert not flow.reliable


async def test_a_burst_is_read_in_order() -> None:
    async with udp() as (one, _), udp() as (two, box):
        for number in range(200):
            one.send(Flow("udp", one.local, two.local), b"%d" % number)
        assert [int((await box.arrived.get())[0]) for _ in range(200)] == list(range(200))


async def test_what_can_not_be_sent_is_reported() -> None:
    async with udp() as (one, box):
        flow = Flow("udp", one.local, ("127.0.0.1", 0))
        one.send(flow, b"x")
        assert await box.lost.get() == flow
        one.send(Flow("udp", one.local, ("127.0.0.1", 70_000)), b"x")
        await box.lost.get()
        one.send(Flow("udp", one.local, ("127.0.0.1", 9)), b"x" * 70_000)
        assert box.lost.empty(), "this datagram, not its peer"


async def test_a_closed_transport_sends_nothing() -> None:
    async with udp() as (one, box):
        await one.close()
        one.send(Flow("udp", one.local, ("127.0.0.1", 9)), b"x")
        assert box.lost.empty()


def test_our_address_towards_a_host() -> None:
    assert address_towards("127.0.0.9") == "127.0.0.1"
    assert address_towards("255.255.255.255") is None


# -- TCP --------------------------------------------------------------------------------------------------------------


async def test_a_connection_is_made_when_something_is_sent_and_used_again() -> None:
    async with tcp() as (one, _), tcp() as (two, box):
        flow = Flow("tcp", one.local, two.local)
        for _ in range(3):
            one.send(flow, OPTIONS)
        flows = {(await box.arrived.get())[1] for _ in range(3)}
        assert len(flows) == 1
        one.send(flow, OPTIONS)
        assert (await box.arrived.get())[1] in flows
        assert (await one.connect(*two.local)).remote == two.local


async def test_an_answer_goes_back_on_the_connection_it_was_asked_on() -> None:
    async with tcp() as (one, box_one), tcp() as (two, box_two):
        one.send(Flow("tcp", one.local, two.local), OPTIONS)
        _, flow = await box_two.arrived.get()
        two.send(flow, OPTIONS)
        _, back = await box_one.arrived.get()
        assert back.remote == two.local
        assert back.connection


async def test_messages_are_cut_wherever_the_stream_is() -> None:
    async with tcp() as (one, box):
        _, writer = await asyncio.open_connection(*one.local)
        for piece in (OPTIONS[:5], OPTIONS[5:] + OPTIONS, b"\r\n\r\n", OPTIONS[:-1], OPTIONS[-1:]):
            writer.write(piece)
            await writer.drain()
        found = [(await box.arrived.get())[0] for _ in range(4)]
        assert found == [OPTIONS, OPTIONS, b"\r\n\r\n", OPTIONS]
        writer.close()
        assert (await box.lost.get()).connection


async def test_a_stream_that_can_not_be_followed_is_closed_after_what_was_whole() -> None:
    async with tcp() as (one, box):
        reader, writer = await asyncio.open_connection(*one.local)
        writer.write(OPTIONS + b"OPTIONS sip:x SIP/2.0\r\nContent-Length: five\r\n\r\n")
        assert (await box.arrived.get())[0] == OPTIONS
        await closed(reader)
        writer.close()
        assert one.malformed == 1


async def test_a_peer_that_refuses_is_reported_as_unreachable() -> None:
    async with tcp() as (one, box):
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            remote = nobody.getsockname()
            one.send(Flow("tcp", one.local, remote, 77), OPTIONS)
            assert await box.lost.get() == Flow("tcp", one.local, remote)


async def test_more_connections_of_one_address_than_any_office_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_module, "MAX_PER_ADDRESS", 3)
    async with tcp() as (one, box):
        opened = [await asyncio.open_connection(*one.local) for _ in range(4)]
        await closed(opened[3][0])
        assert one.refused == 1
        opened[0][1].write(OPTIONS)
        assert (await box.arrived.get())[0] == OPTIONS
        opened[1][1].close()
        await box.lost.get()
        opened.append(await asyncio.open_connection(*one.local))
        opened[4][1].write(OPTIONS)
        assert (await box.arrived.get())[0] == OPTIONS
        assert (await one.connect(*one.local)).connection, "our own are not counted"
        for _, writer in opened:
            writer.close()


async def test_half_a_message_is_waited_for_only_so_long_however_slowly_it_drips(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcp_module, "IDLE_MESSAGE_S", 0.3)
    async with tcp() as (one, box):
        reader, writer = await asyncio.open_connection(*one.local)
        gone = asyncio.ensure_future(closed(reader))
        sent = 0
        while not gone.done():
            with suppress(ConnectionError):
                writer.write(b"O")
                await writer.drain()
            sent += 1
            await asyncio.wait([gone], timeout=0.05)
        await gone
        assert 3 < sent < 60
        await box.lost.get()
        writer.close()


async def test_a_peer_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_module, "MAX_QUEUED", 100_000)
    async with tcp() as (one, box):
        reader, writer = await asyncio.open_connection(*one.local)
        writer.write(OPTIONS)
        _, flow = await box.arrived.get()
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # the only way to be so rude
        while box.lost.empty():
            one.send(flow, b"x" * 50_000)
            await asyncio.sleep(0)
        assert await box.lost.get() == flow
        writer.close()


async def test_closing_leaves_no_connection_and_no_task() -> None:
    async with tcp() as (one, _), tcp() as (two, box):
        one.send(Flow("tcp", one.local, two.local), OPTIONS)
        await box.arrived.get()
        one.send(Flow("tcp", one.local, ("127.0.0.1", 9)), OPTIONS)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
