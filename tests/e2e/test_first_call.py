"""Two real phones call each other through a TwiML application, by every noun and in both directions."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.e2e.gateway import ACCOUNT_SID, Gateway
from tests.peers.baresip import Phone
from tests.peers.linphone import Linphone
from tests.peers.ports import LOOPBACK

TONES = (440, 700)
SPEAKS_S = 2.0


def dial(noun: str, text: str, **attributes: str) -> str:
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<Response><Dial action="/done"{more}><{noun}>{text}</{noun}></Dial></Response>'


def check_first_request(params: dict[str, str], user: str, dialled: str) -> None:
    """The voice parameters of a SIP domain's call."""
    assert params["AccountSid"] == ACCOUNT_SID
    assert re.fullmatch(r"CA[0-9a-f]{32}", params["CallSid"])
    assert (params["From"], params["To"]) == (f"sip:{user}@{LOOPBACK}", f"sip:{dialled}@{LOOPBACK}")
    assert (params["Caller"], params["Called"]) == (params["From"], params["To"])
    assert (params["CallStatus"], params["Direction"]) == ("ringing", "inbound")
    assert params["ApiVersion"] == "2010-04-01"
    assert (params["SipDomain"], params["SipUsername"], params["SipSourceIp"]) == (LOOPBACK, user, LOOPBACK)
    assert params["SipCallId"]


def check_action(params: dict[str, str], first: dict[str, str], least_s: int) -> None:
    assert params["DialCallStatus"] == "completed"
    assert params["DialBridged"] == "true"
    assert least_s <= int(params["DialCallDuration"]) <= least_s + 5
    assert re.fullmatch(r"CA[0-9a-f]{32}", params["DialCallSid"])
    assert params["DialCallSid"] != params["CallSid"]
    assert params["CallSid"] == first["CallSid"]


@pytest.mark.peers("baresip", "linphonec")
@pytest.mark.parametrize(("noun", "target"), [("Sip", f"sip:bob@{LOOPBACK}"), ("Client", "bob")])
async def test_baresip_calls_linphone_and_hangs_up(gateway: Gateway, tmp_path: Path, noun: str, target: str) -> None:
    application = gateway.application
    application.answers("/voice", dial(noun, target))
    application.answers("/done", "<Response><Hangup/></Response>")
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Linphone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        await alice.dial("1000")
        await bob.wait_for_established()
        await alice.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(SPEAKS_S)  # real speech, real time
        await alice.hang_up()
        await bob.wait_for_end()
        done = await application.wait_for("/done")
        status = await application.wait_for("/status")
    assert alice.tones(TONES) == {700}
    assert bob.tones(TONES) == {440}
    first = application.all("/voice")[0]
    check_first_request(first, "alice", "1000")
    check_action(done, first, 1)
    assert done["CallStatus"] == "completed", "the caller had left when the action was asked"
    assert (status["CallStatus"], status["CallSid"]) == ("completed", first["CallSid"])
    assert 1 <= int(status["CallDuration"]) <= 8


@pytest.mark.peers("baresip", "linphonec")
@pytest.mark.parametrize(("noun", "target"), [("Sip", f"sip:alice@{LOOPBACK}"), ("Client", "alice")])
async def test_linphone_calls_baresip_which_hangs_up(gateway: Gateway, tmp_path: Path, noun: str, target: str) -> None:
    application = gateway.application
    application.answers("/voice", dial(noun, target))
    application.answers("/done", "<Response><Hangup/></Response>")
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Linphone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        await bob.dial("1000")
        await alice.wait_for("CALL_ESTABLISHED")
        await bob.wait_for_established()
        await asyncio.sleep(SPEAKS_S)  # real speech, real time
        await alice.hang_up()
        done = await application.wait_for("/done")
        await bob.wait_for_end()
        status = await application.wait_for("/status")
    assert alice.tones(TONES) == {700}
    assert bob.tones(TONES) == {440}
    first = application.all("/voice")[0]
    check_first_request(first, "bob", "1000")
    check_action(done, first, 1)
    assert done["CallStatus"] == "in-progress", "the caller stayed and could have been told more"
    assert status["CallStatus"] == "completed"


@pytest.mark.peers("baresip")
async def test_the_called_phone_sees_who_calls(gateway: Gateway, tmp_path: Path) -> None:
    gateway.application.answers("/voice", dial("Client", "bob", callerId="+15550123"))
    gateway.application.answers("/done", "<Response/>")
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        await alice.dial("1000")
        incoming = await bob.wait_for("CALL_ESTABLISHED")
        await alice.hang_up()
        await bob.wait_for("CALL_CLOSED")
    assert incoming.peer.startswith("sip:+15550123@")


@pytest.mark.peers("baresip")
async def test_the_caller_is_shown_when_no_caller_id_is_given(gateway: Gateway, tmp_path: Path) -> None:
    gateway.application.answers("/voice", dial("Client", "bob"))
    gateway.application.answers("/done", "<Response/>")
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        await alice.dial("1000")
        incoming = await bob.wait_for("CALL_ESTABLISHED")
        await alice.hang_up()
        await bob.wait_for("CALL_CLOSED")
    assert incoming.peer.startswith("sip:alice@")


@pytest.mark.peers("baresip")
async def test_phones_that_registered_over_tcp_talk(gateway: Gateway, tmp_path: Path) -> None:
    gateway.application.answers("/voice", dial("Client", "bob"))
    gateway.application.answers("/done", "<Response/>")
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip, transport="tcp") as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip, transport="tcp") as bob,
    ):
        await alice.dial("1000")
        await bob.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(SPEAKS_S)  # real speech, real time
        await bob.hang_up()
        await alice.wait_for("CALL_CLOSED")
    assert alice.tones(TONES) == {700}
    assert bob.tones(TONES) == {440}
