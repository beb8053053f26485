"""`<Gather input="dtmf speech">`.

| what comes first | what it gives |
|---|---|
| a key | digits, whatever is said after it |
| speech | what was said, whatever is pressed after it |
| neither, for `timeout` | nothing |
| a prompt still running | cut by a key; by speech unless bargeIn is false |
| no recogniser | a notification, and keys |
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.calls.hearing import SpeechCollecting
from gateway.speech import Hearing, Recognised
from gateway.twiml.control import Collected, CollectPlan, DocumentFault, HungUp
from media.commands import Command, Hear
from media.events import Event, Heard
from media.streams import Slot
from tests.fakes.fake_call import FakeCall

SLOT = Slot(row=1, generation=1)
PLAN = CollectPlan(speech=True, timeout_s=0.05, speech_timeout_s=2.0, hints=("yes",))


class Leg:
    def __init__(self) -> None:
        self.slot = SLOT
        self.ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.press: Callable[[str], None] = lambda digit: None

    def on_digit(self, listener: Callable[[str], None]) -> Callable[[], None]:
        self.press = listener
        return lambda: None


class Engine:
    def __init__(self) -> None:
        self.sent: list[Command] = []
        self.hear: Callable[[Event], None] | None = None

    def listen(self, key: Slot | int, callback: Callable[[Event], None]) -> Callable[[], None]:
        assert key == SLOT
        self.hear = callback

        def unlisten() -> None:
            self.hear = None

        return unlisten

    def send(self, command: Command) -> None:
        self.sent.append(command)


class Recogniser:
    """A listener and its one recognition; the test says what it hears."""

    def __init__(self, fault: DocumentFault | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.hearing: Hearing | None = None
        self.fed: list[bytes] = []
        self.partial: Callable[[str], None] | None = None
        self.begins: asyncio.Future[None] = loop.create_future()
        self.found: asyncio.Future[Recognised] = loop.create_future()
        self.opened = asyncio.Event()
        self.fault = fault

    @asynccontextmanager
    async def listening(
        self, hearing: Hearing, on_partial: Callable[[str], None] | None = None
    ) -> AsyncIterator[Recogniser]:
        if self.fault is not None:
            raise self.fault
        self.hearing, self.partial = hearing, on_partial
        self.opened.set()
        yield self
        self.hearing = None

    def feed(self, pcm: bytes) -> None:
        self.fed.append(pcm)

    def finish(self) -> None:
        """Nothing is in the way."""

    async def began(self) -> None:
        await self.begins

    async def result(self) -> Recognised:
        return await self.found

    def say(self, text: str) -> None:
        self.begins.set_result(None)
        self.found.set_result(Recognised(text=text, confidence=0.8))


class Endless:
    """A prompt that goes on until it is cut."""

    def __init__(self) -> None:
        self.running = asyncio.Event()

    async def run(self, call: object) -> None:
        self.running.set()
        await asyncio.get_running_loop().create_future()


class House:
    def __init__(self, plan: CollectPlan = PLAN, fault: DocumentFault | None = None) -> None:
        self.leg, self.engine, self.recogniser = Leg(), Engine(), Recogniser(fault)
        self.notes: list[int] = []
        self.partials: list[tuple[str, str, int]] = []
        self.collecting = SpeechCollecting(
            self.leg,
            self.engine,
            self.recogniser,
            plan,
            notify=lambda code, message: self.notes.append(int(code)),
            on_partial=lambda text, stable, number: self.partials.append((text, stable, number)),
        )


async def test_speech_is_what_was_said_and_its_sound_went_to_the_recogniser() -> None:
    house = House()
    async with house.collecting as collecting:
        await asyncio.sleep(0)
        assert house.engine.hear is not None
        house.engine.hear(Heard(slot=SLOT, pcm=b"early"))
        await house.recogniser.opened.wait()
        assert house.recogniser.hearing == Hearing(hints=("yes",), end_silence_s=2.0)
        house.engine.hear(Heard(slot=SLOT, pcm=b"later"))
        house.recogniser.say("yes")
        assert await collecting.result() == Collected(speech="yes", confidence=0.8)
    assert house.recogniser.fed == [b"early", b"later"]
    assert house.engine.sent == [Hear(slot=SLOT), Hear(slot=SLOT, on=False)]
    assert house.engine.hear is None


async def test_a_key_first_and_speech_is_not_looked_at() -> None:
    house = House()
    async with house.collecting as collecting:
        house.leg.press("1")
        house.recogniser.say("yes")
        house.leg.press("2")
        house.leg.press("#")
        assert await collecting.result() == Collected(digits="12", finished_by="#")


async def test_speech_first_and_keys_are_not_looked_at() -> None:
    house = House()
    async with house.collecting as collecting:
        await house.recogniser.opened.wait()
        house.recogniser.begins.set_result(None)
        result = asyncio.create_task(collecting.result())
        await asyncio.sleep(0.01)
        house.leg.press("#")
        house.recogniser.found.set_result(Recognised(text="yes", confidence=0.5))
        assert await result == Collected(speech="yes", confidence=0.5)


async def test_keys_that_are_not_asked_for_are_nothing() -> None:
    house = House(CollectPlan(speech=True, digits=False, timeout_s=0.01))
    async with house.collecting as collecting:
        house.leg.press("1")
        assert await collecting.result() == Collected()


async def test_digits_end_by_their_own_timer() -> None:
    house = House()
    async with house.collecting as collecting:
        house.leg.press("7")
        assert await collecting.result() == Collected(digits="7")


async def test_speech_that_was_not_understood_is_nothing() -> None:
    house = House()
    async with house.collecting as collecting:
        house.recogniser.say("")
        assert await collecting.result() == Collected()


async def test_a_prompt_is_cut_by_speech() -> None:
    house, prompt = House(), Endless()
    async with house.collecting as collecting:
        running = asyncio.create_task(collecting.prompt([prompt], FakeCall()))
        await prompt.running.wait()
        house.recogniser.say("yes")
        await running
        assert (await collecting.result()).speech == "yes"


async def test_without_barge_in_speech_is_heard_after_the_prompt_only_and_a_key_still_cuts_it() -> None:
    house, prompt = House(CollectPlan(speech=True, barge_in=False)), Endless()
    async with house.collecting as collecting:
        running = asyncio.create_task(collecting.prompt([prompt], FakeCall()))
        await prompt.running.wait()
        assert house.engine.sent == []
        house.leg.press("1")
        house.leg.press("#")
        await running
        assert (await collecting.result()).digits == "1"
    assert house.engine.sent == []


async def test_partial_results_are_counted_and_say_what_of_them_is_stable() -> None:
    house = House()
    async with house.collecting as collecting:
        await house.recogniser.opened.wait()
        assert house.recogniser.partial is not None
        house.recogniser.begins.set_result(None)
        await asyncio.sleep(0.01)
        house.recogniser.partial("yes")
        house.recogniser.partial("yes pleas")
        house.recogniser.partial("yes please")
        house.recogniser.found.set_result(Recognised(text="yes", confidence=1.0))
        await collecting.result()
    assert house.partials == [("yes", "", 0), ("yes pleas", "yes", 1), ("yes please", "yes", 2)]


async def test_without_a_recogniser_it_says_so_and_goes_on_with_keys() -> None:
    house = House(fault=DocumentFault(13340, "not installed"))
    async with house.collecting as collecting:
        await asyncio.sleep(0)
        house.leg.press("5")
        assert await collecting.result() == Collected(digits="5")
    assert house.notes == [13340]


async def test_a_caller_who_leaves_ends_it() -> None:
    house = House()
    async with house.collecting as collecting:
        house.leg.ended.set_result(None)
        with pytest.raises(HungUp):
            await collecting.result()
    assert house.engine.sent[-1:] == [Hear(slot=SLOT, on=False)] or house.engine.sent == []
