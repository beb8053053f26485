"""Leaving a block when something happens elsewhere: the hang-up of a call, as an exception in whatever waits."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self


class Until:
    """`async with Until(future, HungUp):` runs the block; when *future* is done first, the block is cancelled and `error` is raised.

    A cancellation from outside goes through unchanged. The same bookkeeping as `asyncio.timeout`, for an event instead of a time.
    """

    def __init__(self, happening: asyncio.Future[Any], error: type[Exception]) -> None:
        self._happening = happening
        self._error = error
        self._task: asyncio.Task[object] | None = None
        self._fired = False
        self._cancelling = 0

    async def __aenter__(self) -> Self:
        if self._happening.done():
            raise self._error
        self._task = asyncio.current_task()
        if self._task is None:
            raise RuntimeError("Until needs a task")
        self._cancelling = self._task.cancelling()
        self._happening.add_done_callback(self._fire)
        return self

    def _fire(self, _happening: asyncio.Future[Any]) -> None:
        if self._task is not None and not self._fired:
            self._fired = True
            self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._happening.remove_done_callback(self._fire)
        task, self._task = self._task, None
        ours = self._fired and task is not None and task.uncancel() <= self._cancelling
        if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise self._error from error


async def first_of(*happenings: asyncio.Future[Any], timeout_s: float | None = None) -> None:
    """Return when the first of them is done, or after the time; none is cancelled, nothing is raised."""
    await asyncio.wait(happenings, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
