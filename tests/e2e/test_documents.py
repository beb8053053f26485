"""What a document may do to a caller, and what becomes of a caller whose document is no good."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.e2e.gateway import Gateway
from tests.peers.baresip import Phone
from tests.peers.sipp import play

FALLBACK = "<Response><Reject reason='busy'/></Response>"


@pytest.mark.peers("sipp")
@pytest.mark.parametrize(("reason", "status"), [("busy", "486"), ("rejected", "404")])
async def test_reject_refuses_without_answering(gateway: Gateway, tmp_path: Path, reason: str, status: str) -> None:
    gateway.application.answers("/number", f'<Response><Reject reason="{reason}"/></Response>')
    outcome = await play("uac_refused", tmp_path / "uac", gateway.sip, service="+15550100", values={"STATUS": status})
    assert "SIP/2.0 200" not in outcome.messages
    ended = await gateway.application.wait_for("/number-status")
    assert ended["CallStatus"] in {"busy", "failed", "no-answer"}


@pytest.mark.peers("sipp")
async def test_hangup_as_the_first_verb_answers_and_hangs_up(gateway: Gateway, tmp_path: Path) -> None:
    gateway.application.answers("/number", "<Response><Hangup/></Response>")
    await play("uac_until_bye", tmp_path / "uac", gateway.sip, service="+15550100", tone=1000)
    ended = await gateway.application.wait_for("/number-status")
    assert ended["CallStatus"] == "completed"


@pytest.mark.peers("sipp")
async def test_a_document_that_runs_out_hangs_up(gateway: Gateway, tmp_path: Path) -> None:
    gateway.application.answers("/number", "<Response/>")
    await play("uac_until_bye", tmp_path / "uac", gateway.sip, service="+15550100", tone=1000)


@pytest.mark.peers("sipp")
async def test_redirects_are_followed_relative_to_their_document(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/number", "<Response><Redirect>menu/first?x=1&amp;y=2</Redirect></Response>")
    application.answers("/menu/first", '<Response><Redirect method="GET">second</Redirect></Response>')
    application.answers("/menu/second", "<Response><Hangup/></Response>")
    await play("uac_until_bye", tmp_path / "uac", gateway.sip, service="+15550100", tone=1000)
    asked = [(one.path, one.method) for one in application.received if not one.path.endswith("status")]
    assert asked == [("/number", "POST"), ("/menu/first", "POST"), ("/menu/second", "GET")]
    first, second = application.last("/menu/first"), application.last("/menu/second")
    assert (first["x"], first["y"]) == ("1", "2")
    assert first["CallSid"] == second["CallSid"]


@pytest.mark.peers("sipp")
async def test_a_pause_keeps_an_unanswered_caller_ringing(gateway: Gateway, tmp_path: Path) -> None:
    gateway.application.answers("/number", '<Response><Pause length="2"/><Reject reason="busy"/></Response>')
    began = time.monotonic()
    outcome = await play("uac_refused", tmp_path / "uac", gateway.sip, service="+15550100", values={"STATUS": "486"})
    assert time.monotonic() - began >= 2
    assert "SIP/2.0 180" in outcome.messages


@pytest.mark.peers("sipp")
@pytest.mark.parametrize(
    ("reply", "status", "content_type", "code"),
    [
        ("<Response><Dial>", 200, "text/xml", "12100"),
        ("<Answer/>", 200, "text/xml", "12102"),
        ("<Response/>", 500, "text/xml", "11200"),
        ("<Response/>", 404, "text/xml", "11200"),
        ("{}", 200, "application/json", "12300"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><Response>&a;</Response>', 200, "text/xml", "12100"),
    ],
)
async def test_a_bad_document_goes_to_the_fallback_url(
    gateway: Gateway, tmp_path: Path, reply: str, status: int, content_type: str, code: str
) -> None:
    application = gateway.application
    application.answers("/number", reply, status=status, content_type=content_type)
    application.answers("/fallback", FALLBACK)
    await play("uac_refused", tmp_path / "uac", gateway.sip, service="+15550100", values={"STATUS": "486"})
    asked = application.last("/fallback")
    assert asked["ErrorCode"] == code
    assert asked["ErrorUrl"].startswith(f"{application.url}/number")
    assert code in gateway.logs()


@pytest.mark.peers("baresip")
async def test_without_a_usable_fallback_the_call_ends_and_the_log_says_why(gateway: Gateway, tmp_path: Path) -> None:
    gateway.application.answers("/voice", "this is no TwiML")
    async with Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice:
        await alice.dial("1000")
        await alice.wait_for("CALL_CLOSED")
        await gateway.application.wait_for("/status")
    assert gateway.application.last("/fallback")["ErrorCode"] == "12100"
    assert "12100" in gateway.logs()


@pytest.mark.peers("baresip")
async def test_an_action_document_goes_on_with_the_caller(gateway: Gateway, tmp_path: Path) -> None:
    """After a Dial that failed the caller is still there: the action's document dials somebody else."""
    application = gateway.application
    application.answers("/voice", '<Response><Dial action="/next"><Client>carol</Client></Dial></Response>')
    application.answers("/next", '<Response><Dial action="/done"><Client>bob</Client></Dial></Response>')
    application.answers("/done", "<Response/>")
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        await alice.dial("1000")
        await bob.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(1.5)  # real speech, real time
        await bob.hang_up()
        await alice.wait_for("CALL_CLOSED")
    assert alice.tones((440, 700)) == {700}
    assert application.last("/done")["DialCallStatus"] == "completed"
