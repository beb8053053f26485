"""One party of a `<Dial>`: a child call whose telephones ring until one answers, with its digits and its whisper."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.calls import detection
from gateway.calls.call import Call, Happening
from gateway.calls.ending import CallFailed, Ending
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.leg import Leg
from gateway.calls.ringback import Ringback
from gateway.calls.ringing import Ringing
from gateway.calls.until import first_of
from gateway.twilio_codes import Code
from gateway.twiml.control import DialPlan, DialTarget, HungUp, Whisper
from sip.replaces import Replaces

log = structlog.get_logger(__name__)

ELSEWHERE = "answered elsewhere"
BY_APPLICATION = Ending(what=Happening.CANCELED, reason="canceled by the application")
LEFT = Ending(what=Happening.NO_ANSWER, sip_code=200, reason="left before the bridge")


class Child:
    """A target of a `<Dial>` as a call of its own. `connect()` once, then `drop()` in any state.

    *wins*: asked at the very moment when this party could be bridged; True for one party of a `<Dial>` only.
    """

    def __init__(
        self,
        exchange: Exchange,
        parent: LiveCall,
        target: DialTarget,
        plan: DialPlan,
        wins: Callable[[], bool],
    ) -> None:
        self._exchange = exchange
        self._target = target
        self._plan = plan
        self._wins = wins
        self._ringback: Ringback | None = None
        self.call: Call = exchange.child_of(parent.call, target, plan)
        self._ringing = Ringing(exchange.telephones, self.call, self._progress, arms=target.detection is not None)
        self.has_begun = False
        self.ending = Ending(what=Happening.CANCELED)
        self.live: LiveCall | None = None
        """Once answered."""

        self.replaced: LiveCall | None = None
        """Whose place the caller takes (a `<Sip>` with Replaces): it is to be ended when they talk."""

    @property
    def leg(self) -> Leg:
        """The telephone that answered."""
        if self.live is None:
            raise RuntimeError("no leg of this child has answered")
        return self.live.leg

    async def connect(self, ringback: Ringback) -> bool:
        """Ring, wait for the answer, send digits, whisper. False: this party is out, and `ending` says how."""
        self._ringback = ringback
        self.has_begun = True
        if (replaced := await self._exchange.replaced(self._target, self.call)) is not None:
            return self._join(replaced)
        self.call.happened(Happening.INITIATED)
        self._exchange.rings(self.call, self)
        try:
            leg = await self._answer()
        except TimeoutError:
            return self._out(Ending(what=Happening.NO_ANSWER, sip_code=487, reason="timeout"))
        except CallFailed as failed:
            if self.ending is BY_APPLICATION:
                return self._out(self.ending)
            if code := failed.notification or self._sip_fault(failed.ending):
                self._exchange.notify(self.call, code, str(failed))
            return self._out(failed.ending)
        if self.ending is BY_APPLICATION:  # in the very moment of the answer
            return self._out(self.ending)
        prepares = bool(self._target.send_digits) or self._target.whisper is not None
        if leg.ended.done():
            self.call.happened(Happening.ANSWERED)
            return self._out(LEFT)
        if not prepares and not self._wins():
            leg.hang_up(ELSEWHERE)
            return self._out(Ending(what=Happening.CANCELED, reason=ELSEWHERE))
        self.live = LiveCall(call=self.call, leg=leg)
        self.call.answered_with(leg.peer_headers)
        self.ending = Ending(what=Happening.COMPLETED, sip_code=200, headers=leg.peer_headers)
        self.call.happened(Happening.ANSWERED)
        if self._target.detection is not None:
            detection.begin(self._exchange, self.live, self._target.detection)
        self._exchange.adopt(self.live)
        return not prepares or await self._prepare(self.live, ringback)

    def _sip_fault(self, ending: Ending) -> int:
        """A SIP address that could not be reached, or whose server is at fault: the application's own infrastructure."""
        code = ending.sip_code
        return Code.SIP_FAILED if self._target.kind == "sip" and (code == 408 or 500 <= (code or 0) < 600) else 0

    def _join(self, replaced: LiveCall) -> bool:
        """The party is in a call with us already, and its partner leaves it to this one: there is nothing to ring."""
        found = replaced.party.other if replaced.party is not None else None
        if found is None or not self._wins():
            return self._out(Ending(what=Happening.FAILED, sip_code=481, reason="no such dialog"))
        self.replaced, self.live, self.call = replaced, found.live, found.live.call
        self.ending = Ending(what=Happening.COMPLETED, sip_code=200)
        return True

    async def _answer(self) -> Leg:
        """Raises `CallFailed`, `TimeoutError`."""
        limits = self._exchange.config.limits
        try:
            destinations = self._exchange.destinations.of(self._target, self.call)
            async with asyncio.timeout(self._plan.timeout_s + limits.dial_buffer_seconds):
                return await self._ringing.ring(destinations)
        finally:
            self._exchange.rings(self.call, None)

    async def _prepare(self, live: LiveCall, ringback: Ringback) -> bool:
        """What the called party gets before the bridge; the caller goes on hearing it ring, and nothing of this."""
        ringback.over(live.leg)
        ringback.ringing()
        try:
            if self._target.send_digits:
                await live.leg.send_digits(self._target.send_digits)
            if self._target.whisper is not None and not await self._accepts(live, self._target.whisper):
                return self._out(Ending(what=Happening.NO_ANSWER, sip_code=200, reason="declined in its whisper"))
        except HungUp:
            return self._out(LEFT)
        if live.leg.ended.done():
            return self._out(LEFT)
        return self._wins()

    async def _accepts(self, live: LiveCall, whisper: Whisper) -> bool:
        """Whether the whisper ran to its end. An update that takes the call over ends the whisper, too."""
        taken = asyncio.ensure_future(live.taken.wait())
        asked = asyncio.ensure_future(self._exchange.whisper(live, whisper))
        try:
            await first_of(taken, asked)
            return not taken.done() and asked.result()
        finally:
            taken.cancel()
            asked.cancel()
            await asyncio.gather(taken, asked, return_exceptions=True)

    def _progress(self, leg: Leg, early_media: bool) -> None:
        self.call.happened(Happening.RINGING)
        if self._ringback is None:
            return
        if early_media:
            self._ringback.early(leg)
        else:
            self._ringback.ringing()

    def cancel(self) -> None:
        """The application ends it while it rings."""
        self.ending = BY_APPLICATION
        self._ringing.stop()

    def rings_as(self, meant: Replaces) -> bool:
        """Whether one of its telephones rings in the dialog meant."""
        return self._ringing.is_dialog(meant)

    def pick_up(self, leg: Leg) -> bool:
        """*leg* has answered instead of the telephones that ring. False: one of them was first."""
        return self._ringing.pick_up(leg)

    def _out(self, ending: Ending) -> bool:
        self.ending = ending
        self.drop()
        return False

    @property
    def is_taken(self) -> bool:
        """Whether an update or a transfer took this call over: it is nobody's child any more."""
        live = self.live
        return live is not None and (live.taken.is_set() or live.party is not None)

    def drop(self, reason: str = "") -> None:
        """End whatever still rings or talks, unless somebody else has taken the call over."""
        if self.is_taken or not self.has_begun:
            return
        self._ringing.stop(reason=reason)
        if self.live is None or self.ending.sip_code != 200:
            self.call.sip_response_code = self.ending.sip_code
        if self.live is None or not self.live.tapes:  # else it is told when its recording is known
            self.call.happened(self.ending.what)
