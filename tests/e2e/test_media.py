"""What phones do to the audio in the middle of a call: hold, keys, other codecs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.gateway import Gateway
from tests.peers.audio import read_wav, tones_in
from tests.peers.baresip import Phone
from tests.peers.linphone import Linphone

TONES = (440, 700)


@pytest.fixture(autouse=True)
def dial_bob(gateway: Gateway) -> None:
    gateway.application.answers("/voice", '<Response><Dial action="/done"><Client>bob</Client></Dial></Response>')
    gateway.application.answers("/done", "<Response/>")


@pytest.mark.peers("baresip")
async def test_hold_silences_both_ways_and_resume_brings_both_back(gateway: Gateway, tmp_path: Path) -> None:
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        await alice.dial("1000")
        await bob.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(1.5)  # real speech, real time
        await alice.hold()
        await asyncio.sleep(0.7)  # the hold takes effect
        before = _heard_frames(bob)
        await asyncio.sleep(1.5)
        held = _tones_since(bob, before)
        await alice.resume()
        await asyncio.sleep(0.7)
        again = _heard_frames(bob)
        await asyncio.sleep(1.5)
        resumed = _tones_since(bob, again)
        assert not bob.saw("CALL_CLOSED")
        await alice.hang_up()
        await bob.wait_for("CALL_CLOSED")
    assert 440 not in held, "a held party hears nothing of the other"
    assert resumed == {440}
    assert alice.tones(TONES) == {700}


def _heard_frames(phone: Phone) -> int:
    return len(read_wav(phone.kept()[-1])[0])


def _tones_since(phone: Phone, frames: int) -> set[float]:
    samples, rate_hz = read_wav(phone.kept()[-1])
    return tones_in(samples[frames:, 0], rate_hz, TONES)


@pytest.mark.peers("baresip", "linphonec")
async def test_keys_cross_the_bridge_in_both_directions(gateway: Gateway, tmp_path: Path) -> None:
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Linphone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        await alice.dial("1000")
        await bob.wait_for_established()
        await asyncio.sleep(0.5)  # the first packets have passed
        await bob.press("5")
        pressed = await alice.wait_for("CALL_DTMF_START")
        await alice.press("7")
        await bob.program.wait_for_log("Receiving tone 7")
        await alice.hang_up()
        await bob.wait_for_end()
    assert pressed.param == "5"


@pytest.mark.peers("baresip")
@pytest.mark.parametrize("codec", ["PCMA/8000/1", "G722/16000/1", "opus/48000/2", "L16/16000/1"])
async def test_phones_of_different_codecs_hear_each_other(gateway: Gateway, tmp_path: Path, codec: str) -> None:
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip, codec=codec) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip, codec="PCMU/8000/1") as bob,
    ):
        await alice.dial("1000")
        await bob.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(2)  # real speech, real time
        await alice.hang_up()
        await bob.wait_for("CALL_CLOSED")
    assert alice.tones(TONES) == {700}
    assert bob.tones(TONES) == {440}
