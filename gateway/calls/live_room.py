"""A room that goes on: a row of the engine, its routes, its tape, what its members hear, and what the application is told."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import Protocol

import structlog

from gateway.calls.bridging import one_way, playing, routed
from gateway.calls.call import Call, utc_now
from gateway.calls.conference_callbacks import conference_params, is_wanted, recorded_params
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.lull import Lull
from gateway.calls.recordings import Taping
from gateway.calls.ringback import ring_tone
from gateway.calls.room import Change, Event, Happened, Member, Participant, Room, Wait
from gateway.ids import CallSid
from gateway.twiml.control import ConferencePlan, StatusCallback
from media import events as told
from media.commands import Buffer, Close, Play, Route, SetRoutes, Tap, Tone, Watch
from media.streams import RATE_HZ, Slot
from media.tones import JOINED, LEFT

log = structlog.get_logger(__name__)


BUFFERS_MS = {"large": 60, "medium": 40, "small": 20, "off": 0}
"""`jitterBufferSize`: how late a member is heard at least. In a bridge of two it is as little as the network allows."""


WORDS_ONLY = frozenset({Happened.SPEECH_START, Happened.SPEECH_STOP, Happened.ANNOUNCED, Happened.NOT_ANNOUNCED})
"""What is told, and changes nothing: in a crowd there are many of them."""


class RoomLedger(Protocol):
    """Where rooms are kept and told of."""

    def room_changed(self, room: Room) -> None: ...

    def tell(self, queue: str, callback: StatusCallback, params: list[tuple[str, str]]) -> None: ...


class LiveRoom:
    """The first participant's plan settles callbacks and recording, whether it is in the room or only dialled."""

    def __init__(self, room: Room, exchange: Exchange, ledger: RoomLedger, withdraw: Callable[[CallSid], None]) -> None:
        """*withdraw*: end the call of one who was dialled and is not wanted any more."""
        self.room = room
        self.is_closed = False
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the room has ended."""

        self._exchange = exchange
        self._engine = exchange.engine
        self._ledger = ledger
        self._withdraw = withdraw
        self._callback: StatusCallback | None = None
        self._plans: dict[CallSid, tuple[Call, ConferencePlan]] = {}
        self._taping: Taping | None = None
        self._has_had_members = False
        self._sequence = 0
        self._routes: frozenset[Route] = frozenset()
        self._lulls: dict[CallSid, Lull] = {}
        self._voices: dict[CallSid, bool] = {}
        """Whose voice is listened for, and whether it is heard."""

        self._early: dict[CallSid, Slot | None] = {}
        """Whose ringing is heard, and from where."""

        self._undo: defaultdict[CallSid, list[Callable[[], None]]] = defaultdict(list)
        """What is to be done when a member goes."""

        self._turns: dict[CallSid | None, asyncio.Lock] = {}
        self.ends: dict[CallSid, asyncio.Future[str]] = {}
        """Set with the reason when a member is to leave."""

    # -- who comes and goes -----------------------------------------------------------------------------------------

    def invite(self, participant: Participant, callback: StatusCallback | None) -> None:
        """Somebody is dialled for this room."""
        if self._callback is None and not self.room.participants():
            self._callback = callback
        self.room.invited[participant.sid] = participant
        self._ledger.room_changed(self.room)

    def early(self, sid: CallSid, slot: Slot | None) -> None:
        """The telephone of one who is dialled rings: where that is wanted the room hears what it sends meanwhile, or (None) a ring tone."""
        participant = self.room.invited.get(sid)
        if participant is None or not participant.early_media or slot == self._early.get(sid, ()):
            return
        self._let_go(sid)
        self._early[sid] = slot
        way = playing(self._engine, self.room.slot, ring_tone(""))
        if slot is not None:
            way = routed(self._engine, one_way(slot, self.room.slot))
        held = ExitStack()
        held.enter_context(way)
        self._undo[sid].append(held.close)

    def answered(self, sid: CallSid) -> None:
        """What comes now is no early media, and the call is on its way."""
        self._let_go(sid)

    def missed(self, sid: CallSid, call_status: str) -> None:
        """The call of one who was dialled is over: it will not come."""
        self._let_go(sid)
        self._take(self.room.missed(sid, call_status))

    def join(self, live: LiveCall, plan: ConferencePlan, member: Member) -> asyncio.Future[str]:
        """Enter. The future is done when the room wants the member to leave."""
        if not self._has_had_members:
            self._has_had_members = True
            self._callback = self._callback or plan.callback
        self._plans[member.sid] = (live.call, plan)
        over = self.ends[member.sid] = asyncio.get_running_loop().create_future()
        self._lulls[member.sid] = Lull(self._exchange, live, lambda: self._no_music(member))
        if self._callback is not None and "speaker" in self._callback.events:
            self._listen(member)
        self._delay(member, BUFFERS_MS[plan.jitter_buffer])
        events = self.room.join(member)
        self._take(events)
        if any(event.what is Happened.START for event in events):
            self._take(event for one in tuple(self.room.members.values()) for event in self._still_speaks(one))
        if self.room.is_on:
            self._record()
            if member.beeps_on_enter:
                self._play(JOINED)
        return over

    def leave(self, member: Member, reason: str = "participant_hung_up", *, call_status: str = "in-progress") -> None:
        """Whatever the reason; a second time does nothing."""
        self.ends.pop(member.sid, None)
        self._let_go(member.sid)
        events = self.room.leave(member.sid, reason, call_status=call_status)
        if events and self.room.is_on and member.beeps_on_exit:
            self._play(LEFT)
        self._take(events)

    def kick(self, sid: CallSid) -> bool:
        """Out of the room, or not let in. False: nobody like that."""
        if sid in self.room.invited:
            self.missed(sid, "canceled")
            self._withdraw(sid)
            return True
        member = self.room.members.get(sid)
        if member is None:
            return False
        over = self.ends.pop(sid, None)
        self._let_go(sid)
        events = self.room.leave(sid, "participant_updated_via_api", kicked=True)
        if self.room.is_on and member.beeps_on_exit:
            self._play(LEFT)
        self._take(events)
        if over is not None and not over.done():
            over.set_result("kicked")
        return True

    def change(self, sid: CallSid, change: Change) -> bool:
        """False: nobody like that."""
        one: Participant | None = self.room.members.get(sid) or self.room.invited.get(sid)
        if one is None:
            return False
        events = self.room.change(sid, change)
        one.updated_at = utc_now()
        if isinstance(one, Member):
            events += self._still_speaks(one)
        self._take(events)
        self._entertain()
        return True

    def turn(self, member: Member | None) -> asyncio.Lock:
        """Held by who makes an announcement, to the room or to one member."""
        return self._turns.setdefault(member.sid if member is not None else None, asyncio.Lock())

    def announced(self, url: str, member: Member | None, fault: str) -> None:
        """An announcement to the room or to one member is over."""
        what = Happened.NOT_ANNOUNCED if fault else Happened.ANNOUNCED
        if not self.room.is_over:
            here = member if member is not None and member.sid in self.room.members else None
            self._take([Event(what=what, member=here, reason=fault, url=url)])

    def end(self) -> None:
        self._take(self.room.end())

    # -- what is heard ----------------------------------------------------------------------------------------------

    def _entertain(self) -> None:
        """Who is on hold hears that music, who waits for the start the other, and nobody else any."""
        for sid, lull in self._lulls.items():
            member = self.room.members.get(sid)
            if member is None:
                lull.end()
            elif member.hold:
                lull.hear(member.holding)
            else:
                lull.hear(None if self.room.is_on else member.waiting)

    def _no_music(self, member: Member) -> None:
        """A document could not be had: on hold the house's music does, before the start the member leaves (it may come again)."""
        if member.hold:
            member.holding = Wait()
            self._entertain()
        elif (over := self.ends.get(member.sid)) is not None and not over.done():
            over.set_result("waitUrl")

    def _listen(self, member: Member) -> None:
        """Hear when a member speaks."""

        def heard(event: told.Event) -> None:
            if isinstance(event, told.Speech) and member.sid in self.room.members:
                self._voices[member.sid] = event.speaking
                self._take(self.room.heard(member, speaking=event.speaking))

        self._voices[member.sid] = False
        unlisten = self._engine.listen(member.slot, heard)
        self._engine.send(Watch(slot=member.slot))

        self._undo[member.sid] += [unlisten, lambda: self._engine.send(Watch(slot=member.slot, on=False))]

    def _delay(self, member: Member, ms: int) -> None:
        """`jitterBufferSize`, for as long as it is here."""
        self._engine.send(Buffer(slot=member.slot, ms=ms))
        self._undo[member.sid].append(lambda: self._engine.send(Buffer(slot=member.slot)))

    def _still_speaks(self, member: Member) -> list[Event]:
        """Of one who spoke before it was listened to."""
        return self.room.heard(member, speaking=True) if self._voices.get(member.sid) else []

    def _let_go(self, sid: CallSid) -> None:
        """Nothing of ours is played to a member, or heard from it, any more."""
        lull = self._lulls.pop(sid, None)
        if lull is not None:
            lull.end()
        self._plans.pop(sid, None)
        self._voices.pop(sid, None)
        self._turns.pop(sid, None)
        self._early.pop(sid, None)
        for undo in self._undo.pop(sid, ()):
            undo()

    def _play(self, what: Tone) -> None:
        self._engine.send(Play(playing=self._engine.number(), target=self.room.slot, source=what))

    def _reroute(self) -> None:
        routes = self.room.routes()
        if routes != self._routes:
            gone, new = self._routes - routes, routes - self._routes
            self._engine.send(SetRoutes(remove=tuple(gone), add=tuple(new)))
            self._routes = routes

    # -- what is told and kept --------------------------------------------------------------------------------------

    def _take(self, events: Iterable[Event]) -> None:
        """Do what events ask for: routes, the tape, music, callbacks."""
        events = list(events)
        for event in events:
            log.info("conference", conference_sid=self.room.sid, what=event.what.value, reason=event.reason)
            if self._callback is not None and self._callback.url and is_wanted(self._callback, event):
                self._sequence += 1
                params = conference_params(self.room, event, self._sequence, utc_now())
                self._ledger.tell(self.room.sid, self._callback, params)
        if any(event.what not in WORDS_ONLY for event in events):
            self._ledger.room_changed(self.room)
            self._reroute()
            self._entertain()
        if self.room.is_over and not self.over.done():
            self._finish()

    def _record(self) -> None:
        """The whole room, from the moment when the first two are bridged, or when one comes who wants it recorded."""
        if self._taping is not None:
            return
        for sid in self.room.members:
            call, plan = self._plans[sid]
            if plan.recording is not None:
                taps = (Tap(slot=self.room.slot),)
                self._taping = self._exchange.recordings.start(call, plan.recording, taps, conference_sid=self.room.sid)
                if plan.event_callback and plan.recording.callback is None:
                    self._taping.ended.add_done_callback(partial(self._recorded, self._taping, plan))
                return

    def _recorded(self, taping: Taping, plan: ConferencePlan, ended: asyncio.Future[told.TapeEnded]) -> None:
        """`eventCallbackUrl` hears of the room's recording in the old way."""
        path = taping.recording.path
        self._sequence += 1
        params = recorded_params(
            self.room,
            url=taping.url,
            duration_s=int(ended.result().samples / RATE_HZ + 0.5),
            octets=path.stat().st_size if path.exists() else 0,
            sequence=self._sequence,
            at=utc_now(),
        )
        self._ledger.tell(self.room.sid, StatusCallback(url=plan.event_callback), params)

    def _finish(self) -> None:
        self.over.set_result(None)
        if self._taping is not None:
            self._taping.stop()
            self._taping = None
        for over in self.ends.values():
            if not over.done():
                over.set_result("ended")
        self.ends.clear()
        for sid in tuple(self._lulls):
            self._let_go(sid)
        for sid in tuple(self.room.invited):
            del self.room.invited[sid]
            self._withdraw(sid)

    def close(self) -> None:
        """Give the row back."""
        self.is_closed = True
        self._engine.send(Close(slot=self.room.slot))
