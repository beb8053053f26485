"""`<Dial>`: ring several, first answer wins, cancel the rest, bridge, give back a DialResult."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.calls.call import Status
from gateway.calls.child import ELSEWHERE, Child
from gateway.calls.dial_tape import DialTape
from gateway.calls.ending import worst
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.ringback import Ringback
from gateway.calls.talk import Party, Talk
from gateway.calls.until import Until, first_of
from gateway.twilio_codes import Code
from gateway.twiml.control import DialPlan, DialResult, HungUp

log = structlog.get_logger(__name__)


class _ChildLeft(Exception):
    """The called party hung up before it could be bridged."""


class Dialing:
    """One `<Dial>` of numbers, SIP addresses and clients: its children, what the caller hears meanwhile, and the bridge.

    Leaving it in any way (answer elsewhere, hang-up, live update) ends every child that is not taken over.
    """

    def __init__(
        self, exchange: Exchange, parent: LiveCall, plan: DialPlan, on_ringing: Callable[[], None] = lambda: None
    ) -> None:
        """*on_ringing* hears of everything that rings."""
        self._exchange = exchange
        self._parent = parent
        self._plan = plan
        self._is_won = False
        self._children = [Child(exchange, parent, target, plan, self._win) for target in plan.targets]
        self._tape = DialTape(exchange, parent, plan.recording)
        self._on_ringing = on_ringing

    def _win(self) -> bool:
        """True for the first that asks, while the caller is there: of two answers in one moment one is bridged."""
        if self._is_won or self._parent.leg.ended.done():
            return False
        self._is_won = True
        return True

    async def run(self) -> DialResult:
        """Dial until somebody answers, talk until somebody leaves. A caller who hangs up gives a result, too: `canceled` or `completed`."""
        try:
            winner = self._prepared() or await self._ring()
            if winner is not None:
                for child in self._children:
                    if child is not winner:
                        child.drop(ELSEWHERE)
                bridged = await self._talk(winner)
                unheard = "canceled" if self._parent.leg.ended.done() else "no-answer"
                return self._result(winner, "completed" if bridged else unheard, bridged=bridged)
            return self._unanswered()
        finally:
            self._tape.stop()
            for child in self._children:
                child.drop()

    async def find(self) -> Child | DialResult:
        """Only dial: who answered, to be bridged by a `<Dial>` to come, or how it failed. Cancelling it ends every child."""
        winner: Child | None = None
        try:
            winner = await self._ring()
            return winner if winner is not None else self._unanswered()
        finally:
            for child in self._children:
                if child is not winner:
                    child.drop(ELSEWHERE if winner is not None else "")

    def _prepared(self) -> Child | None:
        """Who has been found before: no other party of this `<Dial>` is called."""
        found, self._parent.prepared = self._parent.prepared, None
        if found is not None:
            self._children = [found]
        return found

    def _unanswered(self) -> DialResult:
        begun = [child for child in self._children if child.has_begun]
        if self._parent.leg.ended.done():
            return self._result(begun[0] if begun else None, "canceled")
        ends = [child.ending.what for child in begun]
        what = worst(ends)
        return self._result(begun[ends.index(what)], Status(what.value).value)

    async def _ring(self) -> Child | None:
        """The child that answered and said yes; None: nobody did, or the caller left."""
        leg = self._parent.leg
        try:
            async with Until(leg.ended, HungUp):
                if not self._plan.answer_on_bridge:
                    await leg.answer()
                alone = len(self._children) == 1 or self._plan.sequential
                with Ringback(
                    self._exchange,
                    self._parent,
                    self._plan,
                    early_media=alone,
                    is_taped=self._tape.hears_ringing,
                    on_ringing=self._rings,
                ) as ringback:
                    if not self._plan.sequential:
                        return await _first(self._children, ringback)
                    for child in self._children:
                        if await child.connect(ringback):
                            return child
        except HungUp:
            log.info("caller left while ringing", call_sid=self._parent.call.sid)
        return None

    def _rings(self) -> None:
        self._tape.ringing()
        self._on_ringing()

    async def _talk(self, child: Child) -> bool:
        """Bridge until one side leaves, `*` is pressed, the limit is reached, or an update or a transfer ends it. False: it never began."""
        parent, other = self._parent, child.live
        if other is None:
            return False
        try:
            async with Until(parent.leg.ended, HungUp), Until(other.leg.ended, _ChildLeft):
                await parent.leg.answer()
        except (HungUp, _ChildLeft) as over:
            log.info("left before the bridge", call_sid=parent.call.sid, by=type(over).__name__)
            return False
        party = Party(live=parent, steered=True)
        talk = Talk(
            self._exchange,
            party,
            other.party or Party(live=other),
            refer_url=self._plan.refer_url,
            refer_method=self._plan.refer_method,
        )
        star: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def pressed(digit: str) -> None:
            if digit == "*" and self._plan.hangup_on_star and not star.done():
                star.set_result(None)

        unlisten = parent.leg.on_digit(pressed)
        talk.begin()
        if child.replaced is not None:
            child.replaced.leg.hang_up("transferred")
        self._tape.bridged(other)
        try:
            await first_of(party.over, star, timeout_s=self._limit_s())
        finally:
            unlisten()
            self._tape.stop()
            if party.talk is not None:
                party.talk.end()
        log.info("bridge ended", call_sid=parent.call.sid)
        return True

    def _limit_s(self) -> float:
        """`timeLimit`, at most what the house allows a call."""
        most = self._exchange.config.limits.max_call_seconds
        if self._plan.time_limit_s > most:
            self._exchange.notify(self._parent.call, Code.DIAL_TIME_LIMIT, f"timeLimit is taken as {most:g}")
        return min(self._plan.time_limit_s, most)

    def _result(self, child: Child | None, status: str, *, bridged: bool = False) -> DialResult:
        if child is None:
            return DialResult(status=status)
        call, ending = child.call, child.ending
        return DialResult(
            status=status,
            call_sid=call.sid,
            duration_s=None if child.is_taken else call.duration_s,
            bridged=bridged,
            sip_call_id=call.sip_call_id,
            sip_response_code=ending.sip_code,
            sip_headers=ending.headers,
            recording_url=self._tape.url,
        )


async def _first(children: list[Child], ringback: Ringback) -> Child | None:
    """Connect all at once; the first that succeeds. The others are cancelled and waited for before this returns."""
    tasks = {asyncio.create_task(child.connect(ringback), name=f"dial {child.call.sid}"): child for child in children}
    pending = set(tasks)
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            won = [tasks[task] for task in done if task.result()]
            if won:
                return won[0]
        return None
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
