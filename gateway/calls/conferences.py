"""The rooms that go on, by account and name, and the calls that are dialled for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.calls.call import Call, Happening, utc_now
from gateway.calls.exchange import Exchange
from gateway.calls.live_room import LiveRoom, RoomLedger
from gateway.calls.room import Participant, Room
from gateway.ids import AccountSid, CallSid, ConferenceSid, new_conference_sid
from gateway.twiml.control import StatusCallback
from media.streams import Slot

_STATUSES = {Happening.INITIATED: "connecting", Happening.RINGING: "ringing", Happening.ANSWERED: "connected"}
"""A participant's, until it is in its room."""


class Rooms:
    """Owns the rooms. A name whose room has ended gets another room, with another SID."""

    def __init__(self, exchange: Exchange, ledger: RoomLedger) -> None:
        self._exchange = exchange
        self._ledger = ledger
        self._live: dict[tuple[AccountSid, str], LiveRoom] = {}
        self._invited: dict[CallSid, LiveRoom] = {}
        self._opening = asyncio.Lock()
        self.withdraw: Callable[[CallSid], None] = lambda sid: None
        """Ends the call of one who was dialled and is not wanted any more."""

    async def get(self, account: AccountSid, name: str, sid: ConferenceSid | None = None) -> LiveRoom:
        """The room of that name, made (as *sid*) if there is none. Nothing may be awaited between this and `join`, `invite` or
        `forget_empty`. Raises `MediaError`."""
        async with self._opening:
            found = self.named(account, name)
            if found is not None:
                return found
            sid = sid or new_conference_sid()
            opened = await self._exchange.engine.open_room(sid)
            room = Room(sid=sid, account_sid=account, name=name, slot=opened.slot, created_at=utc_now())
            live = LiveRoom(room, self._exchange, self._ledger, self._withdraw)
            self._live[account, name] = live
            return live

    def all(self) -> list[Room]:
        """Every room that somebody is in."""
        return [live.room for live in self._live.values()]

    def named(self, account: AccountSid, name: str) -> LiveRoom | None:
        found = self._live.get((account, name))
        return found if found is not None and not found.room.is_over else None

    def find(self, sid: ConferenceSid) -> LiveRoom | None:
        return next((live for live in self._live.values() if live.room.sid == sid), None)

    async def invite(
        self,
        account: AccountSid,
        name: str,
        sid: ConferenceSid,
        participant: Participant,
        callback: StatusCallback | None,
    ) -> ConferenceSid:
        """Somebody is dialled for the room of that name; *sid* is for one that has to be made. Raises `MediaError`."""
        live = await self.get(account, name, sid)
        live.invite(participant, callback)
        self._invited[participant.sid] = live
        return live.room.sid

    def call_changed(self, call: Call, what: Happening) -> None:
        """A call goes on: one that was dialled for a room shows it there; one that ends without having come is told there."""
        live = self._invited.get(call.sid)
        if live is None:
            return
        participant = live.room.invited.get(call.sid)
        if call.status.is_final:
            self.missed(call.sid, call.status.value)
        elif participant is not None and what in _STATUSES:
            participant.status = _STATUSES[what]
            participant.queue_time_ms = call.queue_time_ms
            participant.updated_at = utc_now()
            if what is Happening.ANSWERED:
                live.answered(call.sid)

    def early(self, sid: CallSid, slot: Slot | None) -> None:
        """A telephone that is dialled rings; *slot*: with media of its own."""
        live = self._invited.get(sid)
        if live is not None:
            live.early(sid, slot)

    def missed(self, sid: CallSid, call_status: str) -> None:
        """One who was dialled will not come (any more)."""
        live = self._invited.pop(sid, None)
        if live is not None:
            live.missed(sid, call_status)
            self.forget_empty(live)

    def _withdraw(self, sid: CallSid) -> None:
        self._invited.pop(sid, None)
        self.withdraw(sid)

    def forget_empty(self, live: LiveRoom) -> None:
        """Close a room that nobody is in, nor on the way to."""
        key = (live.room.account_sid, live.room.name)
        if not live.room.members and not live.room.invited and not live.is_closed:
            if self._live.get(key) is live:
                del self._live[key]
            live.close()
