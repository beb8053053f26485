"""`<Gather>`: prompts that the first key cuts short, then digits by count, finish key or timeout."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from gateway.calls.leg import Leg
from gateway.calls.until import Until
from gateway.twiml.control import CallControl, Collected, CollectPlan, HungUp, Prompt


class _Cut(Exception):
    """A key was pressed, or enough was said, while a prompt ran."""


class DigitCollection:
    """Keys as they come, against the plan. Pure: `press` says when it is complete."""

    def __init__(self, plan: CollectPlan) -> None:
        self._plan = plan
        self.digits = ""
        self.finished_by = ""
        self.complete = False

    def press(self, digit: str) -> None:
        if self.complete:
            return
        if digit in self._plan.finish_on:
            self.finished_by = digit
            self.complete = True
            return
        self.digits += digit
        self.complete = self._plan.most is not None and len(self.digits) >= self._plan.most


class DigitCollecting:
    """Listens on a leg from the moment it is entered. Times in seconds; the timer restarts with every key."""

    def __init__(self, leg: Leg, plan: CollectPlan) -> None:
        self._leg = leg
        self._plan = plan
        self._collection = DigitCollection(plan)
        self._pressed = asyncio.Event()
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unlisten: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Self:
        self._unlisten = self._leg.on_digit(self._press)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unlisten()
        self._first.cancel()

    def _press(self, digit: str) -> None:
        if not self._plan.digits:
            return
        self._collection.press(digit)
        self._pressed.set()
        if not self._first.done():
            self._first.set_result(None)

    async def prompt(self, prompts: Sequence[Prompt], control: CallControl) -> None:
        """Run the nested verbs until they end or the first key cuts them."""
        try:
            async with Until(self._first, _Cut):
                for prompt in prompts:
                    await prompt.run(control)
        except _Cut:
            pass

    async def result(self) -> Collected:
        """Wait for the rest of the digits. Raises `HungUp`."""
        async with Until(self._leg.ended, HungUp):
            while not self._collection.complete:
                self._pressed.clear()
                try:
                    async with asyncio.timeout(self._plan.timeout_s):
                        await self._pressed.wait()
                except TimeoutError:
                    break
        return Collected(digits=self._collection.digits, finished_by=self._collection.finished_by)
