"""Rooms by who hears whom, second by second: scripted telephones that call as the trunk does, the genuine library as the API's client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from twilio.base.exceptions import TwilioRestException

from tests.e2e.api import Api
from tests.e2e.gateway import NUMBER, Gateway
from tests.media.sounds import voice
from tests.peers.audio import tone_wav
from tests.peers.probe import Choir, Probe

ALL_EVENTS = "start end join leave mute hold modify speaker announcement"
SAME = ("ConferenceSid", "FriendlyName", "AccountSid", "SequenceNumber", "Timestamp", "StatusCallbackEvent")
PARTICIPANT = ("CallSid", "Muted", "Hold", "Coaching", "EndConferenceOnExit", "StartConferenceOnEnter")


def serve_tone(gateway: Gateway, path: str, hertz: int, seconds: float = 2.0) -> str:
    gateway.application.serves(path, tone_wav(hertz, seconds=seconds))
    return f"{gateway.application.url}{path}"


def room(attributes: str, name: str = "room", more: str = "") -> str:
    return f'<Response><Dial action="/done"><Conference {attributes}>{name}</Conference></Dial>{more}</Response>'


def by_caller(documents: dict[str, str]) -> Callable[[dict[str, str]], str]:
    """Each probe its own document; `""` is the others'."""
    return lambda params: documents.get(params["From"].split("@")[0].removeprefix("sip:"), documents.get("", ""))


def sid_of(gateway: Gateway, probe: Probe) -> str:
    return next(
        params["CallSid"]
        for path in ("/number", "/events")
        for params in gateway.application.all(path)
        if probe.name in params.get("From", "")
    )


async def codes_of(gateway: Gateway, sid: str) -> list[str]:
    """Of the call's notifications, sorted."""
    return sorted(one.error_code for one in await Api(gateway)(lambda client: client.calls(sid).notifications.list()))


async def join(gateway: Gateway, *probes: Probe) -> None:
    for probe in probes:
        await probe.call(gateway.sip, NUMBER)


def events(gateway: Gateway) -> list[tuple[str, str]]:
    """(what, whom) of everything that the application was told, as it was sent."""
    told = sorted(gateway.application.all("/events"), key=lambda one: int(one["SequenceNumber"]))
    return [(one["StatusCallbackEvent"], one.get("CallSid", "")) for one in told]


async def test_who_hears_whom_follows_what_the_api_asks(gateway: Gateway) -> None:
    application, api = gateway.application, Api(gateway)
    application.answers(
        "/number",
        by_caller(
            {
                "": room(f'waitUrl="" beep="false" statusCallback="/events" statusCallbackEvent="{ALL_EVENTS}"'),
                "cas": room('waitUrl="" beep="false" participantLabel="the boss" endConferenceOnExit="true"'),
            }
        ),
    )
    application.answers("/events", "<Response/>")
    application.answers("/done", "<Response><Pause length='20'/></Response>")
    music, word = serve_tone(gateway, "/music", 2300, 0.5), serve_tone(gateway, "/word", 2900)
    a, b, c = Probe("ann", 440), Probe("ben", 700), Probe("cas", 950)
    async with Choir(a, b, c) as choir:
        await join(gateway, a, b, c)
        await choir.hear({"ann": {"ben", "cas"}, "ben": {"ann", "cas"}, "cas": {"ann", "ben"}})
        alice, bob, carol = (sid_of(gateway, one) for one in (a, b, c))
        here = (await api(lambda client: client.conferences.list(status="in-progress")))[0]

        async def change(who: str, **what: object) -> Any:  # noqa: ANN401
            return await api(lambda client: client.conferences("room").participants(who).update(**what))

        await change(alice, muted=True)
        await choir.hear({"ann": {"ben", "cas"}, "ben": {"cas"}, "cas": {"ben"}})
        await change(alice, muted=False)
        await change(bob, hold=True, hold_url=music, hold_method="GET")
        await choir.hear({"ann": {"cas"}, "ben": set(), "cas": {"ann"}})
        await choir.until(lambda: b.strength(2300, 3.0) > 0.2, within_s=8.0)  # six times the file: it is looped
        assert max(a.strength(2300), c.strength(2300)) < 0.01, "the music is for the held one"
        await change(bob, hold=False)
        coaching = await change("the boss", coaching=True, call_sid_to_coach=alice)
        assert (coaching.coaching, coaching.call_sid_to_coach, coaching.label) == (True, alice, "the boss")
        await choir.hear({"ann": {"ben", "cas"}, "ben": {"ann"}, "cas": {"ann", "ben"}})
        await change(carol, announce_url=word)
        await choir.until(lambda: c.strength(2900) > 0.2)
        assert max(a.strength(2900), b.strength(2900)) < 0.01, "an announcement to one is heard by one"
        assert c.hears(choir.probes) == {"ann", "ben"}, "and over what it hears, not instead of it"
        await choir.until(lambda: ("announcement-end", carol) in events(gateway))
        await change(carol, coaching=False)
        await api(lambda client: client.conferences(here.sid).update(announce_url=word))
        await choir.until(lambda: min(one.strength(2900) for one in (a, b, c)) > 0.2)
        assert (a.hears(choir.probes), b.hears(choir.probes)) == ({"ben", "cas"}, {"ann", "cas"})
        await choir.until(lambda: ("announcement-end", "") in events(gateway))
        await api(lambda client: client.conferences("room").participants(bob).delete())
        await application.wait_for("/done")
        await choir.hear({"ann": {"cas"}, "ben": set(), "cas": {"ann"}})
        assert [one.call_sid for one in await api(lambda client: client.conferences(here.sid).participants.list())] == [
            alice,
            carol,
        ]
        c.hang_up()
        await application.wait_for("/done", count=3)
        await choir.until(lambda: ("conference-end", "") in events(gateway))
        over = await api(lambda client: client.conferences(here.sid).fetch())
    assert (over.status, over.reason_conference_ended, over.call_sid_ending_conference) == (
        "completed",
        "participant-with-end-conference-on-exit-left",
        carol,
    )
    seen = [one for one in events(gateway) if not one[0].startswith("participant-speech")]
    assert seen == [
        ("participant-join", alice),
        ("participant-join", bob),
        ("conference-start", ""),
        ("participant-join", carol),
        ("participant-mute", alice),
        ("participant-unmute", alice),
        ("participant-hold", bob),
        ("participant-unhold", bob),
        ("participant-modify", carol),
        ("announcement-end", carol),
        ("participant-modify", carol),
        ("announcement-end", ""),
        ("participant-leave", bob),
        ("participant-leave", carol),
        ("participant-leave", alice),
        ("conference-end", ""),
    ]
    told = sorted(application.all("/events"), key=lambda one: int(one["SequenceNumber"]))
    assert [one["SequenceNumber"] for one in told] == [str(number) for number in range(1, len(told) + 1)]
    for one in told:
        wanted = {*SAME, *(PARTICIPANT if "CallSid" in one else ())}
        extra = {
            "participant-leave": {"ReasonParticipantLeft", "ParticipantCallStatus"},
            "conference-end": {
                "ReasonConferenceEnded",
                "Reason",
                "CallSidEndingConference",
                "ParticipantLabelEndingConference",
            },
            "announcement-end": {"AnnounceUrl"},
        }.get(one["StatusCallbackEvent"], set())
        label = {"ParticipantLabel"} if one.get("CallSid") == carol else set()
        assert one.keys() == wanted | extra | label, one["StatusCallbackEvent"]
    left = {one["CallSid"]: one for one in told if one["StatusCallbackEvent"] == "participant-leave"}
    assert {sid: (one["ReasonParticipantLeft"], one["ParticipantCallStatus"]) for sid, one in left.items()} == {
        bob: ("participant_updated_via_api", "in-progress"),
        carol: ("participant_hung_up", "completed"),
        alice: ("moderator_ended_conference", "in-progress"),
    }
    done = {one["CallSid"]: one["DialCallStatus"] for one in application.all("/done")}
    assert done == {alice: "answered", bob: "answered", carol: "answered"}


async def test_waiting_for_the_moderator(gateway: Gateway) -> None:
    """Music, a document (with a verb that has no place in it), silence, a document that can't be had and one that never comes."""
    application = gateway.application
    serve_tone(gateway, "/hum", 2300, 0.5)
    guest = 'startConferenceOnEnter="false" beep="false"'
    application.answers(
        "/number",
        by_caller(
            {
                "music": room(guest),
                "document": room(f'{guest} waitUrl="/wait"'),
                "silence": room(f'{guest} waitUrl=""'),
                "broken": room(f'{guest} waitUrl="/nowhere"'),
                "hung": room(f'{guest} waitUrl="/hung"'),
                "audio": room(f'{guest} waitUrl="/hum" waitMethod="GET"'),
                "moderator": room('endConferenceOnExit="true"'),
            }
        ),
    )
    application.answers("/wait", "<Response><Dial>+1555</Dial><Play loop='0'>/hum</Play></Response>")
    application.answers("/hung", "<Response/>", delay_s=60.0)
    application.answers("/done", "<Response><Pause length='20'/></Response>")
    tones = {"music": 440, "document": 640, "silence": 840, "broken": 1040, "hung": 1240, "audio": 1440}
    guests = {name: Probe(name, tone) for name, tone in tones.items()}
    moderator = Probe("moderator", 1640)
    async with Choir(*guests.values(), moderator) as choir:
        await join(gateway, *guests.values())
        await choir.until(lambda: guests["document"].strength(2300) > 0.2, within_s=8.0)
        await choir.until(lambda: guests["audio"].strength(2300, 3.0) > 0.2, within_s=8.0)
        assert guests["silence"].is_in_silence()
        assert guests["hung"].is_in_silence()
        assert np.abs(guests["music"].sound(1.0)).max() > 0.01, "the house's music"
        done = await application.wait_for("/done")
        broken = sid_of(gateway, guests["broken"])
        assert (done["CallSid"], done["DialCallStatus"]) == (broken, "failed")
        assert choir.who_hears_whom() == {name: set() for name in (*guests, "moderator")}, (
            "nobody talks before the start"
        )
        await join(gateway, moderator)
        await choir.until(lambda: moderator.strength(600, 3.0) + moderator.strength(800, 3.0) > 0.004, within_s=3.0)
        talk = {*guests, "moderator"} - {"broken"}
        await choir.hear({name: talk - {name} for name in talk}, within_s=8.0)
        await choir.until(lambda: max(guests[name].strength(2300, 0.5) for name in ("document", "audio")) < 0.01)
        moderator.hang_up()
        await application.wait_for("/done", count=7)
        assert await codes_of(gateway, sid_of(gateway, guests["document"])) == ["13238"]
        assert await codes_of(gateway, broken) == ["11200"]


async def test_a_room_that_can_not_be_entered(gateway: Gateway) -> None:
    """Full, a label that is taken, nobody to coach: the call goes on, with Twilio's code."""
    application, api = gateway.application, Api(gateway)
    odd = "Tom &amp; Jerry's &lt;b&gt; %2F ../ ☎"
    application.answers(
        "/number",
        by_caller(
            {
                "first": room('waitUrl="" participantLabel="x" maxParticipants="1"', odd),
                "second": room('waitUrl="" maxParticipants="2" ', odd),
                "third": room('waitUrl="" maxParticipants="2"', odd),
                "same": room('participantLabel="x"', odd, "<Redirect>/next</Redirect>"),
                "coach": room(f'coach="CA{"0" * 32}"', odd),
                "long": room("", "x" * 129),
            }
        ),
    )
    for path in ("/done", "/next"):
        application.answers(path, "<Response><Play digits='1'/><Pause length='20'/></Response>")
    probes = {name: Probe(name) for name in ("first", "second", "third", "same", "coach", "long")}
    async with Choir(*probes.values()):
        await join(gateway, *probes.values())
        await application.wait_for("/done", count=3)
        await application.wait_for("/next")
        (conference,) = await api(lambda client: client.conferences.list())
        assert conference.friendly_name == "Tom & Jerry's <b> %2F ../ ☎"
        assert len(await api(lambda client: client.conferences(conference.sid).participants.list())) == 2
        found = {}
        for name, probe in probes.items():
            found[name] = await codes_of(gateway, sid_of(gateway, probe))
        status = {one["From"].split("@")[0]: one["DialCallStatus"] for one in application.all("/done")}
        with pytest.raises(TwilioRestException) as caught:
            await api(
                lambda client: client.conferences(conference.sid).participants.create(
                    to="client:x", from_="J", label="x"
                )
            )
        assert caught.value.code == 16025
    assert found == {
        "first": ["16002"],
        "second": [],
        "third": ["16020"],
        "same": ["16025"],
        "coach": ["13240"],
        "long": ["13215", "13237"],
    }
    assert {name.removeprefix("sip:"): one for name, one in status.items()} == {
        "third": "failed",
        "coach": "failed",
        "long": "failed",
    }


async def test_people_are_dialled_into_a_room(gateway: Gateway) -> None:
    """By REST: listed while they ring, told when they do not come, heard when they do; who speaks is told, the room is recorded."""
    application, api = gateway.application, Api(gateway)
    application.answers("/events", "<Response/>")
    application.answers("/recorded", "<Response/>")
    speaker = Probe("speaker", song=voice(4.0))
    busy, slow = Probe("busy", answers=486), Probe("slow", answers=0)
    late = Probe("late", 700, answers=0)
    async with Choir(speaker, busy, slow, late) as choir:
        common = {
            "from_": "Jack",
            "conference_status_callback": f"{application.url}/events",
            "conference_status_callback_event": ALL_EVENTS.split(),
            "conference_record": "true",
            "conference_recording_status_callback": f"{application.url}/recorded",
            "wait_url": "",
            "beep": "false",
        }

        async def invite(probe: Probe, **more: object) -> Any:  # noqa: ANN401
            return await api(
                lambda client: client.conferences("team").participants.create(to=probe.uri, **common, **more)
            )

        first = await invite(speaker)
        assert (first.status, first.conference_sid[:2]) == ("queued", "CF")
        refused = await invite(busy, label="busy one")
        kicked = await invite(slow, label="slow one")
        last = await invite(late, muted=True)
        await asyncio.wait_for(late.rang.wait(), 10.0)
        people = await api(lambda client: client.conferences(first.conference_sid).participants.list())
        assert {one.call_sid: one.status for one in people} == {
            first.call_sid: "connected",  # before or after those who were invited while it was picked up
            kicked.call_sid: "ringing",
            last.call_sid: "ringing",
        }
        await api(lambda client: client.conferences("team").participants("slow one").delete())
        assert await asyncio.wait_for(slow.closed, 5.0) == "cancel"
        await api(lambda client: client.conferences("team").participants(last.call_sid).update(muted=False))
        late.answer()
        await choir.until(lambda: speaker.strength(700) > 0.1, within_s=8.0)
        await choir.until(lambda: bool(np.abs(late.sound(1.0)).max() > 0.05))  # the one who speaks
        assert late.strength(700) < 0.03, "and not itself"
        await choir.until(lambda: ("participant-speech-start", first.call_sid) in events(gateway))
        speaker.sings = False
        await choir.until(lambda: ("participant-speech-stop", first.call_sid) in events(gateway))
        await api(lambda client: client.conferences(first.conference_sid).update(status="completed"))
        recorded = await application.wait_for("/recorded")
        await asyncio.wait_for(asyncio.gather(speaker.closed, late.closed), 5.0)
        calls = {one.sid: one.status for one in await api(lambda client: client.calls.list())}
    assert calls == {
        first.call_sid: "completed",
        refused.call_sid: "busy",
        kicked.call_sid: "canceled",
        last.call_sid: "completed",
    }
    seen = [one for one in events(gateway) if not one[0].startswith("participant-speech")]
    assert seen == [
        ("participant-join", first.call_sid),
        ("participant-leave", refused.call_sid),
        ("participant-leave", kicked.call_sid),
        ("participant-join", last.call_sid),
        ("conference-start", ""),
        ("participant-leave", first.call_sid),
        ("participant-leave", last.call_sid),
        ("conference-end", ""),
    ]
    told = {(one["StatusCallbackEvent"], one.get("CallSid")): one for one in application.all("/events")}
    missed = told["participant-leave", refused.call_sid]
    assert (missed["ReasonParticipantLeft"], missed["ParticipantCallStatus"], missed["ParticipantLabel"]) == (
        "participant_add_failed",
        "busy",
        "busy one",
    )
    assert told["participant-leave", kicked.call_sid]["ParticipantCallStatus"] == "canceled"
    assert told["participant-leave", last.call_sid]["ReasonParticipantLeft"] == "conference_ended_via_api"
    assert told["conference-end", None]["ReasonConferenceEnded"] == "conference-ended-via-api"
    assert (recorded["ConferenceSid"], recorded["RecordingSource"], recorded["RecordingChannels"]) == (
        first.conference_sid,
        "Conference",
        "1",
    )
    assert "CallSid" not in recorded
