"""A room as data: when it starts and ends, who hears whom."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.calls.conference_callbacks import conference_params, is_wanted
from gateway.calls.room import Happened, Member, Room, who_hears_whom
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
    ],
    ids=["all", "muted", "hold", "coach", "muted coach", "coach of one who left"],
)
def test_who_hears_whom(members: list[Member], expected: dict[str, set[str]]) -> None:
    assert heard(*members) == expected


def test_two_are_needed_and_one_of_them_starts_it() -> None:
    one = room()
    assert [event.what for event in one.join(member("a", start_on_enter=False))] == [Happened.JOIN]
    assert [event.what for event in one.join(member("b", start_on_enter=False))] == [Happened.JOIN]
    assert one.routes() == frozenset()
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
    assert [event.what for event in one.change(CallSid("a"), muted=True, hold=False)] == [Happened.MUTE]
    assert one.change(CallSid("a"), muted=True) == []
    assert one.change(CallSid("b"), muted=True) == []
    assert [event.what for event in one.change(CallSid("a"), beep_on_exit=False)] == [Happened.MODIFY]
    assert one.change(CallSid("a"), beep_on_exit=False, coach="", end_on_exit=False) == []


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
    assert ("ReasonParticipantLeft", "participant_hung_up") in conference_params(one, left, 2, NOW)
    assert conference_params(one, ended, 3, NOW)[6:] == [
        ("ReasonConferenceEnded", "last-participant-left"),
        ("CallSidEndingConference", "a"),
        ("ParticipantLabelEndingConference", "front desk"),
    ]
    callback = StatusCallback(url="http://x", events=frozenset({"join"}))
    assert is_wanted(callback, joined)
    assert not is_wanted(callback, ended)
