"""`<Dial><Queue>`: to speak with the head of a waiting line."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from gateway.calls.bridging import playing
from gateway.calls.dial_tape import DialTape
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.queues import Place, Turn, WaitingLine
from gateway.calls.ringback import ring_tone
from gateway.calls.talk import Party, Talk
from gateway.calls.until import Until, first_of
from gateway.twiml.control import DequeuePlan, DialResult, HungUp, Whisper


class Serving:
    """`<Dial><Queue>` of one call: takes heads until one is still there, and talks with it. Until then it hears that it rings.

    Either may be transferred while they talk: who waited is served for as long as it talks with anybody.
    """

    def __init__(self, exchange: Exchange, live: LiveCall, plan: DequeuePlan) -> None:
        self._exchange = exchange
        self._live = live
        self._plan = plan

    async def run(self) -> DialResult:
        leg = self._live.leg
        await leg.answer()
        line = await self._exchange.lines.find(self._live.call.account_sid, self._plan.name)
        if line is None:
            return DialResult(status="failed")
        try:
            async with Until(leg.ended, HungUp):
                with playing(self._exchange.engine, leg.slot, ring_tone(self._plan.ring_tone)):
                    place = await self._next(line)
        except HungUp:
            return DialResult(status="canceled")
        if place is None:
            return DialResult(status="no-answer")
        return await self._talk(line, place)

    async def _next(self, line: WaitingLine) -> Place | None:
        """The first who is still there when its turn has come; None: nobody within the time."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._plan.timeout_s + self._exchange.config.limits.dial_buffer_seconds
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    place = await line.head()
            except TimeoutError:
                return None
            place.waited_s = int(clock() - place.since)
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
        return place.ready.result() and not place.gone.done() and not place.live.leg.ended.done()

    async def _talk(self, line: WaitingLine, place: Place) -> DialResult:
        ours, theirs = Party(live=self._live, steered=True), Party(live=place.live, steered=True)
        theirs.over.add_done_callback(lambda _: _release(place, talked=True))
        plan = self._plan
        talk = Talk(self._exchange, ours, theirs, refer_url=plan.refer_url, refer_method=plan.refer_method)
        clock = asyncio.get_running_loop().time
        began = clock()
        tape = DialTape(self._exchange, self._live, self._plan.recording)
        star: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            with ExitStack() as held:
                held.callback(tape.stop)
                talk.begin()
                tape.bridged()
                if plan.hangup_on_star:
                    held.callback(
                        self._live.leg.on_digit(
                            lambda key: star.set_result(None) if key == "*" and not star.done() else None
                        )
                    )
                await first_of(ours.over, star, timeout_s=plan.time_limit_s)
        finally:
            if ours.talk is not None:
                ours.talk.end()
        return DialResult(
            status="completed",
            call_sid=place.sid,
            duration_s=int(clock() - began + 0.5),
            bridged=True,
            recording_url=tape.url,
            parameters=(("QueueSid", str(line.line.sid)), ("QueueTime", str(place.waited_s))),
        )


def _release(place: Place, *, talked: bool) -> None:
    if not place.released.done():
        place.released.set_result(talked)
