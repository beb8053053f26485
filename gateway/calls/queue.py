"""`<Enqueue>`: to wait in a line until somebody serves."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from gateway.calls.bridging import playing
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.lull import HOLD_MUSIC
from gateway.calls.queues import Place, WaitingLine
from gateway.calls.until import Until, first_of
from gateway.twiml.control import EnqueuePlan, EnqueueResult, HungUp
from gateway.twiml.interpreter import QUEUED, WAITING_LINE, DocumentRequest, Finish

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
        line = await self._exchange.lines.get(self._live.call.account_sid, self._plan.name)
        self._place = Place(live=self._live, since=clock())
        if not await line.add(self._place, self._plan.max_size):
            return EnqueueResult(result="queue-full")
        result = ""
        try:
            async with Until(leg.ended, HungUp):
                while not result:
                    result = await self._entertained(line, self._place) or await self._served(line, self._place)
                    if not result:  # whoever called it left before they spoke
                        self._place = await line.put_back(self._place)
        except HungUp:
            result = self._cut("bridged", "bridging-in-process", "hangup")
        except asyncio.CancelledError:
            if self._live.replacement is not None:
                self._tell(line, self._cut("redirected-from-bridged", "redirected", "redirected"))
            raise
        finally:
            self._leave(line)
        if result == "hangup" and not leg.ended.done():
            leg.hang_up("hung up in the line")
        return self._result(line, result)

    def _cut(self, talking: str, called: str, waiting: str) -> str:
        """What it was in when it was cut off."""
        place = self._place
        return talking if place.has_talked else called if place.turn.done() else waiting

    def _result(self, line: WaitingLine, result: str) -> EnqueueResult:
        now = asyncio.get_running_loop().time()
        waited_s = self._place.waited_s if self._place.turn.done() else int(now - self._place.since)
        return EnqueueResult(result=result, queue_sid=line.line.sid, queue_time_s=waited_s)

    def _tell(self, line: WaitingLine, result: str) -> None:
        """An update gives the call another document: the action hears of it all the same."""
        if self._plan.action:
            params = self._result(line, result).parameters
            self._exchange.last_word(
                self._live, DocumentRequest(url=self._plan.action, method=self._plan.method, params=params)
            )

    def _leave(self, line: WaitingLine) -> None:
        line.line.remove(self._place)
        if not self._place.ready.done():
            self._place.ready.set_result(False)
        self._place.gone.set_result(True)
        party = self._live.party
        if party is not None and party.talk is not None:
            party.talk.end()

    async def _entertained(self, line: WaitingLine, place: Place) -> str:
        """Wait for the turn; `""` when it has come, else why the wait is over."""
        if not self._plan.wait_url:
            with ExitStack() as held:
                if self._plan.wait_url is None:
                    held.enter_context(playing(self._exchange.engine, self._live.leg.slot, HOLD_MUSIC))
                await first_of(place.turn)
            return ""
        clock = asyncio.get_running_loop().time
        request = DocumentRequest(url=self._plan.wait_url, method=self._plan.wait_method)
        while not place.turn.done():
            began = clock()
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

    async def _served(self, line: WaitingLine, place: Place) -> str:
        """Hear what the server wants told, then talk until the bridge has ended. `""`: the server left before that."""
        turn = place.turn.result()
        if turn.whisper is not None:
            params = (
                ("QueueSid", str(line.line.sid)),
                ("QueueTime", str(place.waited_s)),
                ("DequeingCallSid", str(turn.by)),
            )
            request = DocumentRequest(url=turn.whisper.url, method=turn.whisper.method)
            document = asyncio.create_task(self._exchange.wait(self._live, request, QUEUED, lambda: params))
            try:
                await first_of(document, place.released)
            finally:
                document.cancel()
                await asyncio.wait([document])
        if not place.released.done():
            place.ready.set_result(True)
            await first_of(place.released)
        return "bridged" if place.released.result() else ""
