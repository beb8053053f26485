"""`<Dial>`: ring several, first answer wins, cancel the rest, bridge, give back a DialResult."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import ExitStack

import structlog

from gateway.calls.bridging import bridge, keys_passed, routed
from gateway.calls.call import Status
from gateway.calls.child import Child
from gateway.calls.dial_tape import DialTape
from gateway.calls.ending import worst
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.ringback import Ringback
from gateway.calls.until import Until
from gateway.twiml.control import DialPlan, DialResult, HungUp

log = structlog.get_logger(__name__)


class _ChildLeft(Exception):
    """The called party hung up."""


class Dialing:
    """One `<Dial>` of numbers, SIP addresses and clients: its children, what the caller hears meanwhile, and the bridge.

    Leaving it in any way (answer elsewhere, hang-up, live update) ends every child that is not taken over.
    """

    def __init__(self, exchange: Exchange, parent: LiveCall, plan: DialPlan) -> None:
        self._exchange = exchange
        self._parent = parent
        self._plan = plan
        self._children = [Child(exchange, parent, target, plan) for target in plan.targets]
        self._tape = DialTape(exchange, parent, plan.recording)

    async def run(self) -> DialResult:
        """Dial until somebody answers, talk until somebody leaves. A caller who hangs up gives a result, too: `canceled` or `completed`."""
        try:
            winner = await self._ring()
            if winner is not None:
                await self._talk(winner)
                return await self._result(winner, "completed", bridged=True)
            if self._parent.leg.ended.done():
                return await self._result(self._children[0], "canceled")
            ends = [child.ending.what for child in self._children]
            what = worst(ends)
            return await self._result(self._children[ends.index(what)], Status(what.value).value)
        finally:
            self._tape.stop()
            for child in self._children:
                child.drop()

    async def _ring(self) -> Child | None:
        """The child that answered and said yes; None: nobody did, or the caller left."""
        leg = self._parent.leg
        try:
            async with Until(leg.ended, HungUp):
                if not self._plan.answer_on_bridge:
                    await leg.answer()
                self._tape.ringing()
                alone = len(self._children) == 1 or self._plan.sequential
                with Ringback(self._exchange, self._parent, self._plan, early_media=alone) as ringback:
                    if not self._plan.sequential:
                        return await _first(self._children, ringback)
                    for child in self._children:
                        if await child.connect(ringback):
                            return child
        except HungUp:
            log.info("caller left while ringing", call_sid=self._parent.call.sid)
        return None

    async def _talk(self, child: Child) -> None:
        """Bridge until one side leaves, `*` is pressed, the limit is reached, or an update takes the child away."""
        parent, other = self._parent.leg, child.leg
        with ExitStack() as held:
            try:
                async with Until(parent.ended, HungUp), Until(other.ended, _ChildLeft):
                    await parent.answer()
                    held.enter_context(routed(self._exchange.engine, bridge(parent.slot, other.slot)))
                    held.enter_context(keys_passed(self._exchange.engine, parent, other))
                    self._tape.bridged(other)
                    star = asyncio.Event()
                    if self._plan.hangup_on_star:
                        held.callback(parent.on_digit(lambda digit: star.set() if digit == "*" else None))
                    async with asyncio.timeout(self._plan.time_limit_s):
                        await _any(star.wait(), child.taken())
            except (HungUp, _ChildLeft, TimeoutError) as over:
                log.info("bridge ended", call_sid=self._parent.call.sid, by=type(over).__name__)
        self._tape.stop()
        child.drop()

    async def _result(self, child: Child, status: str, *, bridged: bool = False) -> DialResult:
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
            for task in done:
                if task.result():
                    return tasks[task]
        return None
    finally:
        for task in pending:
            task.cancel()
            tasks[task].drop()
        await asyncio.gather(*pending, return_exceptions=True)


async def _any(*waits: Coroutine[object, object, object]) -> None:
    """Return when the first of them does; the others are cancelled."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
