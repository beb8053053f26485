"""A menu as applications write it: a Gather with a nested prompt, digits routed, a wrong choice repeated, a message recorded.

Driven by two phones whose keys arrive in every way that there is; every request's parameters are those of twiml.md section 3 and
callbacks.md section 2, no more and no fewer, and every signature is checked by the fixture.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, Gateway
from tests.peers.audio import read_wav, tones_in
from tests.peers.baresip import Phone
from tests.peers.linphone import Linphone
from tests.peers.ports import LOOPBACK

VOICE = {
    *("AccountSid", "ApiVersion", "CallSid", "CallStatus", "Called", "Caller", "Direction", "From", "To"),
    *("SipCallId", "SipDomain", "SipDomainSid", "SipSourceIp", "SipUsername"),
}
GATHER = {"Digits", "FinishedOnKey", "msg"}
RECORD = {"RecordingUrl", "RecordingSid", "RecordingDuration", "Digits"}
RECORDED = {
    *("AccountSid", "CallSid", "RecordingSid", "RecordingUrl", "RecordingStatus", "RecordingChannels"),
    *("RecordingStartTime", "RecordingSource", "RecordingTrack", "RecordingDuration", "ErrorCode"),
}
FINAL = VOICE | {"Timestamp", "CallbackSource", "SequenceNumber", "CallDuration", "Duration"}
MENU = """<Response><Gather numDigits="1" action="/menu" timeout="6">
  <Say>Welcome. For sales, press one. To leave a message, press two.</Say>
</Gather><Redirect>/voice</Redirect></Response>"""
MESSAGE = """<Response><Say>After the tone.</Say>
<Record action="/kept" maxLength="20" finishOnKey="#" recordingStatusCallback="/recorded"/></Response>"""
OPTIONAL = {"SipResponseCode"}
SPEAKS_S = 2.0


def routed(params: dict[str, str]) -> str:
    if params["Digits"] == "2":
        return MESSAGE
    return "<Response><Say>That is not a choice.</Say><Redirect>/voice</Redirect></Response>"


@pytest.mark.peers("baresip", "linphonec")
@pytest.mark.parametrize(
    ("program", "keys"), [("baresip", "rtp"), ("linphone", "rtp"), ("linphone", "info"), ("linphone", "tones")]
)
async def test_a_menu_routes_digits_and_keeps_a_message(
    gateway: Gateway, tmp_path: Path, program: str, keys: str
) -> None:
    application = gateway.application
    application.answers("/voice", MENU)
    application.answers("/menu", routed)
    application.answers("/kept", "<Response><Say>Thank you.</Say></Response>")
    application.answers("/recorded", "")
    application.answers("/status", "", status=204)
    phone: Phone | Linphone
    if program == "baresip":
        phone = Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip)
    else:
        phone = Linphone("alice", tmp_path / "a", tone=440, proxy=gateway.sip, keys=keys)
    async with phone:
        await phone.dial("1000")
        await application.wait_for("/voice")
        await asyncio.sleep(2.5)  # in the middle of the prompt
        await phone.press("9")
        await application.wait_for("/voice", count=2)
        await asyncio.sleep(2.5)
        await phone.press("2")
        await application.wait_for("/menu", count=2)
        await asyncio.sleep(2.5 + SPEAKS_S)  # the prompt, the tone, then the message
        await phone.press("#")
        kept = await application.wait_for("/kept")
        recorded = await application.wait_for("/recorded")
        ended = await application.wait_for("/status")
    first, again = application.all("/voice")
    wrong, right = application.all("/menu")
    _check_voice(first, "ringing", set())
    _check_voice(again, "in-progress", set())
    _check_voice(wrong, "in-progress", GATHER)
    _check_voice(kept, "in-progress", RECORD)
    assert (wrong["Digits"], right["Digits"]) == ("9", "2")
    assert (wrong["FinishedOnKey"], wrong["msg"]) == ("", "Gather End")
    assert kept["Digits"] == "#"
    assert recorded.keys() == RECORDED
    assert (recorded["RecordingStatus"], recorded["RecordingSource"]) == ("completed", "RecordVerb")
    assert (recorded["RecordingChannels"], recorded["ErrorCode"]) == ("1", "0")
    assert recorded["RecordingUrl"] == kept["RecordingUrl"]
    assert recorded["RecordingDuration"] == kept["RecordingDuration"]
    assert ended.keys() - OPTIONAL == FINAL
    assert (ended["CallStatus"], ended["SequenceNumber"]) == ("completed", "0")
    await _check_message(gateway, tmp_path, kept)


def _check_voice(params: dict[str, str], status: str, more: set[str]) -> None:
    assert params.keys() - OPTIONAL == VOICE | more
    assert params["CallStatus"] == status
    assert params["AccountSid"] == ACCOUNT_SID
    assert (params["Direction"], params["ApiVersion"]) == ("inbound", "2010-04-01")
    assert re.fullmatch(r"CA[0-9a-f]{32}", params["CallSid"])
    assert params["From"] == params["Caller"] == f"sip:alice@{LOOPBACK}"
    assert params["To"] == params["Called"] == f"sip:1000@{LOOPBACK}"


async def _check_message(gateway: Gateway, folder: Path, kept: dict[str, str]) -> None:
    """The caller alone is on it: its tone, not the beep, and about as long as it spoke."""
    sound = await gateway.fetch(kept["RecordingUrl"], ACCOUNT_SID, AUTH_TOKEN)
    path = folder / "message.wav"
    path.write_bytes(sound)
    samples, rate_hz = read_wav(path)
    assert tones_in(samples[:, 0], rate_hz, (440, 1000, 700)) == {440}
    assert SPEAKS_S - 1.5 <= len(samples) / rate_hz <= SPEAKS_S + 3
    assert abs(int(kept["RecordingDuration"]) - len(samples) / rate_hz) <= 0.6
