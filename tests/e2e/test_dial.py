"""`<Dial>` at its edges: nobody home, busy, too slow, several at once, early media, and what the application is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.gateway import Gateway
from tests.peers.baresip import Phone
from tests.peers.sipp import Sipp

RINGBACK_HZ = (440.0, 480.0)
DONE = "<Response><Hangup/></Response>"


def dial(children: str, **attributes: str) -> str:
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<Response><Dial action="/done"{more}>{children}</Dial></Response>'


@pytest.mark.peers("baresip", "sipp")
@pytest.mark.parametrize(
    ("scenario", "status", "reason", "outcome"),
    [
        ("uas_status", "486", "Busy Here", "busy"),
        ("uas_refuses", "600", "Busy Everywhere", "busy"),
        ("uas_refuses", "404", "Not Found", "failed"),
        ("uas_refuses", "500", "Server Internal Error", "failed"),
        ("uas_status", "480", "Temporarily Unavailable", "no-answer"),
    ],
)
async def test_a_refusal_gives_its_dial_call_status(
    gateway: Gateway, tmp_path: Path, scenario: str, status: str, reason: str, outcome: str
) -> None:
    application = gateway.application
    application.answers("/done", DONE)
    values = {"STATUS": status, "REASON": reason}
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Sipp(scenario, tmp_path / "uas", values=values) as called,
    ):
        application.answers("/voice", dial(f"<Sip>sip:bob@{called.address}</Sip>"))
        await alice.dial("1000")
        done = await application.wait_for("/done")
        await called.succeeded()
        await alice.wait_for("CALL_CLOSED")
    assert done["DialCallStatus"] == outcome
    assert done["DialSipResponseCode"] == status
    assert done["DialBridged"] == "false"
    assert done["CallStatus"] == "in-progress"


@pytest.mark.peers("baresip", "sipp")
async def test_nobody_answers_in_time_and_the_ringing_is_cancelled(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/done", DONE)
    async with (
        Phone("alice", tmp_path / "a", tone=1000, proxy=gateway.sip) as alice,
        Sipp("uas_never_answers", tmp_path / "uas") as called,
    ):
        application.answers("/voice", dial(f"<Sip>sip:bob@{called.address}</Sip>", timeout="5"))
        await alice.dial("1000")
        done = await application.wait_for("/done")
        await called.succeeded()
        await alice.wait_for("CALL_CLOSED")
    assert done["DialCallStatus"] == "no-answer"
    assert alice.tones(RINGBACK_HZ) == set(RINGBACK_HZ), "the caller heard ringback, not silence"


@pytest.mark.peers("baresip", "sipp")
async def test_a_caller_who_gives_up_cancels_the_other_leg(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/done", DONE)
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Sipp("uas_never_answers", tmp_path / "uas") as called,
    ):
        application.answers("/voice", dial(f"<Sip>sip:bob@{called.address}</Sip>", answerOnBridge="true"))
        await alice.dial("1000")
        await alice.wait_for("CALL_RINGING")
        await asyncio.sleep(0.5)  # the telephone at the other end rings a moment
        await alice.hang_up()
        done = await application.wait_for("/done")
        await called.succeeded()
        status = await application.wait_for("/status")
    assert done["DialCallStatus"] == "canceled"
    assert status["CallStatus"] in {"canceled", "no-answer"}


@pytest.mark.peers("baresip")
async def test_a_phone_that_is_not_registered_is_no_answer_or_failed(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/voice", dial("<Client>carol</Client>"))
    application.answers("/done", DONE)
    async with Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice:
        await alice.dial("1000")
        done = await application.wait_for("/done")
        await alice.wait_for("CALL_CLOSED")
    assert done["DialCallStatus"] in {"no-answer", "failed"}


@pytest.mark.peers("baresip")
async def test_the_first_of_several_phones_wins_and_the_others_stop_ringing(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/voice", dial("<Client>bob</Client><Client>carol</Client>"))
    application.answers("/done", DONE)
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip, answers="manual") as bob,
        Phone("carol", tmp_path / "c", tone=950, proxy=gateway.sip, answers="manual") as carol,
    ):
        await alice.dial("1000")
        await bob.wait_for("CALL_INCOMING")
        await carol.wait_for("CALL_INCOMING")
        await carol.answer()
        await carol.wait_for("CALL_ESTABLISHED")
        await bob.wait_for("CALL_CLOSED")
        await asyncio.sleep(1.5)  # real speech, real time
        await alice.hang_up()
        done = await application.wait_for("/done")
    assert not bob.saw("CALL_ESTABLISHED")
    assert done["DialCallStatus"] == "completed"
    assert 950 in alice.tones((700, 950))
    assert 700 not in alice.tones((700, 950))
    assert carol.tones((440, 700)) == {440}


@pytest.mark.peers("baresip", "sipp")
async def test_the_caller_hears_early_media_and_is_answered_only_on_the_bridge(
    gateway: Gateway, tmp_path: Path
) -> None:
    application = gateway.application
    application.answers("/done", DONE)
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Sipp("uas_early_media", tmp_path / "uas", tone=1200) as called,
    ):
        application.answers("/voice", dial(f"<Sip>sip:bob@{called.address}</Sip>", answerOnBridge="true"))
        await alice.dial("1000")
        await alice.wait_for("CALL_PROGRESS")
        assert not alice.saw("CALL_ESTABLISHED")
        await alice.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(0.5)  # real speech, real time
        await alice.hang_up()
        await called.succeeded()
    assert alice.seconds(1200) > 1.5, "the announcement was heard for the two seconds before the answer"


@pytest.mark.peers("baresip")
async def test_a_time_limit_ends_the_call(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/voice", dial("<Client>bob</Client>", timeLimit="3"))
    application.answers("/done", DONE)
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        await alice.dial("1000")
        await bob.wait_for("CALL_ESTABLISHED")
        await bob.wait_for("CALL_CLOSED")
        done = await application.wait_for("/done")
        await alice.wait_for("CALL_CLOSED")
    assert done["DialCallStatus"] == "completed"
    assert int(done["DialCallDuration"]) == 3


@pytest.mark.peers("baresip", "sipp")
async def test_a_called_party_that_is_slow_to_say_anything_is_called_once(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/done", DONE)
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Sipp("uas_slow_trying", tmp_path / "uas") as called,
    ):
        application.answers("/voice", dial(f"<Sip>sip:bob@{called.address}</Sip>"))
        await alice.dial("1000")
        await alice.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(3)  # the other side keeps silent for the first 1.5 seconds
        await alice.hang_up()
        await called.succeeded()
    assert application.all("/voice") != []
