"""Rooms and lines with real telephones: who hears whom, and what the application is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, Gateway
from tests.peers.baresip import Phone

TONES = (440, 700, 950)
EVENTS = "start end join leave"


@pytest.mark.peers("baresip")
async def test_three_in_a_room_hear_the_two_others_and_not_themselves(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/events", "<Response/>")
    application.answers(
        "/voice",
        '<Response><Dial action="/done"><Conference waitUrl="" beep="false" endConferenceOnExit="false"'
        f' statusCallback="/events" statusCallbackEvent="{EVENTS}">room</Conference></Dial></Response>',
    )
    application.answers("/done", "<Response><Hangup/></Response>")
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
        Phone("carol", tmp_path / "c", tone=950, proxy=gateway.sip) as carol,
    ):
        phones = (alice, bob, carol)
        for phone in phones:
            await phone.dial("1000")
            await phone.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(3)  # real speech, real time
        for phone in phones:
            await phone.hang_up()
        await application.wait_for("/events", count=8)
        done = await application.wait_for("/done")
    assert done["DialCallStatus"] == "answered"
    assert [phone.tones(TONES) for phone in phones] == [{700, 950}, {440, 950}, {440, 700}]
    events = application.all("/events")
    assert [event["StatusCallbackEvent"] for event in events] == [
        "participant-join",
        "participant-join",
        "conference-start",
        "participant-join",
        "participant-leave",
        "participant-leave",
        "participant-leave",
        "conference-end",
    ]
    assert [event["SequenceNumber"] for event in events] == [str(number) for number in range(1, 9)]
    assert len({event["ConferenceSid"] for event in events}) == 1
    assert events[-1]["ReasonConferenceEnded"] == "last-participant-left"


@pytest.mark.peers("baresip")
async def test_a_caller_waits_in_a_line_and_is_served(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers(
        "/voice",
        lambda params: (
            '<Response><Enqueue action="/left" waitUrl="/wait">support</Enqueue></Response>'
            if "alice" in params["From"]
            else '<Response><Dial action="/done"><Queue url="/whisper">support</Queue></Dial></Response>'
        ),
    )
    application.answers("/wait", '<Response><Pause length="1"/></Response>')
    application.answers("/whisper", "<Response/>")
    application.answers("/left", "<Response><Hangup/></Response>")
    application.answers("/done", "<Response><Hangup/></Response>")
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        await alice.dial("1000")
        wait = await application.wait_for("/wait", count=2)
        await bob.dial("1000")
        whisper = await application.wait_for("/whisper")
        await bob.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(2)  # real speech, real time
        assert application.all("/left") == [], "the action comes when the bridge has ended"
        await bob.hang_up()
        left = await application.wait_for("/left")
        done = await application.wait_for("/done")
        await alice.wait_for("CALL_CLOSED")
    assert (wait["QueuePosition"], wait["CurrentQueueSize"], wait["MaxQueueSize"]) == ("1", "1", "1000")
    assert whisper["CallSid"] == left["CallSid"] == done["DialCallSid"]
    assert whisper["DequeingCallSid"] == done["CallSid"]
    assert (left["QueueResult"], left["CallStatus"]) == ("bridged", "in-progress")
    assert left["QueueSid"] == wait["QueueSid"] == done["QueueSid"]
    assert (done["DialCallStatus"], done["DialBridged"]) == ("completed", "true")
    assert alice.tones((440, 700)) == {700}
    assert bob.tones((440, 700)) == {440}


@pytest.mark.peers("baresip")
async def test_the_api_mutes_a_participant_and_ends_the_room(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/events", "<Response/>")
    application.answers(
        "/voice",
        '<Response><Dial action="/done"><Conference waitUrl="" beep="false" muted="true"'
        ' statusCallback="/events" statusCallbackEvent="start end mute">room</Conference></Dial></Response>',
    )
    application.answers("/done", "<Response><Hangup/></Response>")
    login = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    async with (
        aiohttp.ClientSession(headers=login) as api,
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        for phone in (alice, bob):
            await phone.dial("1000")
            await phone.wait_for("CALL_ESTABLISHED")
        started = await application.wait_for("/events")
        room = f"{gateway.public_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Conferences/{started['ConferenceSid']}"
        async with api.get(f"{room}/Participants.json") as answer:
            participants = (await answer.json())["participants"]
        assert [one["muted"] for one in participants] == [True, True]
        call_sid = next(one["CallSid"] for one in application.all("/voice") if "alice" in one["From"])
        async with api.post(f"{room}/Participants/{call_sid}.json", data={"Muted": "false"}) as answer:
            assert (answer.status, (await answer.json())["muted"]) == (200, False)
        await asyncio.sleep(2)  # real speech, real time
        async with api.post(f"{room}.json", data={"Status": "completed"}) as answer:
            assert answer.status == 200
        await application.wait_for("/done", count=2)
        ended = await application.wait_for("/events", count=3)
        for phone in (alice, bob):
            await phone.wait_for("CALL_CLOSED")
    assert bob.tones((440, 700)) == {440}, "only alice was heard after she was unmuted"
    assert alice.tones((440, 700)) == set()
    assert ended["ReasonConferenceEnded"] == "conference-ended-via-api"
