"""What verbs may do to one live call: CallControl over its leg, the engine and the house."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import structlog

from gateway.calls.beside import start_recording, stop_recording
from gateway.calls.bridging import echo, routed
from gateway.calls.call import Happening
from gateway.calls.collecting import DigitCollecting
from gateway.calls.conference import Stay
from gateway.calls.dialing import Dialing
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.hearing import SpeechCollecting
from gateway.calls.playing import NotPlayable, play, pour
from gateway.calls.queue import Waiting
from gateway.calls.record_verb import record
from gateway.calls.referring import refer
from gateway.calls.serving import Serving
from gateway.calls.until import Until
from gateway.twiml.control import (
    Collecting,
    CollectPlan,
    ConferencePlan,
    DequeuePlan,
    DialPlan,
    DialResult,
    DocumentFault,
    EnqueuePlan,
    EnqueueResult,
    HungUp,
    Recorded,
    RecordingPlan,
    RecordPlan,
    ReferResult,
    Utterance,
)
from gateway.twiml.urls import absolute
from gateway.webhooks.params import CallView, partial_params, voice_params
from media.commands import Clip

log = structlog.get_logger(__name__)


class Control:
    """CallControl for one live call. A fresh one for each first document; `base_url` follows the documents."""

    def __init__(
        self,
        exchange: Exchange,
        live: LiveCall,
        *,
        is_whisper: bool = False,
        more: Callable[[], Sequence[tuple[str, str]]] = tuple,
    ) -> None:
        """*more*: what webhooks of these documents carry besides the call's own."""
        self._more = more
        self._exchange = exchange
        self._live = live
        self._is_whisper = is_whisper
        self.base_url = ""
        self._loaded: dict[str, Path] = {}

    @property
    def call_sid(self) -> str:
        return self._live.call.sid

    @property
    def is_answered(self) -> bool:
        return self._live.leg.is_answered

    @property
    def is_over(self) -> bool:
        return self._live.leg.ended.done()

    @property
    def is_whisper(self) -> bool:
        return self._is_whisper

    def parameters(self) -> Sequence[tuple[str, str]]:
        call, ended = self._live.call, self._live.leg.ended
        view = CallView.of(call)
        if ended.done():
            view = replace(view, status=call.status_after(ended.result().what).value)
        return [*voice_params(view), *self._more()]

    def resolve(self, url: str) -> str:
        return absolute(self.base_url, url)

    def notify(self, code: int, message: str, url: str = "") -> None:
        self._exchange.notify(self._live.call, code, message, url)

    async def answer(self) -> None:
        await self._live.leg.answer()
        self._live.call.happened(Happening.ANSWERED)

    async def reject(self, reason: str) -> None:
        busy = reason == "busy"
        status = 486 if busy else self._exchange.config.sip.reject_status
        self._live.leg.refuse(status, Happening.BUSY if busy else Happening.NO_ANSWER, f"rejected: {reason}")
        raise HungUp

    async def pause(self, seconds: float) -> None:
        async with self._until_hung_up():
            await asyncio.sleep(seconds)

    async def load(self, *urls: str) -> None:
        async with self._until_hung_up():
            found = await asyncio.gather(*(self._exchange.audio.fetch(url, self.call_sid) for url in urls))
        self._loaded = dict(zip(urls, found, strict=True))

    async def play(self, url: str, loops: int = 1) -> None:
        async with self._until_hung_up():
            path = self._loaded.pop(url, None) or await self._exchange.audio.fetch(url, self.call_sid)
            await self.answer()
            try:
                await play(self._exchange.engine, self._live.leg.slot, Clip(path=str(path), loops=loops))
            except NotPlayable as fault:
                raise DocumentFault(13420, str(fault), url=url) from fault

    async def say(self, utterance: Utterance, loops: int = 1) -> None:
        async with self._until_hung_up():
            await self.answer()
            speaker = self._exchange.speaker
            said = 0
            while loops == 0 or said < loops:
                await pour(
                    self._exchange.engine, self._live.leg.slot, speaker.speak(utterance), rate_hz=speaker.rate_hz
                )
                said += 1

    async def send_digits(self, digits: str) -> None:
        await self.answer()
        await self._live.leg.send_digits(digits)

    async def echo(self) -> NoReturn:
        """The caller hears itself until it hangs up."""
        await self.answer()
        with routed(self._exchange.engine, echo(self._live.leg.slot)):
            async with self._until_hung_up():
                await asyncio.get_running_loop().create_future()
        raise HungUp

    def collecting(self, plan: CollectPlan) -> AbstractAsyncContextManager[Collecting]:
        if not plan.speech:
            return DigitCollecting(self._live.leg, plan)
        return SpeechCollecting(
            self._live.leg,
            self._exchange.engine,
            self._exchange.listener,
            plan,
            notify=self.notify,
            on_partial=self._partials(plan),
        )

    def _partials(self, plan: CollectPlan) -> Callable[[str, str, int], None] | None:
        callback = plan.partial_callback
        if callback is None:
            return None
        lane = f"{self.call_sid}/partial"
        params = self.parameters

        def tell(text: str, stable: str, number: int) -> None:
            self._exchange.tell(lane, callback, [*params(), *partial_params(text, stable, number, plan.language)])

        return tell

    async def record(self, plan: RecordPlan) -> Recorded:
        await self.answer()
        return await record(self._exchange, self._live, plan)

    def start_recording(self, plan: RecordingPlan, name: str) -> bool:
        return start_recording(self._exchange, self._live, plan, name)

    def stop_recording(self, name: str) -> bool:
        return stop_recording(self._exchange, self._live, name)

    async def dial(self, plan: DialPlan) -> DialResult:
        result = await Dialing(self._exchange, self._live, plan).run()
        return result

    async def conference(self, plan: ConferencePlan) -> DialResult:
        return await Stay(self._exchange, self._live, plan).run()

    async def dequeue(self, plan: DequeuePlan) -> DialResult:
        return await Serving(self._exchange, self._live, plan).run()

    async def enqueue(self, plan: EnqueuePlan) -> EnqueueResult:
        return await Waiting(self._exchange, self._live, plan).run()

    async def refer(self, target: str, headers: Sequence[tuple[str, str]]) -> ReferResult:
        return await refer(self._live.leg, target, headers)

    def _until_hung_up(self) -> Until:
        return Until(self._live.leg.ended, HungUp)
