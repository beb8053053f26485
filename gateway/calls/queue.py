"""`<Enqueue>` and `<Dial><Queue>`: to wait in a line, and to speak with its head."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import structlog

from gateway.calls.bridging import bridge, keys_passed, playing, routed
from gateway.calls.conferences import HOLD_MUSIC
from gateway.calls.dial_tape import DialTape
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.queues import Place, Turn, WaitingLine
from gateway.calls.until import Until, first_of
from gateway.twiml.control import DequeuePlan, DialResult, EnqueuePlan, EnqueueResult, HungUp, Whisper
from gateway.twiml.interpreter import QUEUED, WAITING_LINE, DocumentRequest, Finish

log = structlog.get_logger(__name__)

PACE_S = 1.0
"""A waitUrl that has nothing to say is asked again no sooner."""

_RESULTS = {Finish.LEFT: "leave", Finish.HUNG_UP: "hangup", Finish.GONE: "hangup", Finish.FAILED: "error"}


class Waiting:
    """One call in a line. However it ends, the call is out of the line afterwards and nobody serves it."""

    def __init__(self, exchange: Exchange, live: LiveCall, plan: EnqueuePlan) -> None:
        self._exchange = exchange
        self._live = live
        self._plan = plan

    async def run(self) -> EnqueueResult:
        leg, clock = self._live.leg, asyncio.get_running_loop().time
        await leg.answer()
        line = self._exchange.lines.get(self._live.call.account_sid, self._plan.name)
        place = Place(live=self._live, since=clock())
        if not await line.add(place, self._plan.max_size):
            return EnqueueResult(result="queue-full")
        waited_s = 0
        try:
            async with Until(leg.ended, HungUp):
                result = await self._entertained(line, place)
                waited_s = int(clock() - place.since)
                if not result:
                    result = await self._served(line, place, waited_s)
        except HungUp:
            talked = place.ready.done() and place.ready.result()
            result, waited_s = "bridged" if talked else "hangup", waited_s or int(clock() - place.since)
        finally:
            line.line.remove(place, clock())
            if not place.ready.done():
                place.ready.set_result(False)
            place.gone.set_result(True)
        if result == "hangup" and not leg.ended.done():
            leg.hang_up("hung up in the line")
        return EnqueueResult(result=result, queue_sid=line.line.sid, queue_time_s=waited_s)

    async def _entertained(self, line: WaitingLine, place: Place) -> str:
        """Wait for the turn; `""` when it has come, else why the wait is over."""
        slot = self._live.leg.slot
        if not self._plan.wait_url:
            with ExitStack() as held:
                if self._plan.wait_url is None:
                    held.enter_context(playing(self._exchange.engine, slot, HOLD_MUSIC))
                await first_of(place.turn)
            return ""
        clock = asyncio.get_running_loop().time
        while not place.turn.done():
            began = clock()
            request = DocumentRequest(url=self._plan.wait_url, method=self._plan.wait_method)
            document = asyncio.create_task(
                self._exchange.wait(self._live, request, WAITING_LINE, lambda: line.line.parameters(place, clock()))
            )
            try:
                await first_of(place.turn, document)
            finally:
                document.cancel()
                await asyncio.wait([document])
            if place.turn.done():
                break
            finish = document.result()
            if finish in _RESULTS:
                return _RESULTS[finish]
            await first_of(place.turn, timeout_s=max(0.0, began + PACE_S - clock()))
        return ""

    async def _served(self, line: WaitingLine, place: Place, waited_s: int) -> str:
        """Hear what the server wants told, then talk until the bridge has ended."""
        turn = place.turn.result()
        if turn.whisper is not None:
            params = (
                ("QueueSid", str(line.line.sid)),
                ("QueueTime", str(waited_s)),
                ("DequeingCallSid", str(turn.by)),
            )
            request = DocumentRequest(url=turn.whisper.url, method=turn.whisper.method)
            await self._exchange.wait(self._live, request, QUEUED, lambda: params)
        place.ready.set_result(not self._live.leg.ended.done())
        await first_of(place.released)
        return "bridged" if place.released.result() else "system-error"


class Serving:
    """`<Dial><Queue>` of one call: takes heads until one is still there, and talks with it."""

    def __init__(self, exchange: Exchange, live: LiveCall, plan: DequeuePlan) -> None:
        self._exchange = exchange
        self._live = live
        self._plan = plan

    async def run(self) -> DialResult:
        leg = self._live.leg
        await leg.answer()
        line = self._exchange.lines.find(self._live.call.account_sid, self._plan.name)
        if line is None:
            return DialResult(status="failed")
        try:
            async with Until(leg.ended, HungUp):
                place = await self._next(line)
        except HungUp:
            return DialResult(status="canceled")
        if place is None:
            return DialResult(status="no-answer")
        return await self._talk(line, place)

    async def _next(self, line: WaitingLine) -> Place | None:
        """The first who is still there when its turn has come; None: nobody within the time."""
        deadline = asyncio.get_running_loop().time() + self._plan.timeout_s
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    place = await line.head()
            except TimeoutError:
                return None
            is_ready = False
            try:
                is_ready = await self._called(place)
            finally:
                if not is_ready:
                    _release(place, talked=False)
            if is_ready:
                return place

    async def _called(self, place: Place) -> bool:
        whisper = Whisper(url=self._plan.url, method=self._plan.method) if self._plan.url else None
        if place.ready.done():
            return False
        place.turn.set_result(Turn(by=self._live.call.sid, whisper=whisper))
        await first_of(place.ready)
        return place.ready.result()

    async def _talk(self, line: WaitingLine, place: Place) -> DialResult:
        engine, ours, theirs = self._exchange.engine, self._live.leg, place.live.leg
        clock = asyncio.get_running_loop().time
        waited_s, began = int(clock() - place.since), clock()
        tape = DialTape(self._exchange, self._live, self._plan.recording)
        star: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            with ExitStack() as held:
                held.callback(tape.stop)
                held.enter_context(routed(engine, bridge(ours.slot, theirs.slot)))
                held.enter_context(keys_passed(engine, ours, theirs))
                tape.bridged(theirs)
                if self._plan.hangup_on_star:
                    held.callback(
                        ours.on_digit(lambda key: star.set_result(None) if key == "*" and not star.done() else None)
                    )
                await first_of(theirs.ended, place.gone, star, ours.ended, timeout_s=self._plan.time_limit_s)
        finally:
            _release(place, talked=True)
        return DialResult(
            status="completed",
            call_sid=place.sid,
            duration_s=int(clock() - began + 0.5),
            bridged=True,
            recording_url=tape.url,
            parameters=(("QueueSid", str(line.line.sid)), ("QueueTime", str(waited_s))),
        )


def _release(place: Place, *, talked: bool) -> None:
    if not place.released.done():
        place.released.set_result(talked)
