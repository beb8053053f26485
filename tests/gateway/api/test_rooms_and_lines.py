"""Conferences, participants, queues and members by the genuine helper library (rest.md sections 4 and 5)."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from gateway.api.ports import MemberView, ParticipantChange, ParticipantView
from gateway.ids import CallSid
from gateway.storage.models import ConferenceRow, QueueRow
from gateway.twiml.control import StatusCallback
from gateway.twiml.interpreter import DocumentRequest
from tests.gateway.api.conftest import Gateway
from tests.gateway.rows import ACCOUNT, NOON, call_row

ROOM, LINE = "CF" + "1" * 32, "QU" + "1" * 32
ANN, BEN = CallSid(call_row(1).sid), CallSid(call_row(2).sid)


def room(number: int = 1, **changes: Any) -> ConferenceRow:  # noqa: ANN401 - columns
    at = NOON + timedelta(days=number)
    values = {"friendly_name": "room", "status": "in-progress", "created_at": at, "updated_at": at}
    return ConferenceRow(
        **({"sid": f"CF{number:x}" * 1 + "1" * (34 - len(f"CF{number:x}")), "account_sid": ACCOUNT} | values | changes)
    )


@pytest.fixture
async def meeting(gateway: Gateway) -> Gateway:
    await gateway.store.save(room(1))
    gateway.live.people[ROOM] = [
        ParticipantView(call_sid=ANN, label="ann", muted=True, joined_at=NOON, updated_at=NOON),
        ParticipantView(call_sid=BEN, hold=True, coaching=True, call_sid_to_coach=ANN, joined_at=NOON, updated_at=NOON),
    ]
    return gateway


@pytest.fixture
async def line(gateway: Gateway) -> Gateway:
    await gateway.store.save(
        QueueRow(sid=LINE, account_sid=ACCOUNT, friendly_name="support", created_at=NOON, updated_at=NOON)
    )
    gateway.live.lines[LINE] = [
        MemberView(call_sid=ANN, enqueued_at=NOON, wait_s=30),
        MemberView(call_sid=BEN, enqueued_at=NOON, wait_s=11),
    ]
    return gateway


def list_conferences(filters: dict[str, Any], client: Client) -> list[Any]:
    found: list[Any] = client.conferences.list(**filters)
    return found


# -- conferences ----------------------------------------------------------------------------------------------------


async def test_conferences_are_found_by_name_status_and_date(gateway: Gateway) -> None:
    await gateway.store.save(
        room(1), room(2, friendly_name="other"), room(3, status="completed", reason_ended="last-participant-left")
    )
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [3, 2, 1]),
        ({"friendly_name": "other"}, [2]),
        ({"status": "completed"}, [3]),
        ({"date_created_after": (NOON + timedelta(days=2)).date()}, [3, 2]),
    ]
    for filters, numbers in cases:
        found = await gateway.ask(partial(list_conferences, filters))
        assert [conference.sid for conference in found] == [room(number).sid for number in numbers]
    ended = await gateway.ask(lambda c: c.conferences(room(3).sid).fetch())
    assert (ended.status, ended.reason_conference_ended) == ("completed", "last-participant-left")


async def test_a_conference_is_ended_and_told_something(meeting: Gateway) -> None:
    await meeting.ask(lambda c: c.conferences(ROOM).update(announce_url="http://a/x", announce_method="GET"))
    await meeting.ask(lambda c: c.conferences(ROOM).update(status="completed"))
    assert meeting.live.told == [("announce", ROOM, "http://a/x", "GET"), ("end", ROOM)]
    status, body, _ = await meeting.raw("POST", f"/Conferences/{ROOM}.json", data={})
    assert (status, body["code"]) == (400, 20001)


async def test_a_conference_that_is_over_is_left_in_peace(gateway: Gateway) -> None:
    await gateway.store.save(room(1, status="completed"))
    await gateway.ask(lambda c: c.conferences(ROOM).update(status="completed"))
    assert gateway.live.told == []


# -- participants ---------------------------------------------------------------------------------------------------


async def test_participants_are_listed_and_found_by_call_or_label(meeting: Gateway) -> None:
    people = meeting.ask
    assert [p.call_sid for p in await people(lambda c: c.conferences(ROOM).participants.list())] == [ANN, BEN]
    assert [p.call_sid for p in await people(lambda c: c.conferences("room").participants.list(muted=True))] == [ANN]
    assert [p.call_sid for p in await people(lambda c: c.conferences(ROOM).participants.list(hold=False))] == [ANN]
    assert [p.call_sid for p in await people(lambda c: c.conferences(ROOM).participants.list(coaching=True))] == [BEN]
    ann = await people(lambda c: c.conferences(ROOM).participants("ann").fetch())
    assert (ann.call_sid, ann.label, ann.muted, ann.hold, ann.status) == (ANN, "ann", True, False, "connected")
    with pytest.raises(TwilioRestException) as caught:
        await people(lambda c: c.conferences(ROOM).participants("eve").fetch())
    assert caught.value.code == 20404


async def test_a_participant_is_changed_and_kicked(meeting: Gateway) -> None:
    await meeting.ask(
        lambda c: (
            c.conferences(ROOM)
            .participants(BEN)
            .update(
                muted=False,
                hold=True,
                hold_url="http://a/h",
                end_conference_on_exit=True,
                coaching=True,
                call_sid_to_coach=ANN,
            )
        )
    )
    assert await meeting.ask(lambda c: c.conferences(ROOM).participants("ann").delete()) is True
    change = ParticipantChange(
        muted=False, hold=True, hold_url="http://a/h", end_conference_on_exit=True, coaching=True, call_sid_to_coach=ANN
    )
    assert meeting.live.told == [("participant", ROOM, BEN, change), ("kick", ROOM, ANN)]
    status, body, _ = await meeting.raw(
        "POST", f"/Conferences/{ROOM}/Participants/{BEN}.json", data={"Coaching": "true"}
    )
    assert (status, body["code"]) == (400, 20001)


async def test_a_participant_is_dialled_into_a_room_that_is_made_for_it(gateway: Gateway) -> None:
    found = await gateway.ask(
        lambda c: c.conferences("Tea & <cake>").participants.create(
            to="client:bob",
            from_="Jack",
            label='b"ob',
            muted=True,
            beep="onEnter",
            end_conference_on_exit=True,
            wait_url="http://a/w?x=1&y=2",
            max_participants=5,
            conference_record="true",
            conference_status_callback="http://a/c",
            conference_status_callback_event=["start", "join"],
            timeout=20,
            machine_detection="Enable",
            amd_status_callback="http://a/amd",
        )
    )
    (conference,) = await gateway.ask(lambda c: c.conferences.list())
    assert (conference.sid, conference.friendly_name, conference.status) == (
        found.conference_sid,
        "Tea & <cake>",
        "init",
    )
    assert (found.label, found.muted, found.status, found.end_conference_on_exit) == ('b"ob', True, "queued", True)
    placed = await gateway.live.placed.get()
    assert (placed.sid, placed.to, placed.from_, placed.timeout_s, placed.detects_async) == (
        found.call_sid,
        "client:bob",
        "Jack",
        20,
        True,
    )
    noun = ET.fromstring(placed.first.twiml).find("./Dial/Conference")
    assert noun is not None
    assert noun.text == "Tea & <cake>"
    assert noun.attrib == {
        "participantLabel": 'b"ob',
        "muted": "true",
        "beep": "onEnter",
        "startConferenceOnEnter": "true",
        "endConferenceOnExit": "true",
        "waitUrl": "http://a/w?x=1&y=2",
        "waitMethod": "POST",
        "maxParticipants": "5",
        "record": "record-from-start",
        "statusCallback": "http://a/c",
        "statusCallbackMethod": "POST",
        "statusCallbackEvent": "join start",
    }
    ((name, view, callback),) = gateway.live.invited
    assert (name, view.call_sid, view.status) == ("Tea & <cake>", found.call_sid, "queued")
    assert callback == StatusCallback(url="http://a/c", events=frozenset({"start", "join"}))
    (listed,) = await gateway.ask(lambda c: c.conferences(found.conference_sid).participants.list())
    assert (listed.call_sid, listed.status) == (found.call_sid, "queued")
    again = await gateway.ask(
        lambda c: c.conferences(found.conference_sid).participants.create(to="client:al", from_="Jack")
    )
    assert again.conference_sid == found.conference_sid


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": ""}, 21201),
        ({"from_": ""}, 21213),
        ({"timeout": 4}, 21208),
        ({"max_participants": 251}, 20001),
        ({"beep": "loud"}, 20001),
    ],
)
async def test_a_participant_with_a_bad_parameter_makes_no_room(
    gateway: Gateway, changes: dict[str, Any], code: int
) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await gateway.ask(
            lambda c: c.conferences("room").participants.create(**({"to": "client:b", "from_": "J"} | changes))
        )
    assert (caught.value.status, caught.value.code) == (400, code)
    assert await gateway.ask(lambda c: c.conferences.list()) == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Label": "ann"}, 16025),
        ({"Label": "a/b"}, 16023),
        ({"Label": "x" * 129}, 16023),
        ({"Label": "CA" + "0" * 32}, 16023),
        ({"MaxParticipants": "2"}, 16020),
        ({"CallSidToCoach": "CA" + "9" * 32}, 20001),
        ({"Coaching": "true"}, 20001),
        ({"JitterBufferSize": "huge"}, 20001),
        ({"Region": "mars"}, 20001),
        ({"Label": "bell\x07"}, 20001),
    ],
)
async def test_nobody_is_dialled_for_a_place_that_is_not_there(
    meeting: Gateway, fields: dict[str, str], code: int
) -> None:
    status, body, _ = await meeting.raw(
        "POST", f"/Conferences/{ROOM}/Participants.json", data={"To": "client:b", "From": "J", **fields}
    )
    assert (status, body["code"]) == (400, code)
    assert meeting.live.invited == []


async def test_what_is_asked_for_the_room_reaches_its_document(meeting: Gateway) -> None:
    await meeting.ask(
        lambda c: c.conferences(ROOM).participants.create(
            to="client:bob",
            from_="Jack",
            call_sid_to_coach=ANN,
            jitter_buffer_size="small",
            region="ie1",
            early_media=False,
            conference_recording_status_callback="http://a/r",
            conference_recording_status_callback_method="GET",
            conference_recording_status_callback_event=["completed", "failed"],
        )
    )
    noun = ET.fromstring((await meeting.live.placed.get()).first.twiml).find("./Dial/Conference")
    assert noun is not None
    assert {name: value for name, value in noun.attrib.items() if value not in ("true", "false", "250")} == {
        "coach": ANN,
        "jitterBufferSize": "small",
        "region": "ie1",
        "recordingStatusCallback": "http://a/r",
        "recordingStatusCallbackMethod": "GET",
        "recordingStatusCallbackEvent": "completed",
    }


async def test_an_empty_wait_url_is_silence_and_none_is_music(meeting: Gateway) -> None:
    fields = {"To": "client:b", "From": "J"}
    for more, wanted in (({"WaitUrl": ""}, ""), ({}, None)):
        status, _, _ = await meeting.raw("POST", f"/Conferences/{ROOM}/Participants.json", data={**fields, **more})
        noun = ET.fromstring((await meeting.live.placed.get()).first.twiml).find("./Dial/Conference")
        assert noun is not None
        assert (status, noun.get("waitUrl")) == (201, wanted)
    await meeting.raw("POST", f"/Conferences/{ROOM}/Participants/{ANN}.json", data={"WaitUrl": ""})
    assert meeting.live.told == [("participant", ROOM, ANN, ParticipantChange(wait_url=""))]


async def test_a_participant_is_not_dialled_where_no_room_can_be_opened(gateway: Gateway) -> None:
    gateway.live.has_rooms = False
    status, body, _ = await gateway.raw(
        "POST", "/Conferences/room/Participants.json", data={"To": "client:b", "From": "J"}
    )
    assert (status, body["code"]) == (503, 20503)
    assert await gateway.ask(lambda c: c.calls.list()) == []


async def test_a_participant_whose_call_is_canceled_in_the_queue_is_not_waited_for(gateway: Gateway) -> None:
    await gateway.ask(lambda c: c.calls.create(to="client:x", from_="J", url="http://a/v"))  # holds the queue up
    gateway.departures._interval_s = 60.0
    await gateway.live.placed.get()
    await gateway.ask(lambda c: c.calls.create(to="client:y", from_="J", url="http://a/v"))
    found = await gateway.ask(lambda c: c.conferences("room").participants.create(to="client:b", from_="J"))
    await gateway.ask(lambda c: c.calls(found.call_sid).update(status="canceled"))
    assert gateway.live.told == [("missed", found.call_sid)]


async def test_a_conference_that_is_over_takes_nobody(gateway: Gateway) -> None:
    await gateway.store.save(room(1, status="completed"))
    with pytest.raises(TwilioRestException) as caught:
        await gateway.ask(lambda c: c.conferences(ROOM).participants.create(to="client:b", from_="J"))
    assert caught.value.code == 20404


async def test_an_unknown_conference_sid_is_not_found(gateway: Gateway) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await gateway.ask(lambda c: c.conferences("CF" + "0" * 32).participants.create(to="client:b", from_="J"))
    assert caught.value.code == 20404


# -- queues and members ---------------------------------------------------------------------------------------------


async def test_a_queue_is_made_changed_and_deleted(gateway: Gateway) -> None:
    queue = await gateway.ask(lambda c: c.queues.create(friendly_name="sales", max_size=5))
    assert (queue.friendly_name, queue.max_size, queue.current_size, queue.average_wait_time) == ("sales", 5, 0, 0)
    changed = await gateway.ask(lambda c: c.queues(queue.sid).update(friendly_name="more sales"))
    assert (changed.friendly_name, changed.max_size) == ("more sales", 5)
    assert gateway.live.told == [("queue", queue.sid, "more sales", 5)]
    assert await gateway.ask(lambda c: c.queues(queue.sid).delete()) is True
    assert await gateway.ask(lambda c: c.queues.list()) == []


async def test_a_queue_in_which_calls_wait_is_not_deleted(line: Gateway) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await line.ask(lambda c: c.queues(LINE).delete())
    assert caught.value.code == 22003
    queue = await line.ask(lambda c: c.queues(LINE).fetch())
    assert (queue.current_size, queue.average_wait_time, queue.max_size) == (2, 20, 1000)


@pytest.mark.parametrize("form", [{}, {"FriendlyName": "x" * 65}, {"FriendlyName": "a", "MaxSize": "5001"}])
async def test_a_queue_with_a_bad_parameter_is_not_made(gateway: Gateway, form: dict[str, str]) -> None:
    status, body, _ = await gateway.raw("POST", "/Queues.json", data=form)
    assert (status, body["code"]) == (400, 20001)


async def test_two_queues_cannot_have_one_name(line: Gateway) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await line.ask(lambda c: c.queues.create(friendly_name="support"))
    assert caught.value.status == 400


async def test_members_stand_in_line_and_the_front_one_can_be_taken(line: Gateway) -> None:
    members = await line.ask(lambda c: c.queues(LINE).members.list())
    assert [(m.call_sid, m.position, m.wait_time, m.date_enqueued) for m in members] == [
        (ANN, 1, 30, NOON),
        (BEN, 2, 11, NOON),
    ]
    front = await line.ask(lambda c: c.queues(LINE).members("Front").update(url="http://a/agent", method="GET"))
    assert (front.call_sid, front.queue_sid) == (ANN, LINE)
    await line.ask(lambda c: c.queues(LINE).members(BEN).update(url="http://a/agent"))
    assert line.live.told == [
        ("member", LINE, ANN, DocumentRequest(url="http://a/agent", method="GET")),
        ("member", LINE, BEN, DocumentRequest(url="http://a/agent")),
    ]
    with pytest.raises(TwilioRestException) as caught:
        await line.ask(lambda c: c.queues(LINE).members("CA" + "9" * 32).fetch())
    assert caught.value.code == 20404
    status, body, _ = await line.raw("POST", f"/Queues/{LINE}/Members/Front.json", data={})
    assert (status, body["code"]) == (400, 21205)


async def test_a_participant_whose_detection_is_asked_to_be_synchronous_is_warned_about(gateway: Gateway) -> None:
    fields = {"To": "client:bob", "From": "Jack", "MachineDetection": "Enable", "AsyncAmd": "false"}
    status, made, _ = await gateway.raw("POST", "/Conferences/Tea/Participants.json", data=fields)
    assert status == 201
    (warning,) = await gateway.ask(lambda c: c.calls(made["call_sid"]).notifications.list())
    assert (warning.error_code, warning.log) == ("21263", "1")
