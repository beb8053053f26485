"""A room as data: when it starts and ends, who hears whom."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.calls.conference_callbacks import conference_params, is_wanted
from gateway.calls.room import Change, Event, Happened, Member, Participant, Room, Wait, who_hears_whom
from gateway.ids import AccountSid, CallSid, ConferenceSid
from gateway.twiml.control import StatusCallback
from media.commands import Route
from media.streams import Slot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOM = Slot(row=99, generation=1)


def member(name: str, **more: object) -> Member:
    row = "abcd".index(name)
    made = Member(sid=CallSid(name), slot=Slot(row=row, generation=1), joined_at=NOW, updated_at=NOW)
    for key, value in more.items():
        setattr(made, key, value)
    return made


def room() -> Room:
    return Room(sid=ConferenceSid("CF1"), account_sid=AccountSid("AC1"), name="r", slot=ROOM, created_at=NOW)


def heard(*members: Member) -> dict[str, set[str]]:
    """Whose voices each hears, summed as the engine sums the routes: the room first, then what goes to each leg."""
    names = {one.slot: str(one.sid) for one in members}
    routes = who_hears_whom(ROOM, members)
    mix = {route.source: route.gain for route in routes if route.target == ROOM}
    result: dict[str, set[str]] = {}
    for one in members:
        sums: dict[Slot, float] = {}
        for route in routes:
            if route.target == one.slot:
                parts = mix if route.source == ROOM else {route.source: 1.0}
                for source, gain in parts.items():
                    sums[source] = sums.get(source, 0.0) + gain * route.gain
        result[str(one.sid)] = {names[source] for source, gain in sums.items() if gain}
    return result


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([member("a"), member("b"), member("c")], {"a": {"b", "c"}, "b": {"a", "c"}, "c": {"a", "b"}}),
        ([member("a", muted=True), member("b"), member("c")], {"a": {"b", "c"}, "b": {"c"}, "c": {"b"}}),
        ([member("a", hold=True), member("b"), member("c")], {"a": set(), "b": {"c"}, "c": {"b"}}),
        ([member("a", coach="b"), member("b"), member("c")], {"a": {"b", "c"}, "b": {"a", "c"}, "c": {"b"}}),
        ([member("a", coach="b", muted=True), member("b"), member("c")], {"a": {"b", "c"}, "b": {"c"}, "c": {"b"}}),
        ([member("a", coach="d"), member("b")], {"a": {"b"}, "b": set()}),
        ([member("a", coach="a"), member("b")], {"a": {"b"}, "b": set()}),
        ([member("a", coach="b"), member("b", hold=True), member("c")], {"a": {"c"}, "b": set(), "c": set()}),
        ([member("a", coach="c"), member("b", coach="c"), member("c")], {"a": {"c"}, "b": {"c"}, "c": {"a", "b"}}),
    ],
    ids=[
        "all",
        "muted",
        "hold",
        "coach",
        "muted coach",
        "coach of one who left",
        "coach of itself",
        "coach of one on hold",
        "two coaches",
    ],
)
def test_who_hears_whom(members: list[Member], expected: dict[str, set[str]]) -> None:
    assert heard(*members) == expected


def test_two_are_needed_and_one_of_them_starts_it() -> None:
    one = room()
    assert [event.what for event in one.join(member("a", start_on_enter=False))] == [Happened.JOIN]
    assert [event.what for event in one.join(member("b", start_on_enter=False))] == [Happened.JOIN]
    assert {(route.source, route.target.row) for route in one.routes()} == {(ROOM, 0), (ROOM, 1)}, "announcements only"
    assert [event.what for event in one.join(member("c"))] == [Happened.JOIN, Happened.START]
    assert Route(source=ROOM, target=Slot(row=0, generation=1)) in one.routes()


def test_the_last_who_leaves_ends_it() -> None:
    one = room()
    one.join(member("a"))
    one.join(member("b"))
    assert [event.what for event in one.leave(CallSid("a"))] == [Happened.LEAVE]
    assert [(event.what, event.reason) for event in one.leave(CallSid("b"))] == [
        (Happened.LEAVE, "participant_hung_up"),
        (Happened.END, "last-participant-left"),
    ]
    assert one.leave(CallSid("b")) == []


def test_one_who_ends_it_on_exit_takes_everybody_along() -> None:
    one = room()
    one.join(member("a", end_on_exit=True))
    one.join(member("b"))
    assert [(event.what, event.reason) for event in one.leave(CallSid("a"))] == [
        (Happened.LEAVE, "participant_hung_up"),
        (Happened.LEAVE, "moderator_ended_conference"),
        (Happened.END, "participant-with-end-conference-on-exit-left"),
    ]
    assert (one.status, one.ended_by, one.routes()) == ("completed", "a", frozenset())


def test_the_api_ends_it_once() -> None:
    one = room()
    one.join(member("a"))
    assert [event.reason for event in one.end()] == ["conference_ended_via_api", "conference-ended-via-api"]
    assert one.end() == []


def test_a_change_that_changes_nothing_tells_nothing() -> None:
    one = room()
    one.join(member("a"))
    assert [event.what for event in one.change(CallSid("a"), Change(muted=True, hold=False))] == [Happened.MUTE]
    assert one.change(CallSid("a"), Change(muted=True)) == []
    assert one.change(CallSid("b"), Change(muted=True)) == []
    assert [event.what for event in one.change(CallSid("a"), Change(beep_on_exit=False))] == [Happened.MODIFY]
    assert one.change(CallSid("a"), Change(beep_on_exit=False, coach="", end_on_exit=False)) == []
    assert [event.what for event in one.change(CallSid("a"), Change(waiting=Wait(url="")))] == [Happened.MODIFY]
    assert one.change(CallSid("a"), Change(holding=Wait(url="http://x"))) == [], "the music itself is no event"


def whats(events: list[Event]) -> list[Happened]:
    return [event.what for event in events]


def test_who_is_heard_speaking_is_told_while_it_can_be_heard() -> None:
    one = room()
    a, b = member("a"), member("b", muted=True)
    one.join(a)
    assert one.heard(a, speaking=True) == [], "nobody is there to hear it"
    one.join(b)
    assert whats(one.heard(a, speaking=True)) == [Happened.SPEECH_START]
    assert one.heard(a, speaking=True) == []
    assert one.heard(b, speaking=True) == [], "muted"
    assert whats(one.change(CallSid("a"), Change(hold=True))) == [Happened.HOLD, Happened.SPEECH_STOP]
    assert one.heard(a, speaking=False) == []
    one.change(CallSid("a"), Change(hold=False))
    one.heard(a, speaking=True)
    assert whats(one.leave(CallSid("a"))) == [Happened.SPEECH_STOP, Happened.LEAVE]


def invited(name: str, **more: object) -> Participant:
    one = Participant(sid=CallSid(name), joined_at=NOW, updated_at=NOW, status="queued")
    for key, value in more.items():
        setattr(one, key, value)
    return one


def test_one_who_is_dialled_comes_with_what_was_changed_meanwhile() -> None:
    one = room()
    one.invited[CallSid("a")] = invited("a", label="agent")
    assert one.has_label("agent", besides=CallSid("b"))
    assert not one.has_label("agent", besides=CallSid("a"))
    assert one.change(CallSid("a"), Change(muted=True)) == []
    assert [(p.sid, p.muted, p.status) for p in one.participants()] == [("a", True, "queued")]
    (joined,) = one.join(member("a", label="agent"))
    assert joined.member is one.members[CallSid("a")]
    assert (one.members[CallSid("a")].muted, one.invited) == (True, {})


def test_one_who_does_not_come_is_told_with_the_status_of_its_call_and_ends_a_room_that_waits_for_nobody_else() -> None:
    one = room()
    one.invited[CallSid("a")] = invited("a")
    one.join(member("b"))
    (missed,) = one.missed(CallSid("a"), "busy")
    assert (missed.what, missed.reason, missed.call_status) == (Happened.LEAVE, "participant_add_failed", "busy")
    assert one.missed(CallSid("a"), "busy") == []
    one.invited[CallSid("c")] = invited("c")
    assert whats(one.leave(CallSid("b"))) == [Happened.LEAVE], "somebody is still on the way"
    assert [(event.what, event.reason) for event in one.missed(CallSid("c"), "no-answer")] == [
        (Happened.LEAVE, "participant_add_failed"),
        (Happened.END, "last-participant-left"),
    ]


def test_what_announcements_and_ends_carry() -> None:
    one = room()
    one.join(member("a"))
    plain = Event(what=Happened.ANNOUNCED, url="http://a/x")
    assert conference_params(one, plain, 1, NOW)[5:] == [
        ("StatusCallbackEvent", "announcement-end"),
        ("AnnounceUrl", "http://a/x"),
    ]
    failed = Event(what=Happened.NOT_ANNOUNCED, url="http://a/x", reason="11200: no", member=one.members[CallSid("a")])
    told = conference_params(one, failed, 1, NOW)
    assert ("CallSid", "a") in told
    assert told[-2:] == [("AnnounceUrl", "http://a/x"), ("ReasonAnnouncementFailed", "11200: no")]


def test_callbacks_carry_their_parameters_and_only_what_was_asked_for() -> None:
    one = room()
    (joined,) = one.join(member("a", label="front desk", muted=True))
    assert conference_params(one, joined, 1, NOW) == [
        ("ConferenceSid", "CF1"),
        ("FriendlyName", "r"),
        ("AccountSid", "AC1"),
        ("SequenceNumber", "1"),
        ("Timestamp", "Thu, 01 Jan 2026 00:00:00 +0000"),
        ("StatusCallbackEvent", "participant-join"),
        ("CallSid", "a"),
        ("Muted", "true"),
        ("Hold", "false"),
        ("Coaching", "false"),
        ("EndConferenceOnExit", "false"),
        ("StartConferenceOnEnter", "true"),
        ("ParticipantLabel", "front desk"),
    ]
    left, ended = one.leave(CallSid("a"))
    assert conference_params(one, left, 2, NOW)[-2:] == [
        ("ReasonParticipantLeft", "participant_hung_up"),
        ("ParticipantCallStatus", "in-progress"),
    ]
    assert conference_params(one, ended, 3, NOW)[6:] == [
        ("ReasonConferenceEnded", "last-participant-left"),
        ("Reason", "Last participant left conference"),
        ("CallSidEndingConference", "a"),
        ("ParticipantLabelEndingConference", "front desk"),
    ]
    callback = StatusCallback(url="http://x", events=frozenset({"join"}))
    assert is_wanted(callback, joined)
    assert not is_wanted(callback, ended)
