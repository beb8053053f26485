"""One party of a `<Dial>`: a child call whose telephones ring until one answers, with its digits and its whisper."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from gateway.calls.call import Call, Happening
from gateway.calls.ending import CallFailed, Ending, worst
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.leg import Leg
from gateway.calls.ringback import Ringback
from gateway.twiml.control import DialPlan, DialTarget

log = structlog.get_logger(__name__)

TIMEOUT_BUFFER_S = 5.0
"""Twilio adds it to every `timeout` (twiml.md section 6)."""


class Child:
    """A target of a `<Dial>` as a call of its own. `connect()` once, then `drop()` in any state."""

    def __init__(self, exchange: Exchange, parent: LiveCall, target: DialTarget, plan: DialPlan) -> None:
        self._exchange = exchange
        self._parent = parent
        self._target = target
        self._plan = plan
        self._legs: list[Leg] = []
        self.call: Call = exchange.child_of(parent.call, target, plan)
        self.ending = Ending(what=Happening.CANCELED)
        self.live: LiveCall | None = None
        """Once answered."""

    @property
    def leg(self) -> Leg:
        """The telephone that answered."""
        if self.live is None:
            raise RuntimeError("no leg of this child has answered")
        return self.live.leg

    async def connect(self, ringback: Ringback) -> bool:
        """Ring, wait for the answer, send digits, whisper. False: this party is out, and `ending` says how. Cancellation hangs up."""
        self.call.happened(Happening.INITIATED)
        try:
            async with asyncio.timeout(self._plan.timeout_s + TIMEOUT_BUFFER_S):
                leg = await self._ring(ringback)
        except TimeoutError:
            return self._out(Ending(what=Happening.NO_ANSWER, sip_code=487, reason="timeout"))
        except CallFailed as failed:
            if failed.notification:
                self._exchange.notify(self.call, failed.notification, str(failed))
            return self._out(failed.ending)
        self.live = LiveCall(call=self.call, leg=leg)
        self.ending = Ending(what=Happening.COMPLETED, sip_code=200, headers=leg.peer_headers)
        self.call.sip_call_id = leg.call_id
        self.call.happened(Happening.ANSWERED)
        self._exchange.adopt(self.live)
        if self._target.send_digits:
            await leg.send_digits(self._target.send_digits)
        if self._target.whisper is not None and not await self._exchange.whisper(self.live, self._target.whisper):
            return self._out(Ending(what=Happening.NO_ANSWER, sip_code=200, reason="declined in whisper"))
        return not leg.ended.done()

    async def _ring(self, ringback: Ringback) -> Leg:
        """All telephones of this party at once; the first that answers. Raises `CallFailed` when none is left."""
        destinations = self._exchange.destinations.of(self._target, self.call)
        for destination in destinations:
            leg = await self._exchange.telephones.place(destination)
            leg.on_progress = partial(self._progress, leg, ringback)
            self._legs.append(leg)
            self.call.sip_call_id = self.call.sip_call_id or leg.call_id
        waiting = set(self._legs)
        while waiting:
            await asyncio.wait([leg.answered for leg in waiting], return_when=asyncio.FIRST_COMPLETED)
            for leg in [leg for leg in waiting if leg.answered.done()]:
                waiting.discard(leg)
                if leg.answered.result():
                    self._leave_but(leg)
                    return leg
        endings = [leg.ended.result() for leg in self._legs]
        what = worst([ending.what for ending in endings])
        ending = next(ending for ending in endings if ending.what is what)
        raise CallFailed(what, ending.reason, sip_code=ending.sip_code, headers=ending.headers)

    def _progress(self, leg: Leg, ringback: Ringback, early_media: bool) -> None:
        self.call.happened(Happening.RINGING)
        if early_media:
            ringback.early(leg)
        else:
            ringback.ringing()

    def _leave_but(self, answered: Leg | None) -> None:
        for leg in self._legs:
            if leg is not answered:
                leg.hang_up("answered elsewhere" if answered else "")

    def _out(self, ending: Ending) -> bool:
        self.ending = ending
        self.drop()
        return False

    @property
    def is_taken(self) -> bool:
        """Whether an update took this call over: it is nobody's child any more."""
        return self.live is not None and self.live.taken.is_set()

    async def taken(self) -> None:
        """Wait until an update takes this call over."""
        if self.live is not None:
            await self.live.taken.wait()

    def drop(self) -> None:
        """End whatever still rings or talks, unless an update has taken the call over."""
        if self.is_taken:
            return
        self._leave_but(None)
        self.call.sip_response_code = self.ending.sip_code
        self.call.happened(self.ending.what)
