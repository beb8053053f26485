"""What goes on at this moment, as frozen data: a picture that can be compared with the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gateway.calls.call import Call
from gateway.calls.room import Room
from gateway.config import Config
from gateway.ids import CallSid

SHOWN = 100
"""Calls, and places in a queue, that one page shows."""


class Booked(Protocol):
    """A created call that has not left."""

    @property
    def sid(self) -> CallSid: ...
    @property
    def account_sid(self) -> str: ...
    @property
    def to(self) -> str: ...
    @property
    def from_(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...


class Bound(Protocol):
    """A registered telephone. `expires_at` in seconds since 1970."""

    @property
    def contact(self) -> str: ...
    @property
    def transport(self) -> str: ...
    @property
    def remote(self) -> tuple[str, int]: ...
    @property
    def user_agent(self) -> str: ...
    @property
    def expires_at(self) -> float: ...


class Numbered(Protocol):
    """A telephone number of an account's own."""

    @property
    def number(self) -> str: ...
    @property
    def voice_url(self) -> str: ...
    @property
    def voice_method(self) -> str: ...
    @property
    def voice_fallback_url(self) -> str: ...
    @property
    def application_sid(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiter:
    """Somebody in a waiting line."""

    sid: str
    who: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A waiting line with its first places."""

    sid: str
    account_sid: str
    name: str
    size: int
    waiting: tuple[Waiter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """A call that has not ended. `since`: its answer, else its beginning."""

    sid: str
    parent: str
    from_: str
    to: str
    direction: str
    status: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    sid: str
    who: str
    marks: tuple[str, ...]
    """muted, on hold, coaching …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomView:
    sid: str
    name: str
    status: str
    since: datetime
    members: tuple[MemberView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneView:
    """A user and its telephones: (contact, by which way, what it is, until when)."""

    username: str
    telephones: tuple[tuple[str, str, str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkView:
    """`state`: up, down, asking or unwatched."""

    name: str
    host: str
    state: str
    registers: bool
    prefixes: tuple[str, ...]
    allow: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All of it for one account. `calls` in families: each child below its parent."""

    calls: tuple[CallView, ...]
    call_count: int
    booked: tuple[CallView, ...]
    booked_count: int
    rooms: tuple[RoomView, ...]
    lines: tuple[Line, ...]
    phones: tuple[PhoneView, ...]
    trunks: tuple[TrunkView, ...]
    is_taking_calls: bool

    @property
    def registered(self) -> int:
        return sum(1 for phone in self.phones if phone.telephones)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Where the picture is taken: each a way to look, so that nothing here changes anything."""

    config: Config
    calls: Mapping[CallSid, Call]
    booked: Callable[[], Sequence[Booked]]
    rooms: Callable[[], Iterable[Room]]
    lines: Callable[[], Iterable[Line]]
    telephones: Callable[[str], Sequence[Bound]]
    trunks: Callable[[], Mapping[str, bool]]
    numbers: Callable[[str], Sequence[Numbered]]
    is_taking_calls: Callable[[], bool] = field(default=lambda: True)

    def picture(self, account: str) -> Picture:
        """What *account* may see; phones and trunks are the owner's."""
        own = [call for call in self.calls.values() if call.account_sid == account]
        booked = [one for one in self.booked() if one.account_sid == account]
        is_owner = account == self.config.account.sid
        return Picture(
            calls=tuple(_view(call) for call in families(own)[:SHOWN]),
            call_count=len(own),
            booked=tuple(_booked(one) for one in booked[:SHOWN]),
            booked_count=len(booked),
            rooms=tuple(self._room(room) for room in self.rooms() if room.account_sid == account and room.members),
            lines=tuple(line for line in self.lines() if line.account_sid == account and line.size),
            phones=self._phones() if is_owner else (),
            trunks=self._trunks() if is_owner else (),
            is_taking_calls=self.is_taking_calls(),
        )

    def family(self, sid: str) -> list[Call]:
        """The live calls that belong together with this one."""
        one = self.calls.get(CallSid(sid))
        top = one.parent.sid if one is not None and one.parent is not None else sid
        return [c for c in self.calls.values() if c.sid == top or (c.parent is not None and c.parent.sid == top)]

    def _room(self, room: Room) -> RoomView:
        members = []
        for member in room.members.values():
            call = self.calls.get(member.sid)
            marks = (("muted", member.muted), ("on hold", member.hold), ("coaches", bool(member.coach)))
            members.append(
                MemberView(
                    sid=member.sid,
                    who=member.label or (far_end(call) if call is not None else member.sid),
                    marks=tuple(name for name, is_so in marks if is_so),
                )
            )
        return RoomView(sid=room.sid, name=room.name, status=room.status, since=room.created_at, members=tuple(members))

    def _phones(self) -> tuple[PhoneView, ...]:
        return tuple(
            PhoneView(
                username=phone.username,
                telephones=tuple(
                    (b.contact, f"{b.transport} {b.remote[0]}:{b.remote[1]}", b.user_agent, b.expires_at)
                    for b in self.telephones(phone.username)
                ),
            )
            for phone in self.config.phones
        )

    def _trunks(self) -> tuple[TrunkView, ...]:
        up = self.trunks()
        found = []
        for trunk in self.config.trunks:
            is_watched = trunk.register_ or bool(trunk.keep_alive_s)
            state = "unwatched" if not is_watched else "asking" if trunk.name not in up else "down"
            found.append(
                TrunkView(
                    name=trunk.name,
                    host=trunk.host,
                    state="up" if up.get(trunk.name) else state,
                    registers=trunk.register_,
                    prefixes=tuple(route.prefix for route in self.config.routes if route.trunk == trunk.name),
                    allow=tuple(trunk.allow),
                )
            )
        return tuple(found)


def far_end(call: Call) -> str:
    """The party at the other end of a call's leg."""
    return call.from_ if call.direction == "inbound" else call.to


def families(calls: Sequence[Call]) -> list[Call]:
    """The newest first, each with its children, the oldest first, below it."""
    children: dict[str, list[Call]] = {}
    there = {call.sid for call in calls}
    tops = []
    for call in calls:
        if call.parent is not None and call.parent.sid in there:
            children.setdefault(call.parent.sid, []).append(call)
        else:
            tops.append(call)
    tops.sort(key=lambda call: call.created_at, reverse=True)
    return [one for top in tops for one in (top, *children.get(top.sid, ()))]


def _view(call: Call) -> CallView:
    return CallView(
        sid=call.sid,
        parent=call.parent.sid if call.parent is not None else "",
        from_=call.from_,
        to=call.to,
        direction=call.direction,
        status=call.status.value,
        since=call.answered_at or call.started_at or call.created_at,
    )


def _booked(one: Booked) -> CallView:
    return CallView(
        sid=one.sid,
        parent="",
        from_=one.from_,
        to=one.to,
        direction="outbound-api",
        status="queued",
        since=one.created_at,
    )
