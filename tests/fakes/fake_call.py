"""A CallControl that records what verbs ask of it and answers as a test scripts it. No telephone, no time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import NoReturn, Self

from gateway.twiml.control import (
    CallControl,
    Collected,
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
    Prompt,
    Recorded,
    RecordingPlan,
    RecordPlan,
    ReferResult,
    Utterance,
)
from gateway.twiml.urls import absolute

BASE = "http://app.example/menu/voice?x=1"


class FakeCall:
    """`asked` is what was asked, in order. `leaves_at`: the caller hangs up while this is asked for the first time."""

    def __init__(self, *, is_answered: bool = False, is_whisper: bool = False, base_url: str = BASE) -> None:
        self.base_url = base_url
        self.asked: list[object] = []
        self.notes: list[tuple[int, str]] = []
        self.leaves_at = ""
        self.faults: dict[str, DocumentFault] = {}
        self.taken: set[str] = set()
        """Names of recordings that run."""

        self.collected = Collected()
        self.cuts_after: int | None = None
        """How many prompts of a Gather are heard before it is cut."""

        self.dialled = DialResult(status="completed", call_sid="CA2", duration_s=7, bridged=True)
        self.recorded = Recorded(sid="RE1", url="http://gw/RE1", duration_s=3, digits="#")
        self.enqueued = EnqueueResult(result="bridged", queue_sid="QU1", queue_time_s=4)
        self.referred = ReferResult(status="in-progress", sip_response_code=202, notify_response_code=200)
        self.blocked: asyncio.Future[None] | None = None
        """Once set, pausing waits for it: a verb that runs while the test does something."""

        self.paused = asyncio.Event()
        self._is_answered = is_answered
        self._is_whisper = is_whisper
        self._is_over = False

    @property
    def call_sid(self) -> str:
        return "CA1"

    @property
    def is_answered(self) -> bool:
        return self._is_answered

    @property
    def is_over(self) -> bool:
        return self._is_over

    @property
    def is_whisper(self) -> bool:
        return self._is_whisper

    @property
    def codes(self) -> list[int]:
        return [code for code, _ in self.notes]

    def parameters(self) -> Sequence[tuple[str, str]]:
        status = "completed" if self._is_over else "in-progress" if self._is_answered else "ringing"
        return [("CallSid", "CA1"), ("CallStatus", status)]

    def resolve(self, url: str) -> str:
        return absolute(self.base_url, url)

    def notify(self, code: int, message: str, url: str = "") -> None:
        self.notes.append((int(code), message))

    def leave(self) -> None:
        self._is_over = True

    def _ask(self, *what: object) -> None:
        """Raise `HungUp` where the caller has left, or leaves just now."""
        self.asked.append(what if len(what) > 1 else what[0])
        name = str(what[0])
        if self.leaves_at == name:
            self.leave()
        if name in self.faults:
            raise self.faults[name]

    def _hear(self, *what: object) -> None:
        self._ask(*what)
        if self._is_over:
            raise HungUp

    async def answer(self) -> None:
        if not self._is_answered:
            self._hear("answer")
            self._is_answered = True

    async def reject(self, reason: str) -> None:
        self._ask("reject", reason)
        self.leave()
        raise HungUp

    async def pause(self, seconds: float) -> None:
        self._hear("pause", seconds)
        self.paused.set()
        if self.blocked is not None:
            await self.blocked

    async def load(self, *urls: str) -> None:
        self._hear("load", *urls)

    async def play(self, url: str, loops: int = 1) -> None:
        await self.answer()
        self._hear("play", url, loops)

    async def say(self, utterance: Utterance, loops: int = 1) -> None:
        await self.answer()
        self._hear("say", utterance, loops)

    async def send_digits(self, digits: str) -> None:
        await self.answer()
        self._hear("digits", digits)

    async def echo(self) -> NoReturn:
        await self.answer()
        self._ask("echo")
        self.leave()
        raise HungUp

    def collecting(self, plan: CollectPlan) -> AbstractAsyncContextManager[Collecting]:
        self._ask("collect", plan)
        return _FakeCollecting(self)

    async def record(self, plan: RecordPlan) -> Recorded:
        await self.answer()
        self._ask("record", plan)
        return self.recorded

    def start_recording(self, plan: RecordingPlan, name: str) -> bool:
        self._ask("start recording", plan, name)
        return name not in self.taken

    def stop_recording(self, name: str) -> bool:
        self._ask("stop recording", name)
        return name in self.taken

    async def dial(self, plan: DialPlan) -> DialResult:
        self._ask("dial", plan)
        if not plan.answer_on_bridge or self.dialled.bridged:
            self._is_answered = True
        return self.dialled

    async def conference(self, plan: ConferencePlan) -> DialResult:
        await self.answer()
        self._ask("conference", plan)
        return self.dialled

    async def dequeue(self, plan: DequeuePlan) -> DialResult:
        await self.answer()
        self._ask("dequeue", plan)
        return self.dialled

    async def enqueue(self, plan: EnqueuePlan) -> EnqueueResult:
        await self.answer()
        self._ask("enqueue", plan)
        return self.enqueued

    async def refer(self, target: str, headers: Sequence[tuple[str, str]]) -> ReferResult:
        self._ask("refer", target, tuple(headers))
        return self.referred


class _FakeCollecting:
    def __init__(self, call: FakeCall) -> None:
        self._call = call

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call.asked.append("collected")

    async def prompt(self, prompts: Sequence[Prompt], control: CallControl) -> None:
        for prompt in prompts[: self._call.cuts_after]:
            await prompt.run(control)

    async def result(self) -> Collected:
        self._call._hear("result")
        return self._call.collected
