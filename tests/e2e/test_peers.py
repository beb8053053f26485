"""The drivers of real phones, tried on each other: what fails here is not the gateway's fault."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.peers.baresip import Phone
from tests.peers.linphone import Linphone
from tests.peers.sipp import Sipp, play

TONES = (440, 700)


@pytest.mark.peers("baresip", "linphonec")
async def test_two_kinds_of_phone_hear_each_other_and_press_keys(tmp_path: Path) -> None:
    async with Phone("alice", tmp_path / "a", tone=440) as alice, Linphone("bob", tmp_path / "b", tone=700) as bob:
        await alice.dial(bob.uri)
        await alice.wait_for("CALL_ESTABLISHED")
        await bob.wait_for_established()
        await bob.press("5")
        pressed = await alice.wait_for("CALL_DTMF_START")
        await asyncio.sleep(1)
        await alice.hang_up()
        await bob.wait_for_end()
    assert pressed.param == "5"
    assert alice.tones(TONES) == {700}
    assert bob.tones(TONES) == {440}


@pytest.mark.peers("baresip", "sipp")
async def test_a_scenario_is_kept_from_either_side(tmp_path: Path) -> None:
    async with Phone("alice", tmp_path / "a", tone=440) as alice:
        async with Sipp("uas_tone", tmp_path / "uas", tone=700) as called:
            await alice.dial(f"sip:bob@{called.address}")
            await alice.wait_for("CALL_ESTABLISHED")
            await asyncio.sleep(1)
            await alice.hang_up()
            await called.succeeded()
        await play(
            "uac_call", tmp_path / "uac", f"127.0.0.1:{alice.sip_port}", service="alice", values={"TALK_MS": "300"}
        )
    assert alice.tones(TONES) == {700}


@pytest.mark.peers("baresip", "sipp")
async def test_a_scenario_that_is_not_kept_is_a_failure(tmp_path: Path) -> None:
    async with (
        Sipp("uas_refuses", tmp_path / "uas", values={"STATUS": "603", "REASON": "Decline"}) as called,
        Sipp("uac_call", tmp_path / "uac", remote=called.address) as caller,
    ):
        outcome = await caller.outcome()
    assert outcome.exit_code == 1
    assert "603" in outcome.errors
