"""Announcements: a document heard by a whole room or by one member, over what they hear; then the application is told."""

from __future__ import annotations

import asyncio

from gateway.calls.calls import Calls
from gateway.calls.control import Control
from gateway.calls.live_room import LiveRoom
from gateway.calls.room import Member
from gateway.calls.room_control import RoomControl
from gateway.calls.until import Until
from gateway.ids import CallSid
from gateway.twiml.interpreter import ANNOUNCEMENT, DocumentRequest, Finish


class _Gone(Exception):
    """Who was to hear it is not there any more."""


class _MemberControl(Control):
    """Keeps what went wrong, for `ReasonAnnouncementFailed`."""

    faults: tuple[str, ...] = ()

    def notify(self, code: int, message: str, url: str = "") -> None:
        super().notify(code, message, url)
        self.faults = (*self.faults, f"{int(code)}: {message}")


class Announcer:
    """Makes announcements: those to one room, or to one member, are heard one after another."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def to_room(self, room: LiveRoom, request: DocumentRequest) -> None:
        control = RoomControl(self._calls, room.room)
        self._calls.spawn(self._announce(room, None, control, request), f"announcement {room.room.sid}")

    def to_member(self, room: LiveRoom, sid: CallSid, request: DocumentRequest) -> None:
        member, live = room.room.members.get(sid), self._calls.live.get(sid)
        if member is not None and live is not None:
            control = _MemberControl(self._calls, live)
            self._calls.spawn(self._announce(room, member, control, request), f"announcement {sid}")

    async def _announce(
        self, room: LiveRoom, member: Member | None, control: RoomControl | _MemberControl, request: DocumentRequest
    ) -> None:
        gone: asyncio.Future[None] | asyncio.Future[str] = room.over
        if member is not None:
            gone = room.ends.get(member.sid, room.over)
        turn = room.turn(member)
        fault = ""
        try:
            async with Until(gone, _Gone), turn:
                if await self._calls.perform(control, request, ANNOUNCEMENT) is not Finish.ENDED:
                    fault = control.faults[-1] if control.faults else "the announcement could not be played to its end"
        except _Gone:
            fault = "nobody is left to hear it"
        room.announced(request.url, member, fault)
