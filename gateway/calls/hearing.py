"""`<Gather input="speech">`: keys and speech, whichever comes first; the caller's sound goes to a Listener while it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import takewhile
from types import TracebackType
from typing import Any, Protocol, Self

import structlog

from gateway.calls.collecting import DigitCollection
from gateway.calls.until import Until, first_of
from gateway.speech import Hearing, Listener, Recognised
from gateway.twiml.control import CallControl, Collected, CollectPlan, DocumentFault, HungUp, Prompt
from media.commands import Command, Hear
from media.events import Event, Heard
from media.streams import RATE_HZ, Slot

log = structlog.get_logger(__name__)


class Ear(Protocol):
    """The part of a leg that is needed: its keys, its row, its end."""

    slot: Slot

    @property
    def ended(self) -> asyncio.Future[Any]: ...

    def on_digit(self, listener: Callable[[str], None]) -> Callable[[], None]: ...


class Sounds(Protocol):
    """The part of the engine that is needed."""

    def listen(self, key: Slot | int, callback: Callable[[Event], None]) -> Callable[[], None]: ...

    def send(self, command: Command) -> None: ...


class _Cut(Exception):
    """A key was pressed or speech was heard while a prompt ran."""


class SpeechCollecting:
    """Listens from the moment it is entered. The first of the two that comes decides: after a key speech is not looked at any more,
    after speech keys are not. Without a recogniser it says so once and goes on with keys. `on_partial` hears what is understood
    so far, its beginning that two results in a row agree on, and a number from 0.
    """

    def __init__(
        self,
        leg: Ear,
        engine: Sounds,
        listener: Listener,
        plan: CollectPlan,
        *,
        notify: Callable[[int, str], None],
        on_partial: Callable[[str, str, int], None] | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._leg = leg
        self._engine = engine
        self._listener = listener
        self._plan = plan
        self._notify = notify
        self._on_partial = on_partial
        self._partials = 0
        self._understood = ""
        self._collection = DigitCollection(plan)
        self._pressed = asyncio.Event()
        self._decided: asyncio.Future[str] = loop.create_future()
        """`digits` or `speech`."""

        self._recognised: asyncio.Future[Recognised] = loop.create_future()
        self._task: asyncio.Task[None] | None = None
        self._unlisten: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Self:
        self._unlisten = self._leg.on_digit(self._press)
        if self._plan.barge_in:
            self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unlisten()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._decided.cancel()
        self._recognised.cancel()

    async def prompt(self, prompts: Sequence[Prompt], control: CallControl) -> None:
        """Run the nested verbs until they end, a key is pressed or, where that is wanted, speech is heard."""
        with suppress(_Cut):
            async with Until(self._decided, _Cut):
                for prompt in prompts:
                    await prompt.run(control)

    async def result(self) -> Collected:
        """Wait for the rest. Raises `HungUp`."""
        async with Until(self._leg.ended, HungUp):
            self._listen()
            await first_of(self._decided, timeout_s=self._plan.timeout_s)
            if not self._decided.done():
                return Collected()
            if self._decided.result() == "speech":
                found = await asyncio.shield(self._recognised)
                return Collected(speech=found.text or None, confidence=found.confidence if found.text else None)
            return await self._digits()

    async def _digits(self) -> Collected:
        while not self._collection.complete:
            self._pressed.clear()
            try:
                async with asyncio.timeout(self._plan.timeout_s):
                    await self._pressed.wait()
            except TimeoutError:
                break
        return Collected(digits=self._collection.digits, finished_by=self._collection.finished_by)

    def _press(self, digit: str) -> None:
        if not self._plan.digits or self._is("speech"):
            return
        self._collection.press(digit)
        self._pressed.set()
        self._decide("digits")

    def _decide(self, modality: str) -> None:
        if not self._decided.done():
            self._decided.set_result(modality)

    def _is(self, modality: str) -> bool:
        return self._decided.done() and self._decided.result() == modality

    def _listen(self) -> None:
        if self._task is None and not self._is("digits"):
            self._task = asyncio.get_running_loop().create_task(self._recognise(), name="gather speech")

    async def _recognise(self) -> None:
        plan = self._plan
        hearing = Hearing(
            language=plan.language,
            hints=plan.hints,
            rate_hz=RATE_HZ,
            end_silence_s=plan.speech_timeout_s if plan.speech_timeout_s is not None else 1.0,
            most_s=plan.max_speech_s,
        )
        waiting: list[bytes] = []
        feed: Callable[[bytes], object] = waiting.append

        def heard(event: Event) -> None:
            if isinstance(event, Heard):
                feed(event.pcm)

        unlisten = self._engine.listen(self._leg.slot, heard)
        self._engine.send(Hear(slot=self._leg.slot))
        try:
            partial = self._partial if self._on_partial is not None else None
            async with self._listener.listening(hearing, partial) as recognition:
                for pcm in waiting:
                    recognition.feed(pcm)
                feed = recognition.feed
                await recognition.began()
                self._decide("speech")
                self._finish(await recognition.result())
        except DocumentFault as fault:
            self._notify(fault.code, fault.message)
            self._finish(Recognised())
        finally:
            unlisten()
            self._engine.send(Hear(slot=self._leg.slot, on=False))

    def _finish(self, found: Recognised) -> None:
        if not self._recognised.done():
            self._recognised.set_result(found)

    def _partial(self, text: str) -> None:
        if self._on_partial is not None and self._is("speech"):
            self._on_partial(text, _agreed(self._understood, text), self._partials)
            self._partials += 1
            self._understood = text


def _agreed(before: str, after: str) -> str:
    """The words at the beginning that two results have in common."""
    pairs = zip(before.split(), after.split(), strict=False)
    return " ".join(new for old, new in takewhile(lambda pair: pair[0] == pair[1], pairs))
