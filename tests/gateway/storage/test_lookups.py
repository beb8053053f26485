"""Rows by their key, read together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from gateway.storage.lookups import MOST, Lookups
from gateway.storage.models import CallRow, Row
from tests.gateway.rows import call_row


class Table:
    """Gives the calls 1 to 9; each statement waits until it is let through."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.may = asyncio.Event()
        self.fault: Exception | None = None

    async def read(self, work: Callable[[Session], Any]) -> Any:  # noqa: ANN401 - what the work gives
        await self.may.wait()
        if self.fault is not None:
            raise self.fault
        return work(self)  # type: ignore[arg-type]

    def scalars(self, _statement: object, values: dict[str, list[str]]) -> list[Row]:
        self.asked.append(values["keys"])
        return [row for row in map(call_row, range(1, 10)) if row.sid in values["keys"]]


def sid(number: int) -> str:
    return call_row(number).sid


async def test_what_is_asked_for_at_once_is_one_statement_and_who_comes_meanwhile_goes_with_the_next() -> None:
    table = Table()
    lookups = Lookups(table.read)
    first = [asyncio.ensure_future(lookups.get(CallRow, sid(number))) for number in (1, 2, 2, 77)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = [asyncio.ensure_future(lookups.get(CallRow, sid(number))) for number in (3, 4)]
    second[1].cancel()
    table.may.set()
    found = await asyncio.gather(*first, *second, return_exceptions=True)
    assert [getattr(row, "sid", None) for row in found] == [sid(1), sid(2), sid(2), None, sid(3), None]
    assert [sorted(keys) for keys in table.asked] == [sorted({sid(1), sid(2), sid(77)}), [sid(3)]]
    assert (await lookups.get(CallRow, sid(5))) is not None


async def test_a_database_that_fails_fails_all_who_wait_and_is_asked_again() -> None:
    table = Table()
    table.may.set()
    table.fault = OSError("away")
    lookups = Lookups(table.read)
    found = await asyncio.gather(*(lookups.get(CallRow, sid(n)) for n in (1, 2)), return_exceptions=True)
    assert [str(one) for one in found] == ["away", "away"]
    table.fault = None
    assert (await lookups.get(CallRow, sid(1))) is not None


async def test_more_keys_than_a_statement_takes_are_asked_for_in_turn() -> None:
    table = Table()
    table.may.set()
    lookups = Lookups(table.read)
    found = await asyncio.gather(*(lookups.get(CallRow, f"CA{n:032}") for n in range(MOST + 3)))
    assert [len(keys) for keys in table.asked] == [MOST, 3]
    assert len(found) == MOST + 3


async def test_nobody_waits_for_ever_for_a_statement_that_was_cancelled() -> None:
    table = Table()
    lookups = Lookups(table.read)
    waiting = asyncio.ensure_future(lookups.get(CallRow, sid(1)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {waiting, asyncio.current_task()}:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
