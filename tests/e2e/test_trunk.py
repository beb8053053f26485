"""Calls that a trunk brings and calls that leave by it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.gateway import Gateway
from tests.peers.baresip import Phone
from tests.peers.sipp import Sipp, play

DONE = "<Response><Hangup/></Response>"


@pytest.mark.peers("baresip", "sipp")
async def test_a_trunk_calls_a_number_and_a_phone_rings(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/number", '<Response><Dial action="/done"><Client>bob</Client></Dial></Response>')
    application.answers("/done", DONE)
    async with Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob:
        await play("uac_tone", tmp_path / "uac", gateway.sip, service="+15550100", tone=1000)
        await bob.wait_for("CALL_CLOSED")
        done = await application.wait_for("/done")
        status = await application.wait_for("/number-status")
    first = application.all("/number")[0]
    assert (first["From"], first["To"]) == ("+15557654321", "+15550100")
    assert (first["CallStatus"], first["Direction"]) == ("ringing", "inbound")
    assert bob.tones((440, 1000)) == {1000}
    assert done["DialCallStatus"] == "completed"
    assert status["CallStatus"] == "completed"


@pytest.mark.peers("sipp")
async def test_a_number_that_nobody_has_is_404(gateway: Gateway, tmp_path: Path) -> None:
    await play("uac_refused", tmp_path / "uac", gateway.sip, service="+15550999", values={"STATUS": "404"})
    assert gateway.application.received == []


@pytest.mark.peers("baresip", "sipp")
async def test_a_phone_dials_a_number_that_leaves_by_the_trunk(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers(
        "/voice", '<Response><Dial action="/done" callerId="+15550100"><Number>+15557770000</Number></Dial></Response>'
    )
    application.answers("/done", DONE)
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Sipp("uas_tone", tmp_path / "uas", port=gateway.trunk_port, tone=1000) as carrier,
    ):
        await alice.dial("1000")
        await alice.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(2)  # real speech, real time
        await alice.hang_up()
        outcome = await carrier.succeeded()
        done = await application.wait_for("/done")
    assert alice.tones((440, 1000)) == {1000}
    assert "INVITE sip:+15557770000@" in outcome.messages
    assert done["DialCallStatus"] == "completed"


@pytest.mark.peers("baresip", "sipp")
@pytest.mark.parametrize(
    ("scenario", "status", "reason", "outcome"),
    [("uas_status", "486", "Busy Here", "busy"), ("uas_refuses", "404", "Not Found", "failed")],
)
async def test_a_trunk_refuses_and_the_application_is_told(
    gateway: Gateway, tmp_path: Path, scenario: str, status: str, reason: str, outcome: str
) -> None:
    application = gateway.application
    application.answers("/voice", '<Response><Dial action="/done">+15557770000</Dial></Response>')
    application.answers("/done", DONE)
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Sipp(
            scenario, tmp_path / "uas", port=gateway.trunk_port, values={"STATUS": status, "REASON": reason}
        ) as carrier,
    ):
        await alice.dial("1000")
        done = await application.wait_for("/done")
        await carrier.succeeded()
    assert (done["DialCallStatus"], done["DialSipResponseCode"]) == (outcome, status)


@pytest.mark.peers("baresip", "sipp")
async def test_the_carrier_hangs_up_and_both_legs_end(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/voice", '<Response><Dial action="/done">+15557770000</Dial></Response>')
    application.answers("/done", DONE)
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Sipp("uas_hangs_up", tmp_path / "uas", port=gateway.trunk_port) as carrier,
    ):
        await alice.dial("1000")
        await carrier.succeeded()
        done = await application.wait_for("/done")
        await alice.wait_for("CALL_CLOSED")
    assert done["DialCallStatus"] == "completed"


@pytest.mark.peers("sipp")
async def test_a_trunk_caller_gives_up_while_ringing(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers(
        "/number",
        '<Response><Dial action="/done" answerOnBridge="true"><Number>+15557770000</Number></Dial></Response>',
    )
    application.answers("/done", DONE)
    async with Sipp("uas_never_answers", tmp_path / "uas", port=gateway.trunk_port) as carrier:
        await play("uac_cancel", tmp_path / "uac", gateway.sip, service="+15550100")
        await carrier.succeeded()
        done = await application.wait_for("/done")
    assert done["DialCallStatus"] == "canceled"


@pytest.mark.peers("sipp")
async def test_a_trunk_calls_a_number_and_the_trunk_is_called(gateway: Gateway, tmp_path: Path) -> None:
    """In by `[[number]]`, out by `<Dial><Number>` and its `[[route]]`, both legs with the trunk."""
    application = gateway.application
    application.answers(
        "/number", '<Response><Dial action="/done" callerId="+15550100"><Number>+15557770000</Number></Dial></Response>'
    )
    application.answers("/done", DONE)
    async with Sipp("uas_answer", tmp_path / "uas", port=gateway.trunk_port) as called:
        await play("uac_call", tmp_path / "uac", gateway.sip, service="+15550100")
        outcome = await called.succeeded()
        done = await application.wait_for("/done")
        status = await application.wait_for("/number-status")
    first = application.all("/number")[0]
    assert (first["From"], first["To"], first["Direction"]) == ("+15557654321", "+15550100", "inbound")
    assert "INVITE sip:+15557770000@" in outcome.messages
    assert "From: <sip:+15550100@" in outcome.messages or '"+15550100" <sip:+15550100@' in outcome.messages
    assert done["DialCallStatus"] == "completed"
    assert (status["CallStatus"], status["CallSid"]) == ("completed", first["CallSid"])
