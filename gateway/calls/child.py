"""One party of a `<Dial>`: a child call whose telephones ring until one answers, with its digits and its whisper."""

from __future__ import annotations

import asyncio

import structlog

from gateway.calls import detection
from gateway.calls.call import Call, Happening
from gateway.calls.ending import CallFailed, Ending
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.leg import Leg
from gateway.calls.ringback import Ringback
from gateway.calls.ringing import Ringing
from gateway.twiml.control import DialPlan, DialTarget, HungUp

log = structlog.get_logger(__name__)

TIMEOUT_BUFFER_S = 5.0
"""Twilio adds it to every `timeout` (twiml.md section 6)."""


class Child:
    """A target of a `<Dial>` as a call of its own. `connect()` once, then `drop()` in any state."""

    def __init__(self, exchange: Exchange, parent: LiveCall, target: DialTarget, plan: DialPlan) -> None:
        self._exchange = exchange
        self._target = target
        self._plan = plan
        self._ringback: Ringback | None = None
        self.call: Call = exchange.child_of(parent.call, target, plan)
        self._ringing = Ringing(exchange.telephones, self.call, self._progress)
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
        """Ring, wait for the answer, send digits, whisper. False: this party is out, and `ending` says how."""
        self._ringback = ringback
        self.call.happened(Happening.INITIATED)
        try:
            async with asyncio.timeout(self._plan.timeout_s + TIMEOUT_BUFFER_S):
                leg = await self._ringing.ring(self._exchange.destinations.of(self._target, self.call))
        except TimeoutError:
            return self._out(Ending(what=Happening.NO_ANSWER, sip_code=487, reason="timeout"))
        except CallFailed as failed:
            if failed.notification:
                self._exchange.notify(self.call, failed.notification, str(failed))
            return self._out(failed.ending)
        self.live = LiveCall(call=self.call, leg=leg)
        self.ending = Ending(what=Happening.COMPLETED, sip_code=200, headers=leg.peer_headers)
        self.call.happened(Happening.ANSWERED)
        if self._target.detection is not None:
            detection.begin(self._exchange, self.live, self._target.detection)
        self._exchange.adopt(self.live)
        try:
            return await self._prepare(self.live)
        except HungUp:
            return self._out(Ending(what=Happening.NO_ANSWER, sip_code=200, reason="left before the bridge"))

    async def _prepare(self, live: LiveCall) -> bool:
        """What the called party gets before the bridge."""
        if self._target.send_digits:
            await live.leg.send_digits(self._target.send_digits)
        if self._target.whisper is not None and not await self._exchange.whisper(live, self._target.whisper):
            return self._out(Ending(what=Happening.NO_ANSWER, sip_code=200, reason="declined in its whisper"))
        return not live.leg.ended.done()

    def _progress(self, leg: Leg, early_media: bool) -> None:
        self.call.happened(Happening.RINGING)
        if self._ringback is None:
            return
        if early_media:
            self._ringback.early(leg)
        else:
            self._ringback.ringing()

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
        self._ringing.stop()
        if self.live is None or self.ending.sip_code != 200:
            self.call.sip_response_code = self.ending.sip_code
        self.call.happened(self.ending.what)
