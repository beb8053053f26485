"""What the REST API asks of rooms and lines (`gateway.api.ports.LiveRooms` and `LiveQueues`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from gateway.api.ports import MemberView, ParticipantChange, ParticipantView, RecordingChange
from gateway.calls.announcing import Announcer
from gateway.calls.call import utc_now
from gateway.calls.calls import Calls
from gateway.calls.live_calls import change_one
from gateway.calls.room import Change, Participant, Wait
from gateway.ids import AccountSid, CallSid, ConferenceSid, QueueSid, RecordingSid
from gateway.twiml.control import StatusCallback
from gateway.twiml.interpreter import DocumentRequest
from media.errors import MediaError

log = structlog.get_logger(__name__)


class ApiRooms:
    """Owns nothing: turns the API's requests into those of the rooms."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._announcer = Announcer(calls)

    def participants(self, sid: ConferenceSid) -> Sequence[ParticipantView]:
        room = self._calls.rooms.find(sid)
        return [_view(one) for one in room.room.participants()] if room is not None else []

    async def invite(
        self,
        account: AccountSid,
        name: str,
        sid: ConferenceSid,
        view: ParticipantView,
        callback: StatusCallback | None,
    ) -> ConferenceSid | None:
        one = Participant(
            sid=view.call_sid,
            joined_at=view.joined_at,
            updated_at=view.updated_at,
            muted=view.muted,
            coach=view.call_sid_to_coach,
            start_on_enter=view.start_conference_on_enter,
            end_on_exit=view.end_conference_on_exit,
            label=view.label,
            early_media=view.early_media,
            status=view.status,
        )
        try:
            return await self._calls.rooms.invite(account, name, sid, one, callback)
        except MediaError as fault:
            log.warning("no room can be opened", name=name, fault=str(fault))
            return None

    def missed(self, call_sid: CallSid) -> None:
        self._calls.rooms.missed(call_sid, "canceled")

    def change(self, sid: ConferenceSid, call_sid: CallSid, change: ParticipantChange) -> bool:
        room = self._calls.rooms.find(sid)
        if room is None:
            return False
        coach = change.call_sid_to_coach if change.coaching is not False else ""
        found = room.change(
            call_sid,
            Change(
                muted=change.muted,
                hold=change.hold,
                holding=Wait(url=change.hold_url or None, method=change.hold_method)
                if change.hold_url or change.hold
                else None,
                waiting=Wait(url=change.wait_url, method=change.wait_method) if change.wait_url is not None else None,
                coach=coach if coach or change.coaching is False else None,
                end_on_exit=change.end_conference_on_exit,
                beep_on_exit=change.beep_on_exit,
            ),
        )
        if found and change.announce_url:
            request = DocumentRequest(url=change.announce_url, method=change.announce_method)
            self._announcer.to_member(room, call_sid, request)
        return found

    def kick(self, sid: ConferenceSid, call_sid: CallSid) -> bool:
        """Out of the room: its document goes on. Who is only dialled for it is dialled no more."""
        room = self._calls.rooms.find(sid)
        if room is None or not room.kick(call_sid):
            return False
        self._calls.rooms.forget_empty(room)
        return True

    def change_recording(self, sid: ConferenceSid, recording_sid: str, change: RecordingChange) -> RecordingSid | None:
        return change_one(self._calls.recordings.of_room(sid), recording_sid, change)

    def announce(self, sid: ConferenceSid, url: str, method: str) -> bool:
        room = self._calls.rooms.find(sid)
        if room is None:
            return False
        self._announcer.to_room(room, DocumentRequest(url=url, method=method))
        return True

    def end(self, sid: ConferenceSid) -> bool:
        room = self._calls.rooms.find(sid)
        if room is None:
            return False
        room.end()
        self._calls.rooms.forget_empty(room)
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

    def changed(self, sid: QueueSid, name: str, max_size: int) -> None:
        self._calls.lines.change(sid, name, max_size)

    def deleted(self, sid: QueueSid) -> None:
        self._calls.lines.forget(sid)


def _view(one: Participant) -> ParticipantView:
    return ParticipantView(
        call_sid=one.sid,
        label=one.label,
        muted=one.muted,
        hold=one.hold,
        coaching=bool(one.coach),
        call_sid_to_coach=one.coach,
        start_conference_on_enter=one.start_on_enter,
        end_conference_on_exit=one.end_on_exit,
        status=one.status,
        queue_time_ms=one.queue_time_ms,
        joined_at=one.joined_at,
        updated_at=one.updated_at,
    )
