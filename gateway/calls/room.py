"""A named room as data: who is in it or on the way, when it begins and ends, who hears whom (no asyncio, no engine)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
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
    SPEECH_START = "participant-speech-start"
    SPEECH_STOP = "participant-speech-stop"
    ANNOUNCED = "announcement-end"
    NOT_ANNOUNCED = "announcement-fail"


_BEEPS = {(True, True): "true", (True, False): "onEnter", (False, True): "onExit", (False, False): "false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What somebody hears who waits or is on hold. `url` None: the house's music; `""`: silence."""

    url: str | None = None
    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the REST API may ask of a participant; None leaves a thing as it is."""

    muted: bool | None = None
    hold: bool | None = None
    holding: Wait | None = None
    waiting: Wait | None = None
    coach: str | None = None
    end_on_exit: bool | None = None
    beep_on_exit: bool | None = None


@dataclass(eq=False, slots=True, kw_only=True)
class Participant:
    """Somebody who was dialled into a room, and on what terms."""

    sid: CallSid
    joined_at: datetime
    updated_at: datetime
    muted: bool = False
    hold: bool = False
    holding: Wait = field(default_factory=Wait)
    waiting: Wait = field(default_factory=Wait)
    coach: str = ""
    """CallSid of the only member who hears this one."""

    start_on_enter: bool = True
    end_on_exit: bool = False
    label: str = ""
    beep: str = "true"
    early_media: bool = True
    """Whether the room hears its telephone before it answers."""

    status: str = "connected"
    """queued, connecting, ringing or connected."""

    queue_time_ms: int = 0
    changes: list[Change] = field(default_factory=list)
    """Of one who is not in the room yet: made when it comes."""

    @property
    def beeps_on_enter(self) -> bool:
        return self.beep in ("true", "onEnter")

    @property
    def beeps_on_exit(self) -> bool:
        return self.beep in ("true", "onExit")

    def take(self, change: Change) -> list[Happened]:
        """Make a change; what of it is told. `participant-modify` is for what has no event of its own."""
        told = []
        if change.muted is not None and change.muted != self.muted:
            self.muted = change.muted
            told.append(Happened.MUTE if self.muted else Happened.UNMUTE)
        if change.holding is not None:
            self.holding = change.holding
        if change.hold is not None and change.hold != self.hold:
            self.hold = change.hold
            told.append(Happened.HOLD if self.hold else Happened.UNHOLD)
        before = self.coach, self.end_on_exit, self.beep, self.waiting
        if change.coach is not None:
            self.coach = change.coach
        if change.end_on_exit is not None:
            self.end_on_exit = change.end_on_exit
        if change.beep_on_exit is not None:
            self.beep = _BEEPS[self.beeps_on_enter, change.beep_on_exit]
        if change.waiting is not None:
            self.waiting = change.waiting
        if before != (self.coach, self.end_on_exit, self.beep, self.waiting):
            told.append(Happened.MODIFY)
        return told


@dataclass(eq=False, slots=True, kw_only=True)
class Member(Participant):
    """A call in a room."""

    slot: Slot
    is_speaking: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something to be told. `reason`: ReasonParticipantLeft, ReasonConferenceEnded or ReasonAnnouncementFailed; `member` of an end
    is who ended it."""

    what: Happened
    member: Participant | None = None
    reason: str = ""
    call_status: str = ""
    """ParticipantCallStatus of one who left."""

    url: str = ""
    """AnnounceUrl."""


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
    invited: dict[CallSid, Participant] = field(default_factory=dict)
    """Whom the REST API dials."""

    reason_ended: str = ""
    ended_by: str = ""

    @property
    def is_on(self) -> bool:
        return self.status == "in-progress"

    @property
    def is_over(self) -> bool:
        return self.status == "completed"

    def participants(self) -> list[Participant]:
        """Who is here or on the way, as they came."""
        return sorted((*self.members.values(), *self.invited.values()), key=lambda one: one.joined_at)

    def has_label(self, label: str, *, besides: CallSid) -> bool:
        return any(one.label == label and one.sid != besides for one in self.participants())

    def join(self, member: Member) -> list[Event]:
        invited = self.invited.pop(member.sid, None)
        if invited is not None:
            member.queue_time_ms = invited.queue_time_ms
            for change in invited.changes:
                member.take(change)
        self.members[member.sid] = member
        events = [Event(what=Happened.JOIN, member=member)]
        if self.status == "init" and len(self.members) > 1 and any(m.start_on_enter for m in self.members.values()):
            self.status = "in-progress"
            events.append(Event(what=Happened.START))
        return events

    def leave(
        self,
        sid: CallSid,
        reason: str = "participant_hung_up",
        *,
        kicked: bool = False,
        call_status: str = "in-progress",
    ) -> list[Event]:
        """One member goes; the room ends with it when it was the last, or one with `endConferenceOnExit`."""
        member = self.members.pop(sid, None)
        if member is None:
            return []
        events = self.heard(member, speaking=False)
        events.append(Event(what=Happened.LEAVE, member=member, reason=reason, call_status=call_status))
        how = "kicked" if kicked else "left"
        if member.end_on_exit:
            ended = f"participant-with-end-conference-on-exit-{how}"
            return events + self._end("moderator_ended_conference", ended, member)
        if not self.members and not self.invited:
            return events + self._end("", f"last-participant-{how}", member)
        return events

    def missed(self, sid: CallSid, call_status: str) -> list[Event]:
        """One whom the API dialled will not come."""
        invited = self.invited.pop(sid, None)
        if invited is None:
            return []
        events = [Event(what=Happened.LEAVE, member=invited, reason="participant_add_failed", call_status=call_status)]
        if not self.members and not self.invited:
            return events + self._end("", "last-participant-left", invited)
        return events

    def end(self) -> list[Event]:
        """The API ends it."""
        return self._end("conference_ended_via_api", "conference-ended-via-api", None)

    def _end(self, why_left: str, why_ended: str, by: Participant | None) -> list[Event]:
        if self.is_over:
            return []
        events = [
            Event(what=Happened.LEAVE, member=member, reason=why_left, call_status="in-progress")
            for member in self.members.values()
        ]
        self.members.clear()
        self.status = "completed"
        self.reason_ended = why_ended
        self.ended_by = by.sid if by is not None else ""
        return [*events, Event(what=Happened.END, member=by, reason=why_ended)]

    def change(self, sid: CallSid, change: Change) -> list[Event]:
        invited = self.invited.get(sid)
        if invited is not None:
            invited.take(change)
            invited.changes.append(change)
        member = self.members.get(sid)
        if member is None:
            return []
        events = [Event(what=what, member=member) for what in member.take(change)]
        return events + (self.heard(member, speaking=False) if member.muted or member.hold else [])

    def heard(self, member: Member, *, speaking: bool) -> list[Event]:
        """A member began to speak or ceased to. Nobody speaks who is not listened to."""
        speaking = speaking and self.is_on and not (member.muted or member.hold)
        if speaking == member.is_speaking:
            return []
        member.is_speaking = speaking
        return [Event(what=Happened.SPEECH_START if speaking else Happened.SPEECH_STOP, member=member)]

    def routes(self) -> frozenset[Route]:
        if self.is_on:
            return who_hears_whom(self.slot, self.members.values())
        # before the start they hear what is announced, and nobody hears them
        return who_hears_whom(self.slot, [replace(member, muted=True) for member in self.members.values()])


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
        if coached is not None and coached is not member and not coached.hold:
            routes.add(Route(source=member.slot, target=coached.slot))
    return frozenset(routes)
