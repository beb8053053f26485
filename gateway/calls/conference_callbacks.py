"""What the application is told of a conference (callbacks.md section 4)."""

from __future__ import annotations

from datetime import datetime

from gateway.calls.room import Event, Happened, Participant, Room
from gateway.twiml.control import StatusCallback
from gateway.webhooks.params import timestamp

GROUPS = {
    Happened.START: "start",
    Happened.END: "end",
    Happened.JOIN: "join",
    Happened.LEAVE: "leave",
    Happened.MUTE: "mute",
    Happened.UNMUTE: "mute",
    Happened.HOLD: "hold",
    Happened.UNHOLD: "hold",
    Happened.MODIFY: "modify",
    Happened.SPEECH_START: "speaker",
    Happened.SPEECH_STOP: "speaker",
    Happened.ANNOUNCED: "announcement",
    Happened.NOT_ANNOUNCED: "announcement",
}
"""The word of `statusCallbackEvent` that asks for each."""

_WHY_ENDED = {
    "conference-ended-via-api": "Conference ended via API",
    "last-participant-kicked": "Last participant was removed from the conference via API",
    "last-participant-left": "Last participant left conference",
    "participant-with-end-conference-on-exit-kicked": "Participant with endConferenceOnExit was removed via API",
    "participant-with-end-conference-on-exit-left": "Participant with endConferenceOnExit left conference",
}
"""`Reason`: the same in words."""


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
        return params + _end_params(event)
    if member is not None:
        params += _participant_params(member)
    if event.what is Happened.LEAVE:
        params += [("ReasonParticipantLeft", event.reason), ("ParticipantCallStatus", event.call_status)]
    if event.what in (Happened.ANNOUNCED, Happened.NOT_ANNOUNCED):
        params.append(("AnnounceUrl", event.url))
    if event.what is Happened.NOT_ANNOUNCED:
        params.append(("ReasonAnnouncementFailed", event.reason))
    return params


def recorded_params(
    room: Room, *, url: str, duration_s: int, octets: int, sequence: int, at: datetime
) -> list[tuple[str, str]]:
    """`conference-record-end`, which goes to `eventCallbackUrl` where there is no recordingStatusCallback."""
    return [
        ("ConferenceSid", str(room.sid)),
        ("FriendlyName", room.name),
        ("AccountSid", str(room.account_sid)),
        ("SequenceNumber", str(sequence)),
        ("Timestamp", timestamp(at)),
        ("EventName", "conference-record-end"),
        ("RecordingUrl", url),
        ("Duration", str(duration_s)),
        ("RecordingFileSize", str(octets)),
    ]


def _end_params(event: Event) -> list[tuple[str, str]]:
    params = [("ReasonConferenceEnded", event.reason), ("Reason", _WHY_ENDED.get(event.reason, event.reason))]
    if event.member is not None:
        params.append(("CallSidEndingConference", str(event.member.sid)))
        if event.member.label:
            params.append(("ParticipantLabelEndingConference", event.member.label))
    return params


def _participant_params(member: Participant) -> list[tuple[str, str]]:
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
