"""Torture, noise and floods over a real socket: each is answered as the manifest says, and the gateway never stops answering OPTIONS."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.gateway import Gateway
from tests.e2e.raw import RawPeer
from tests.fakes.mutate import mutations
from tests.peers.sipp import play
from tests.sip.torture import Expectation, cases, messages

MUTATED = int(os.environ.get("CROSSPOINT_TEST_MUTATIONS", "3000"))
"""50,000 for the long run: `CROSSPOINT_TEST_MUTATIONS=50000 make test`."""

CASES = list(cases())
AT_ONCE = 25


STRANGER = f"127.77.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"
"""An address of this machine that is no trunk's and no other run's."""

MESSAGES_A_SECOND = 1500
"""Below what one source may send, so that every message is read."""

ANSWERED_AT = (5060, 5050, 5061, 6050, 19823)
"""Where the messages' top Vias want their answers: without `rport`, that is the source's address and this port (RFC 3261 18.2.2)."""


async def test_all_61_torture_messages_are_answered_as_the_manifest_says(gateway: Gateway) -> None:
    wrong = []
    async with RawPeer(gateway.sip) as pinger:
        for name, data, expected in CASES:
            async with RawPeer(gateway.sip, address=STRANGER, ports=ANSWERED_AT) as peer:
                peer.send(data)
                answer = await peer.final(within_s=0.4 if "drop" in expected.accepted else 1.5)
            if not _fits(expected, answer):
                wrong.append((name, answer[0] if answer else None, str(expected)))
            assert await pinger.ping(), f"OPTIONS is still answered after {name}"
    assert not wrong, wrong
    assert len(CASES) == 61


def _fits(expected: Expectation, answer: tuple[int, str] | None) -> bool:
    return expected.allows(answer[0] if answer else None)


async def test_mutated_messages_never_cost_an_options_ping(gateway: Gateway) -> None:
    missed, sent, loop = 0, 0, asyncio.get_running_loop()
    async with RawPeer(gateway.sip, address=STRANGER) as noisy, RawPeer(gateway.sip) as pinger:
        began = loop.time()
        for data in mutations(20261121, messages(), MUTATED):
            noisy.send(data)
            sent += 1
            if sent % AT_ONCE == 0:
                missed += not await pinger.ping(within_s=3.0)
                while not noisy.arrived.empty():
                    noisy.arrived.get_nowait()
                await asyncio.sleep(max(0.0, began + sent / MESSAGES_A_SECOND - loop.time()))
    assert missed == 0
    assert sent == MUTATED


@pytest.mark.peers("sipp")
async def test_a_call_goes_on_while_noise_arrives(gateway: Gateway, tmp_path: Path) -> None:
    """Malformed messages end nobody's call and reach nobody's application."""
    gateway.application.answers(
        "/number", '<Response><Pause length="1"/><Dial timeout="5">+15557770000</Dial></Response>'
    )

    async def noise() -> None:
        async with RawPeer(gateway.sip) as peer:
            for data in mutations(7, messages(), 400):
                peer.send(data)
                await asyncio.sleep(0.005)

    async with asyncio.TaskGroup() as group:
        group.create_task(noise())
        group.create_task(play("uac_until_bye", tmp_path / "uac", gateway.sip, service="+15550100", tone=1000))
    assert len(gateway.application.all("/number")) == 1


async def test_what_was_malformed_is_counted(gateway: Gateway) -> None:
    async with RawPeer(gateway.sip) as peer:
        peer.send(b"INVITE sip:x SIP/2.0\r\nVia: nonsense\r\n\r\n")
        peer.send(b"\x00\x01\x02 no SIP at all")
        assert await peer.ping()
    status, text = await gateway.get("/metrics")
    assert status == 200
    counted = [
        line
        for line in text.splitlines()
        if not line.startswith("#") and ("malformed" in line or "bad_message" in line)
    ]
    assert any(float(line.rsplit(" ", 1)[1]) >= 1 for line in counted), text


async def test_a_tcp_stream_that_cannot_be_framed_is_closed_and_others_go_on(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.sip_port)
    writer.write(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: -5\r\n\r\n" + b"x" * 70_000)
    async with asyncio.timeout(10):
        with suppress(ConnectionResetError):
            while await reader.read(4096):
                pass
    writer.close()
    async with RawPeer(gateway.sip) as peer:
        assert await peer.ping()
