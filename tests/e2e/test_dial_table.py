"""`<Dial>` at real telephones: ring tones as the caller hears them, screening in private, digits, the star; then bad input.

| attribute or noun | here | elsewhere |
| --- | --- | --- |
| ringTone | three of forty measured at a telephone | all forty: tests/media/test_ringtones.py |
| url, method of a noun | accepted by a key, declined, who hears whom meanwhile | test_dial_races.py |
| sendDigits, hangupOnStar | pressed and heard | |
| sequential, answerOnBridge, timeout | order, 180 until the bridge | test_dial.py |
| callerId, callReason, headers, `<Parameter>`, credentials, transport, status callbacks | | test_dial_ways.py |
| referUrl, referMethod | | test_transfers.py |
| timeLimit, early media, DialCallStatus | | test_dial.py |
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import numpy as np
import numpy.typing as npt
import pytest

from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, Gateway
from tests.peers.audio import read_wav
from tests.peers.baresip import Phone
from tests.peers.scripted import Accepted, Canceled, Ended, Line, Progress, Refused, Scripted, answer_at_once

NUMBER = "+15550100"
DONE = "<Response><Hangup/></Response>"
RING_S = 2.7


def bursts(path: Path) -> list[tuple[float, float, list[float]]]:
    """Begin and length (in seconds) of each sound that was heard, and the lines of its spectrum (in Hz, within 8 dB)."""
    samples, rate_hz = read_wav(path)
    heard = samples[:, 0]
    per = rate_hz // 200
    sound = np.abs(heard[: len(heard) // per * per]).reshape(-1, per).max(axis=1) > 0.01
    at = np.flatnonzero(sound)
    for gap in np.flatnonzero(np.diff(at) < 16):  # a modulated tone is silent for moments
        sound[at[gap] : at[gap + 1]] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[0], sound.astype(int), [0]])))
    return [
        (a / 200, (b - a) / 200, lines(heard[a * per : b * per], rate_hz))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]


def lines(burst: npt.NDArray[np.float64], rate_hz: int) -> list[float]:
    spectrum = np.abs(np.fft.rfft(burst * np.hanning(len(burst)), rate_hz * 4))
    return [
        n / 4
        for n in range(1, len(spectrum) - 1)
        if spectrum[n] > spectrum.max() / 2.5 and spectrum[n - 1] < spectrum[n] >= spectrum[n + 1]
    ]


@pytest.mark.peers("baresip")
async def test_ring_tones_are_heard_by_the_caller_as_they_are(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/done", DONE)
    async with Phone("alice", tmp_path / "a", tone=1000, proxy=gateway.sip) as alice, Scripted(gateway.sip) as called:

        async def ring_a_while(line: Line) -> None:
            line.ring()
            await asyncio.sleep(RING_S)  # real sound, real time
            line.refuse(486)

        called.script = ring_a_while
        dials = "".join(
            f'<Dial ringTone="{name}"><Sip>sip:bob@{called.address}</Sip></Dial>' for name in ("fr", "uk", "us-old")
        )
        application.answers("/voice", f"<Response>{dials}<Redirect>/done</Redirect></Response>")
        await alice.dial("1000")
        await application.wait_for("/done", within_s=20)
        await alice.wait_for("CALL_CLOSED")
    (path,) = alice.kept()
    heard = [burst for burst in bursts(path) if burst[1] > 0.1]
    assert [length for _, length, _ in heard] == pytest.approx([1.5, 0.4, 0.4, 2.0], abs=0.02)
    french, british, again, old = heard
    assert french[2] == pytest.approx([440], abs=1)
    assert again[0] - british[0] == pytest.approx(0.6, abs=0.02)
    assert british[2] == pytest.approx([400, 450], abs=1.5)
    assert old[2] == pytest.approx([380, 420, 460], abs=1), "a tone and its modulation"


@pytest.mark.peers("baresip")
async def test_a_called_party_is_asked_in_private_while_the_caller_hears_it_ring(
    gateway: Gateway, tmp_path: Path
) -> None:
    """Carol declines at once, bob accepts by a key after two seconds; the caller hears nothing of either until then."""
    application = gateway.application
    application.answers("/done", DONE)
    screened = (
        '<Client url="/ask" method="GET" statusCallback="/child">bob</Client>'
        '<Client url="/decline" statusCallback="/child">carol</Client>'
    )
    application.answers("/voice", f'<Response><Dial action="/done" answerOnBridge="true">{screened}</Dial></Response>')
    application.answers(
        "/ask", '<Response><Gather numDigits="1" action="/accept"><Pause length="9"/></Gather><Hangup/></Response>'
    )
    application.answers("/accept", "<Response/>")
    application.answers("/decline", DONE)
    application.answers("/child", "<Response/>")
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
        Phone("carol", tmp_path / "c", tone=950, proxy=gateway.sip) as carol,
    ):
        await alice.dial("1000")
        await bob.wait_for("CALL_ESTABLISHED")
        await carol.wait_for("CALL_CLOSED")
        await asyncio.sleep(2)  # real time: bob thinks
        assert alice.saw("CALL_RINGING")
        assert not alice.saw("CALL_ESTABLISHED"), "no 200 before the bridge"
        await bob.press("1")
        await alice.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(1.5)  # real speech, real time
        await bob.hang_up()
        done = await application.wait_for("/done")
        await application.wait_for("/child", count=2)
        asked, accepted = application.last("/ask"), application.last("/accept")
    assert (asked["Direction"], asked["CallStatus"]) == ("outbound-dial", "in-progress")
    assert asked["ParentCallSid"] == done["CallSid"]
    assert accepted["Digits"] == "1"
    assert (done["DialCallStatus"], done["DialBridged"], done["DialCallSid"]) == ("completed", "true", asked["CallSid"])
    assert alice.tones((700, 950)) == {700}
    assert bob.tones((440, 950)) == {440}
    assert carol.tones((440, 700)) == set()
    assert 1.0 <= alice.seconds(700) <= 2.5, "the caller hears bob after he accepted, not before"


@pytest.mark.peers("baresip")
async def test_digits_are_sent_to_who_answers_and_the_star_ends_the_call_but_not_the_caller(
    gateway: Gateway, tmp_path: Path
) -> None:
    application = gateway.application
    application.answers(
        "/voice",
        f'<Response><Dial hangupOnStar="true"><Number sendDigits="1w2#">{NUMBER}</Number></Dial><Redirect>/after</Redirect></Response>',
    )
    application.answers("/number", '<Response><Gather numDigits="3" finishOnKey="" action="/digits"/></Response>')
    application.answers("/digits", "<Response><Pause length='20'/></Response>")
    application.answers("/after", DONE)
    async with Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice:
        await alice.dial("1000")
        digits = await application.wait_for("/digits")
        await asyncio.sleep(1)  # real time: they talk
        await alice.press("*")
        after = await application.wait_for("/after")
        await alice.wait_for("CALL_CLOSED")
        ended = await application.wait_for("/number-status")
    assert digits["Digits"] == "12#"
    assert after["CallStatus"] == "in-progress"
    assert ended["CallStatus"] == "completed"


async def test_parties_in_turn_and_no_answer_before_the_bridge(gateway: Gateway) -> None:
    """The first is busy, the second does not exist, the third answers; the fourth is never called. 180 until then."""
    application = gateway.application
    application.answers("/done", DONE)
    application.answers("/child", "<Response/>")
    async with Scripted(gateway.sip) as caller, Scripted(gateway.sip) as called:

        async def by_name(line: Line) -> None:
            line.ring()
            if line.session.request.request_uri.user == "busy":
                line.refuse(486)
                return
            await asyncio.sleep(0.3)
            line.answer([("X-Desk", "7, left"), ("User-to-User", "00;encoding=hex")])

        called.script = by_name
        events = 'statusCallback="/child" statusCallbackEvent="initiated ringing answered completed"'
        nouns = (
            f"<Sip {events}>sip:busy@{called.address}</Sip><Client {events}>nobody</Client>"
            f"<Sip {events}>sip:yes@{called.address}</Sip><Sip {events}>sip:never@{called.address}</Sip>"
        )
        application.answers(
            "/number",
            f'<Response><Dial action="/done" sequential="true" answerOnBridge="true">{nouns}</Dial></Response>',
        )
        call = await caller.call(NUMBER)
        yes = await called.next_call(count=2)
        assert not call.saw(Accepted)
        await yes.is_connected()
        await call.wait_for(Accepted)
        assert [e.response.status for e in call.events if isinstance(e, Progress)][:1] == [180]
        await asyncio.sleep(0.2)
        yes.hang_up()
        done = await application.wait_for("/done")
        await call.wait_for(Ended)
        await application.wait_for("/child", count=8)
    assert [line.session.request.request_uri.user for line in called.incoming] == ["busy", "yes"]
    assert (done["DialCallStatus"], done["DialSipResponseCode"], done["DialBridged"]) == ("completed", "200", "true")
    assert (done["DialSipHeader_X-Desk"], done["DialSipHeader_User-to-User"]) == ("7, left", "00;encoding=hex")
    answered = {told["CallStatus"] for told in application.all("/child") if told.get("SipHeader_X-Desk") == "7, left"}
    assert answered == {"in-progress", "completed"}, "each webhook of a call has the headers of its answer from then on"
    stories: dict[str, list[str]] = {}
    for told in sorted(application.all("/child"), key=lambda told: int(told["SequenceNumber"])):
        stories.setdefault(told["To"].partition("@")[0], []).append(told["CallStatus"])
    assert stories == {
        "sip:busy": ["initiated", "ringing", "busy"] if len(stories["sip:busy"]) == 3 else ["initiated", "busy"],
        "client:nobody": ["initiated", "no-answer"],
        "sip:yes": ["initiated", "ringing", "in-progress", "completed"],
    }
    last = next(told for told in application.all("/child") if told["CallStatus"] == "completed")
    assert (last["CallSid"], last["CallDuration"]) == (done["DialCallSid"], done["DialCallDuration"])


async def test_the_rest_api_cancels_a_party_that_rings(gateway: Gateway) -> None:
    application = gateway.application
    application.answers("/done", DONE)
    application.answers("/child", "<Response/>")
    async with Scripted(gateway.sip) as caller, Scripted(gateway.sip) as called:
        noun = f'<Sip statusCallback="/child" statusCallbackEvent="ringing completed">sip:bob@{called.address}</Sip>'
        application.answers("/number", f'<Response><Dial action="/done">{noun}</Dial></Response>')
        call = await caller.call(NUMBER)
        line = await called.next_call()
        ringing = await application.wait_for("/child")
        url = f"{gateway.public_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/{ringing['CallSid']}.json"
        headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(url, data={"Status": "canceled"}) as response,
        ):
            assert response.status == 200, await response.text()
        await line.wait_for(Canceled)
        done = await application.wait_for("/done")
        told = await application.wait_for("/child", count=2)
        await call.wait_for(Ended)
    assert (done["DialCallStatus"], told["CallStatus"]) == ("canceled", "canceled")


BAD = {
    "eleven parties": ("".join("<Client>nobody</Client>" for _ in range(11)), "", {13250}),
    "a ring tone of nowhere": ("<Client>nobody</Client>", 'ringTone="xx"', {13220, 32009}),
    "negative limits": ("<Client>nobody</Client>", 'timeout="-1" timeLimit="-1"', {13212, 13216}),
    "a caller id with a line feed": ("<Sip>sip:a@{called}</Sip>", 'callerId="a&#13;&#10;X-Evil: 1"', {13247}),
    "a URI with a line feed": ("<Sip>sip:a%0d%0aX-Evil:1@{called}</Sip>", "", set()),
    "headers with line feeds": ("<Sip>sip:a@{called}?X-A=1%0d%0aX-Evil:%201</Sip>", "", {13252}),
    "reserved headers": ("<Sip>sip:a@{called}?Via=evil&amp;Route=evil&amp;Contact=evil</Sip>", "", {13252}),
    "credentials with line feeds": ("<Sip username='a&#10;X-Evil: 1' password='b'>sip:a@{called}</Sip>", "", {13249}),
    "no address": ("<Sip>not an address</Sip><Number>letters</Number>", "", {13243, 13223}),
    "no route": ("<Number>*999</Number>", "", {13227}),
    "a SIM": ("<Sim>DE00</Sim><WhatsApp>+1</WhatsApp>", "", set()),
}


async def test_bad_input_has_its_code_and_the_call_goes_on(gateway: Gateway) -> None:
    """All in one call, one `<Dial>` after the other; nothing of it leaves the gateway unescaped."""
    application = gateway.application
    application.answers("/done", DONE)
    application.answers("/whisper", "<Response><Dial>+1</Dial></Response>")
    async with Scripted(gateway.sip) as caller, Scripted(gateway.sip) as called:

        async def refuse(line: Line) -> None:
            if line.session.request.request_uri.user == "whispered":
                await answer_at_once(line)
            else:
                line.refuse(486)

        called.script = refuse
        cases = {**BAD, "a whisper that dials": ('<Sip url="/whisper">sip:whispered@{called}</Sip>', "", {13201})}
        dials = "".join(
            f"<Dial {more}>{nouns.replace('{called}', called.address)}</Dial>" for nouns, more, _ in cases.values()
        )
        application.answers("/number", f"<Response>{dials}<Redirect>/done</Redirect></Response>")
        call = await caller.call(NUMBER)
        await application.wait_for("/done", within_s=30)
        await call.wait_for(Ended, Refused)
        wanted: set[int] = set().union(*(codes for _, _, codes in cases.values()))
        assert await is_notified(gateway, wanted)
        requests = [line.session.request for line in called.incoming]
    assert len(requests) == 6
    for request in requests:
        assert "X-Evil" not in request.headers
        assert not [
            value for _, value in request.headers if "evil" in value.lower() and "%0d%0a" not in value.lower()
        ], request
    assert {a.user for a in (request.request_uri for request in requests)} == {"a", "a\r\nX-Evil", "whispered"}


async def is_notified(gateway: Gateway, codes: set[int]) -> bool:
    """Whether the REST API lists a notification of each code, soon."""
    url = f"{gateway.public_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Notifications.json?PageSize=200"
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    found: set[int] = set()
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(30):
            async with session.get(url) as response:
                found = {int(one["error_code"]) for one in (await response.json())["notifications"]}
            if found >= codes:
                return True
            await asyncio.sleep(0.1)  # rows are written a moment later
    raise AssertionError(f"{codes - found} are missing among {found}")
