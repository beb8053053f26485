"""The named rooms: each with a row of the engine, its routes, its tape, its callbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

import structlog

from gateway.calls.call import Call, utc_now
from gateway.calls.conference_callbacks import conference_params, is_wanted
from gateway.calls.recordings import Recordings, Taping
from gateway.calls.room import Event, Happened, Member, Room
from gateway.ids import AccountSid, CallSid, ConferenceSid, new_conference_sid
from gateway.twiml.control import ConferencePlan, StatusCallback
from media.client import EngineClient
from media.commands import Close, Play, Route, SetRoutes, Stop, Tap, Tone
from media.tones import JOINED, LEFT, tone

log = structlog.get_logger(__name__)

HOLD_MUSIC: Tone = tone(
    ((261.6, 329.6, 392.0), 2400, 200),
    ((220.0, 261.6, 329.6), 2400, 200),
    ((174.6, 220.0, 261.6), 2400, 200),
    ((196.0, 246.9, 293.7), 2400, 1200),
    level_dbm0=-30.0,
)
"""The house's: four calm chords (C, a, F, G), made here."""


class RoomLedger(Protocol):
    """Where rooms are kept and told of."""

    def room_changed(self, room: Room) -> None: ...

    def tell(self, queue: str, callback: StatusCallback, params: list[tuple[str, str]]) -> None: ...


class LiveRoom:
    """A room of the engine. The first member's plan settles callbacks and recording."""

    def __init__(self, room: Room, engine: EngineClient, ledger: RoomLedger, recordings: Recordings) -> None:
        self.room = room
        self.started = asyncio.Event()
        self.is_closed = False
        self._music: dict[CallSid, int] = {}
        self._engine = engine
        self._ledger = ledger
        self._recordings = recordings
        self._callback: StatusCallback | None = None
        self._first: tuple[Call, ConferencePlan] | None = None
        self._taping: Taping | None = None
        self._sequence = 0
        self._routes: frozenset[Route] = frozenset()
        self.ends: dict[CallSid, asyncio.Future[str]] = {}
        """Set with the reason when a member is to leave."""

    def join(self, call: Call, plan: ConferencePlan, member: Member) -> asyncio.Future[str]:
        """Enter. The future is done when the room wants the member to leave."""
        if self._first is None:
            self._first = (call, plan)
            self._callback = plan.callback
        over = self.ends[member.sid] = asyncio.get_running_loop().create_future()
        if self.room.is_on and member.beeps_on_enter:
            self._play(JOINED)
        self._take(self.room.join(member))
        return over

    def leave(self, member: Member, reason: str = "participant_hung_up") -> None:
        """Whatever the reason; a second time does nothing."""
        self.ends.pop(member.sid, None)
        events = self.room.leave(member.sid, reason)
        if events and self.room.is_on and member.beeps_on_exit:
            self._play(LEFT)
        self._take(events)

    def change(
        self,
        sid: CallSid,
        *,
        muted: bool | None = None,
        hold: bool | None = None,
        coach: str | None = None,
        end_on_exit: bool | None = None,
        beep_on_exit: bool | None = None,
    ) -> None:
        """None leaves a thing as it is."""
        events = self.room.change(
            sid, muted=muted, hold=hold, coach=coach, end_on_exit=end_on_exit, beep_on_exit=beep_on_exit
        )
        for event in events:
            if event.member is not None:
                event.member.updated_at = utc_now()
        self._take(events)

    def _entertain(self) -> None:
        """Music for who is on hold, and for nobody else."""
        on_hold = {member.sid: member.slot for member in self.room.members.values() if member.hold}
        for sid in self._music.keys() - on_hold.keys():
            self._engine.send(Stop(playing=self._music.pop(sid)))
        for sid in on_hold.keys() - self._music.keys():
            self._music[sid] = self._engine.number()
            self._engine.send(Play(playing=self._music[sid], target=on_hold[sid], source=HOLD_MUSIC))

    def kick(self, sid: CallSid) -> None:
        over = self.ends.get(sid)
        self._take(self.room.leave(sid, "participant_updated_via_api", kicked=True))
        if over is not None and not over.done():
            over.set_result("kicked")

    def end(self) -> None:
        self._take(self.room.end())

    def _take(self, events: Iterable[Event]) -> None:
        """Do what events ask for: routes, the tape, rows, callbacks."""
        events = list(events)
        for event in events:
            log.info("conference", conference_sid=self.room.sid, what=event.what.value, reason=event.reason)
            if event.what is Happened.START:
                self._start()
            if self._callback is not None and self._callback.url and is_wanted(self._callback, event):
                self._sequence += 1
                params = conference_params(self.room, event, self._sequence, utc_now())
                self._ledger.tell(self.room.sid, self._callback, params)
        self._entertain()
        if events:
            self._ledger.room_changed(self.room)
            self._reroute()
        if self.room.status == "completed":
            self._finish()

    def _start(self) -> None:
        self.started.set()
        if self._first is not None and self._first[1].recording is not None:
            call, plan = self._first
            if plan.recording is not None:
                taps = (Tap(slot=self.room.slot),)
                self._taping = self._recordings.start(call, plan.recording, taps, conference_sid=self.room.sid)

    def _reroute(self) -> None:
        routes = self.room.routes()
        if routes != self._routes:
            gone, new = self._routes - routes, routes - self._routes
            self._engine.send(SetRoutes(remove=tuple(gone), add=tuple(new)))
            self._routes = routes

    def _finish(self) -> None:
        if self._taping is not None:
            self._taping.stop()
            self._taping = None
        for over in self.ends.values():
            if not over.done():
                over.set_result("ended")
        self.ends.clear()

    def _play(self, what: Tone) -> None:
        self._engine.send(Play(playing=self._engine.number(), target=self.room.slot, source=what))

    def close(self) -> None:
        """Give the row back."""
        self.is_closed = True
        self._engine.send(Close(slot=self.room.slot))


class Rooms:
    """Owns the rooms that go on, by account and name."""

    def __init__(self, engine: EngineClient, ledger: RoomLedger, recordings: Recordings) -> None:
        self._engine = engine
        self._ledger = ledger
        self._recordings = recordings
        self._live: dict[tuple[AccountSid, str], LiveRoom] = {}
        self._opening = asyncio.Lock()

    async def get(self, account: AccountSid, name: str) -> LiveRoom:
        """The room of that name, made if there is none. Nothing may be awaited between this and `join` or `forget_empty`."""
        async with self._opening:
            found = self._live.get((account, name))
            if found is not None and found.room.status != "completed":
                return found
            sid = new_conference_sid()
            opened = await self._engine.open_room(sid)
            room = Room(sid=sid, account_sid=account, name=name, slot=opened.slot, created_at=utc_now())
            live = LiveRoom(room, self._engine, self._ledger, self._recordings)
            self._live[account, name] = live
            return live

    def find(self, sid: ConferenceSid) -> LiveRoom | None:
        return next((live for live in self._live.values() if live.room.sid == sid), None)

    def forget_empty(self, live: LiveRoom) -> None:
        """Close a room that nobody is in."""
        key = (live.room.account_sid, live.room.name)
        if not live.room.members and not live.is_closed:
            if self._live.get(key) is live:
                del self._live[key]
            live.close()
