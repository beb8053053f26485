"""Hang-ups, updates, kicks, transfers and offers within 20 ms of each other, in bridges, rooms and lines: whatever comes first,
nothing is held afterwards, nothing has raised, and each promised callback has come once.

`python -m tests.e2e.test_races RUNS SEED` plays as many as one likes.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import aiohttp

from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, Gateway
from tests.e2e.scenes import KINDS, Scene, Stage
from tests.e2e.test_dial_races import check_callbacks, held
from tests.peers.ports import free_ports
from tests.peers.scripted import Scripted

RUNS = 36
AT_ONCE = 12
PORTS = 600


async def play(home: Path, runs: int, seed: int) -> None:
    first = free_ports(PORTS)
    gateway = Gateway(home, rtp_ports=(first, first + PORTS - 1), rtp_more="port_rest_s = 0")
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    scenes: list[Scene] = []
    async with gateway, Scripted(gateway.sip) as phones:
        before = await held(gateway)
        async with aiohttp.ClientSession(headers=headers) as api:  # whose connections the gateway holds, too
            stage = Stage(gateway, phones, api)
            for at in range(0, runs, AT_ONCE):
                numbers = range(at, min(at + AT_ONCE, runs))
                scenes += await asyncio.gather(*(stage.play(n, seed, KINDS[n % len(KINDS)]) for n in numbers))
        for _ in range(150):
            for scene in scenes:  # who was called by a document that an update or a transfer brought
                for line in scene.called:
                    line.hang_up()
            if (after := await held(gateway)) == before:
                break
            await asyncio.sleep(0.2)
        assert after == before, f"something is held: {gateway.logs()[-20_000:]}"
        sids = [sid for scene in scenes for sid in scene.sids]
        await gateway.application.wait_for("/number-status", count=len(sids))
        await asyncio.sleep(0.3)  # long enough for one too many
        asked = gateway.application.received
    check_callbacks([one.params for one in asked if one.path == "/child"])
    finals = Counter(one.params["CallSid"] for one in asked if one.path == "/number-status")
    assert set(finals.values()) == {1}, "each call has one end"
    assert finals.keys() >= set(sids)
    results = Counter((one.path, one.params["CallSid"]) for one in asked if one.path.startswith(("/done/", "/left/")))
    assert set(results.values()) <= {1}, [what for what, count in results.items() if count > 1]
    check_rooms([one.params for one in asked if one.path == "/room"])
    assert not gateway.application.unsigned
    assert "Traceback" not in gateway.logs()


def check_rooms(told: list[dict[str, str]]) -> None:
    """Each room counts from 1, ends once and last, and whoever came into it has left it."""
    rooms: dict[str, list[dict[str, str]]] = defaultdict(list)
    for one in told:
        rooms[one["ConferenceSid"]].append(one)
    for story in rooms.values():
        story.sort(key=lambda one: int(one["SequenceNumber"]))
        events = [one["StatusCallbackEvent"] for one in story]
        assert [int(one["SequenceNumber"]) for one in story] == list(range(1, len(story) + 1)), events
        assert (events.count("conference-end"), events[-1]) == (1, "conference-end"), events
        assert events.count("conference-start") <= 1, events
        for sid in {one["CallSid"] for one in story if "CallSid" in one}:
            mine = [one["StatusCallbackEvent"] for one in story if one.get("CallSid") == sid]
            ways = [event for event in mine if event in ("participant-join", "participant-leave")]
            assert ways == ["participant-join", "participant-leave"] * (len(ways) // 2), mine


async def test_whatever_happens_at_once_nothing_is_left_behind(tmp_path: Path) -> None:
    await play(tmp_path / "gateway", RUNS, 20261121)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(play(Path(directory) / "gateway", int(sys.argv[1]), int(sys.argv[2])))
