"""What the REST API asks of rooms and lines (`gateway.api.ports.LiveRooms` and `LiveQueues`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from gateway.api.ports import MemberView, ParticipantChange, ParticipantView
from gateway.calls.call import utc_now
from gateway.calls.calls import Calls
from gateway.calls.room import Member
from gateway.ids import CallSid, ConferenceSid, QueueSid
from gateway.twiml.interpreter import DocumentRequest


class ApiRooms:
    """Owns nothing: turns the API's requests into those of the rooms."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def participants(self, sid: ConferenceSid) -> Sequence[ParticipantView]:
        room = self._calls.rooms.find(sid)
        return [_view(member) for member in room.room.members.values()] if room is not None else []

    def change(self, sid: ConferenceSid, call_sid: CallSid, change: ParticipantChange) -> bool:
        """Mute, hold (with the house's music), coaching and what happens at its exit."""
        room = self._calls.rooms.find(sid)
        if room is None or call_sid not in room.room.members:
            return False
        coach = change.call_sid_to_coach if change.coaching is not False else ""
        room.change(
            call_sid,
            muted=change.muted,
            hold=change.hold,
            coach=coach if coach or change.coaching is False else None,
            end_on_exit=change.end_conference_on_exit,
            beep_on_exit=change.beep_on_exit,
        )
        return True

    def kick(self, sid: ConferenceSid, call_sid: CallSid) -> bool:
        """Out of the room: its document goes on."""
        room = self._calls.rooms.find(sid)
        if room is None or call_sid not in room.room.members:
            return False
        room.kick(call_sid)
        return True

    def announce(self, sid: ConferenceSid, url: str, method: str) -> bool:
        """Announcements are not made: nothing is played to a room but its beeps."""
        return False

    def end(self, sid: ConferenceSid) -> bool:
        room = self._calls.rooms.find(sid)
        if room is None:
            return False
        room.end()
        return True


class ApiQueues:
    """Owns nothing: shows who waits in a line, and calls somebody out of it."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def members(self, sid: QueueSid) -> Sequence[MemberView]:
        line = self._calls.lines.by_sid(sid)
        if line is None:
            return []
        now, clock = utc_now(), asyncio.get_running_loop().time()
        return [
            MemberView(
                call_sid=place.sid,
                enqueued_at=now - timedelta(seconds=clock - place.since),
                wait_s=int(clock - place.since),
            )
            for place in line.line
        ]

    def redirect(self, sid: QueueSid, call_sid: CallSid, document: DocumentRequest) -> bool:
        line = self._calls.lines.by_sid(sid)
        if line is None or all(place.sid != call_sid for place in line.line):
            return False
        return self._calls.update(call_sid, document)


def _view(member: Member) -> ParticipantView:
    return ParticipantView(
        call_sid=member.sid,
        label=member.label,
        muted=member.muted,
        hold=member.hold,
        coaching=bool(member.coach),
        call_sid_to_coach=member.coach,
        start_conference_on_enter=member.start_on_enter,
        end_conference_on_exit=member.end_on_exit,
        joined_at=member.joined_at,
        updated_at=member.updated_at,
    )
