"""What phones do to the audio in the middle of a call: hold, keys, other codecs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.gateway import NUMBER, Gateway
from tests.peers.audio import RATE_HZ
from tests.peers.baresip import Phone
from tests.peers.callee import Answer, Callees
from tests.peers.linphone import Linphone
from tests.peers.probe import Choir, Probe

TONES = (440, 700)
TALK_S, HELD_S = 2.0, 4.0


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
        await asyncio.sleep(TALK_S)  # real speech, real time
        await alice.hold()
        await asyncio.sleep(HELD_S)
        await alice.resume()
        await asyncio.sleep(TALK_S)
        assert not bob.saw("CALL_CLOSED")
        await alice.hang_up()
        await bob.wait_for("CALL_CLOSED")
    heard_s = bob.seconds(440)
    assert heard_s > TALK_S + 0.5, "the other was heard again after the hold"
    assert heard_s < 2 * TALK_S + 1, "nothing of the other was heard while the call was held"


@pytest.mark.peers("baresip", "linphonec")
async def test_a_linphone_that_held_hears_the_other_again(gateway: Gateway, tmp_path: Path) -> None:
    """baresip keeps nothing of what it hears after its own hold, so the holder's ear is linphone's, whose file begins anew."""
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Linphone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        await alice.dial("1000")
        await bob.wait_for_established()
        await asyncio.sleep(1)  # real speech, real time
        await bob.hold()
        await asyncio.sleep(1.5)
        bob.heard_path.unlink(missing_ok=True)
        await bob.resume()
        await asyncio.sleep(TALK_S)
        await alice.hang_up()
        await bob.wait_for_end()
    assert bob.tones(TONES) == {440}
    assert alice.seconds(700) > 1.5


@pytest.mark.peers("baresip", "linphonec")
@pytest.mark.parametrize("keys", ["rtp", "info"])
async def test_keys_cross_the_bridge_in_both_directions(gateway: Gateway, tmp_path: Path, keys: str) -> None:
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Linphone("bob", tmp_path / "b", tone=700, proxy=gateway.sip, keys=keys) as bob,
    ):
        await alice.dial("1000")
        await bob.wait_for_established()
        await asyncio.sleep(0.5)  # the first packets have passed
        await bob.press("5")
        pressed = await alice.wait_for("CALL_DTMF_START")
        await alice.press("7")
        if keys == "rtp":  # a linphone that sends INFO tells of no keys
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


async def test_a_callee_that_goes_over_to_another_agreed_codec_is_heard_on(gateway: Gateway) -> None:
    """Its answer allows A-law beside u-law, so it need not ask before it changes (RFC 3264 section 7)."""
    at = np.arange(8 * RATE_HZ) / RATE_HZ
    sound = (0.3 * np.sin(2 * np.pi * 800 * at)).astype(np.float32)
    caller = Probe("caller", 440)
    async with Callees() as callees, Choir(caller) as choir:
        callees.answers["changes"] = Answer(sound=sound, ring_ms=20, other_codec_ms=600)
        gateway.application.answers("/number", f"<Response><Dial><Sip>{callees.uri('changes')}</Sip></Dial></Response>")
        await caller.call(gateway.sip, NUMBER)
        await choir.until(lambda: caller.level(800, 0.3) > 0.25)
        await asyncio.sleep(1.0)  # real speech, real time
        assert caller.level(800, 0.3) > 0.25
