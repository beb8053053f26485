"""What the application is told of a conference (callbacks.md section 4)."""

from __future__ import annotations

from datetime import datetime

from gateway.calls.room import GROUPS, Event, Happened, Member, Room
from gateway.twiml.control import StatusCallback
from gateway.webhooks.params import timestamp


def is_wanted(callback: StatusCallback, event: Event) -> bool:
    return GROUPS[event.what] in callback.events


def conference_params(room: Room, event: Event, sequence: int, at: datetime) -> list[tuple[str, str]]:
    """*sequence* counts from 1 over what is sent."""
    params = [
        ("ConferenceSid", str(room.sid)),
        ("FriendlyName", room.name),
        ("AccountSid", str(room.account_sid)),
        ("SequenceNumber", str(sequence)),
        ("Timestamp", timestamp(at)),
        ("StatusCallbackEvent", event.what.value),
    ]
    member = event.member
    if event.what is Happened.END:
        params.append(("ReasonConferenceEnded", event.reason))
        if member is not None:
            params.append(("CallSidEndingConference", str(member.sid)))
            if member.label:
                params.append(("ParticipantLabelEndingConference", member.label))
    elif member is not None:
        params += _member_params(member)
        if event.what is Happened.LEAVE:
            params.append(("ReasonParticipantLeft", event.reason))
    return params


def _member_params(member: Member) -> list[tuple[str, str]]:
    params = [
        ("CallSid", str(member.sid)),
        ("Muted", _flag(member.muted)),
        ("Hold", _flag(member.hold)),
        ("Coaching", _flag(bool(member.coach))),
        ("EndConferenceOnExit", _flag(member.end_on_exit)),
        ("StartConferenceOnEnter", _flag(member.start_on_enter)),
    ]
    if member.label:
        params.append(("ParticipantLabel", member.label))
    return params


def _flag(value: bool) -> str:
    return "true" if value else "false"
