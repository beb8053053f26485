"""A named room as data: who is in it, when it begins and ends, who hears whom (no asyncio, no engine)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.ids import AccountSid, CallSid, ConferenceSid
from media.commands import Route
from media.streams import Slot


class Happened(StrEnum):
    """StatusCallbackEvent of a conference (callbacks.md section 4)."""

    START = "conference-start"
    END = "conference-end"
    JOIN = "participant-join"
    LEAVE = "participant-leave"
    MUTE = "participant-mute"
    UNMUTE = "participant-unmute"
    HOLD = "participant-hold"
    UNHOLD = "participant-unhold"
    MODIFY = "participant-modify"


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
}
"""The word of `statusCallbackEvent` that asks for each."""


_BEEPS = {(True, True): "true", (True, False): "onEnter", (False, True): "onExit", (False, False): "false"}


@dataclass(eq=False, slots=True, kw_only=True)
class Member:
    """A call in a room."""

    sid: CallSid
    slot: Slot
    joined_at: datetime
    updated_at: datetime
    muted: bool = False
    hold: bool = False
    coach: str = ""
    """CallSid of the only member who hears this one."""

    start_on_enter: bool = True
    end_on_exit: bool = False
    label: str = ""
    beep: str = "true"

    @property
    def beeps_on_enter(self) -> bool:
        return self.beep in ("true", "onEnter")

    @property
    def beeps_on_exit(self) -> bool:
        return self.beep in ("true", "onExit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something to be told. `reason`: ReasonParticipantLeft or ReasonConferenceEnded; `member` of an end is who ended it."""

    what: Happened
    member: Member | None = None
    reason: str = ""


@dataclass(eq=False, slots=True, kw_only=True)
class Room:
    """`init` until two are in it and one of them starts it, then `in-progress`, then `completed` for ever."""

    sid: ConferenceSid
    account_sid: AccountSid
    name: str
    slot: Slot
    created_at: datetime
    status: str = "init"
    members: dict[CallSid, Member] = field(default_factory=dict)
    reason_ended: str = ""
    ended_by: str = ""

    @property
    def is_on(self) -> bool:
        return self.status == "in-progress"

    def join(self, member: Member) -> list[Event]:
        self.members[member.sid] = member
        events = [Event(what=Happened.JOIN, member=member)]
        if self.status == "init" and len(self.members) > 1 and any(m.start_on_enter for m in self.members.values()):
            self.status = "in-progress"
            events.append(Event(what=Happened.START))
        return events

    def leave(self, sid: CallSid, reason: str = "participant_hung_up", *, kicked: bool = False) -> list[Event]:
        """One member goes; the room ends with it when it was the last, or one with `endConferenceOnExit`."""
        member = self.members.pop(sid, None)
        if member is None:
            return []
        events = [Event(what=Happened.LEAVE, member=member, reason=reason)]
        how = "kicked" if kicked else "left"
        if member.end_on_exit:
            ended = f"participant-with-end-conference-on-exit-{how}"
            return events + self._end("moderator_ended_conference", ended, member)
        if not self.members:
            return events + self._end("", f"last-participant-{how}", member)
        return events

    def end(self) -> list[Event]:
        """The API ends it."""
        return self._end("conference_ended_via_api", "conference-ended-via-api", None)

    def _end(self, why_left: str, why_ended: str, by: Member | None) -> list[Event]:
        if self.status == "completed":
            return []
        events = [Event(what=Happened.LEAVE, member=member, reason=why_left) for member in self.members.values()]
        self.members.clear()
        self.status = "completed"
        self.reason_ended = why_ended
        self.ended_by = by.sid if by is not None else ""
        return [*events, Event(what=Happened.END, member=by, reason=why_ended)]

    def change(
        self,
        sid: CallSid,
        *,
        muted: bool | None = None,
        hold: bool | None = None,
        coach: str | None = None,
        end_on_exit: bool | None = None,
        beep_on_exit: bool | None = None,
    ) -> list[Event]:
        """None leaves a thing as it is. `participant-modify` tells of what has no event of its own."""
        member = self.members.get(sid)
        if member is None:
            return []
        events = []
        if muted is not None and muted != member.muted:
            member.muted = muted
            events.append(Event(what=Happened.MUTE if muted else Happened.UNMUTE, member=member))
        if hold is not None and hold != member.hold:
            member.hold = hold
            events.append(Event(what=Happened.HOLD if hold else Happened.UNHOLD, member=member))
        before = member.coach, member.end_on_exit, member.beep
        if coach is not None:
            member.coach = coach
        if end_on_exit is not None:
            member.end_on_exit = end_on_exit
        if beep_on_exit is not None:
            member.beep = _BEEPS[member.beeps_on_enter, beep_on_exit]
        if before != (member.coach, member.end_on_exit, member.beep):
            events.append(Event(what=Happened.MODIFY, member=member))
        return events

    def routes(self) -> frozenset[Route]:
        return who_hears_whom(self.slot, self.members.values()) if self.is_on else frozenset()


def who_hears_whom(room: Slot, members: Iterable[Member]) -> frozenset[Route]:
    """Each member hears the room's sum less its own voice. A coach is heard by one member only; who is on hold by nobody."""
    here = {member.sid: member for member in members}
    routes: set[Route] = set()
    for member in here.values():
        if member.hold:
            continue
        routes.add(Route(source=room, target=member.slot))
        if member.muted:
            continue
        if not member.coach:
            routes.add(Route(source=member.slot, target=room))
            routes.add(Route(source=member.slot, target=member.slot, gain=-1.0))
            continue
        coached = here.get(CallSid(member.coach))
        if coached is not None and not coached.hold:
            routes.add(Route(source=member.slot, target=coached.slot))
    return frozenset(routes)
