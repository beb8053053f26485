"""Fifty telephones in one room, each with a tone of its own: everybody hears all others and not itself, and the clock is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.e2e.gateway import NUMBER, Gateway
from tests.peers.ports import free_ports
from tests.peers.probe import Choir, Probe

CROWD = 50
AT_ONCE = 10
PORTS = 4 * CROWD


async def figures(gateway: Gateway) -> dict[str, float]:
    """The engine's, by name."""
    _, text = await gateway.get("/metrics")
    lines = [line for line in text.splitlines() if line.startswith("crosspoint_engine{")]
    return {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in lines}


def roomy() -> dict[str, object]:
    first = free_ports(PORTS)
    return {"rtp_ports": (first, first + PORTS - 1)}


@pytest.mark.parametrize("gateway", [roomy()], indirect=True)
async def test_fifty_in_a_room_hear_forty_nine_each(
    gateway: Gateway, record_property: Callable[[str, object], None]
) -> None:
    gateway.application.answers(
        "/number",
        '<Response><Dial><Conference waitUrl="" beep="false">crowd</Conference></Dial></Response>',
    )
    probes = [Probe(f"p{n}", 300 + 60 * n, level=0.012) for n in range(CROWD)]
    async with Choir(*probes) as choir:
        for at in range(0, CROWD, AT_ONCE):
            await asyncio.gather(*(one.call(gateway.sip, NUMBER) for one in probes[at : at + AT_ONCE]))
        names = {one.name for one in probes}

        def all_hear_the_others() -> bool:
            return all(one.hears(probes, least=0.006) == names - {one.name} for one in probes)

        await asyncio.sleep(1.0)  # until nothing but the room is in what was heard last
        before, sent = await figures(gateway), [one.received for one in probes]
        await asyncio.sleep(5.0)  # real speech, real time
        after = await figures(gateway)
        received = [one.received - begun for one, begun in zip(probes, sent, strict=True)]
        await choir.until(all_hear_the_others)
    late, skipped = (after[name] - before[name] for name in ("late_ticks", "skipped_ticks"))
    for name, value in (("late", late), ("skipped", skipped), ("tick p99 in ms", after["tick_p99_ms"])):
        record_property(name, value)
    assert skipped == 0
    assert late <= 5, "of 250: on a machine with nothing else to do there is none"
    assert after["tick_p99_ms"] < 10.0
    assert min(received) > 200, "of 250 packets"
