"""The queue of created calls: the configured rate, in order; over a restart; canceled, redirected; none twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.api.calls import queued_row
from gateway.api.departures import REQUEST, Departures
from gateway.api.ports import CallRequest
from gateway.ids import AccountSid, CallSid
from gateway.storage.models import DepartureRow, OutboxRow
from gateway.storage.store import Store
from gateway.twiml.control import MachineDetection, RecordingPlan, StatusCallback
from gateway.twiml.interpreter import DocumentRequest
from tests.gateway.api.conftest import Live
from tests.gateway.rows import ACCOUNT, NOON


def asked(number: int) -> CallRequest:
    return CallRequest(
        sid=CallSid(f"CA{number:032x}"),
        account_sid=AccountSid(ACCOUNT),
        to="+14155550111",
        from_="+14155550100",
        first=DocumentRequest(url="http://a/", params=(("a", "b"),)),
        created_at=NOON,
        status_callback=StatusCallback(url="http://a/s", events=frozenset({"ringing", "completed"})),
        recording=RecordingPlan(callback=StatusCallback(url="http://a/r")),
        detection=MachineDetection(mode="Enable"),
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(f"sqlite:///{tmp_path}/gateway.db") as opened:
        yield opened


async def add(departures: Departures, *numbers: int) -> None:
    for number in numbers:
        await departures.add(asked(number), queued_row(asked(number)))


async def left(live: Live, count: int) -> list[CallRequest]:
    async with asyncio.timeout(10):
        return [await live.placed.get() for _ in range(count)]


def test_a_request_survives_being_written_down() -> None:
    assert REQUEST.validate_python(REQUEST.dump_python(asked(1), mode="json")) == asked(1)


async def test_calls_leave_in_order_not_faster_than_the_rate(store: Store) -> None:
    live = Live()
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with Departures(store, live, 20.0, open_=lambda: True) as departures:
        await add(departures, 1, 2, 3, 4, 5)
        assert departures.place_of(CallSid("CA" + "9" * 32)) is None
        assert await left(live, 5) == [asked(number) for number in range(1, 6)]
    assert loop.time() - began >= 4 / 20.0


async def test_the_time_in_the_queue_is_told(store: Store) -> None:
    live = Live()
    async with Departures(store, live, 100.0, open_=lambda: True) as departures:
        request = replace(asked(1), created_at=datetime.now(UTC))
        await departures.add(request, queued_row(request))
        await left(live, 1)
    assert 0 <= live.queue_times_ms[0] < 5000


async def test_what_waits_leaves_after_a_restart_and_nothing_leaves_twice(store: Store) -> None:
    before = Live()
    async with Departures(store, before, 0.001, open_=lambda: True) as departures:
        await add(departures, 1, 2, 3)
        assert [request.sid for request in await left(before, 1)] == [asked(1).sid]
        assert (departures.place_of(asked(2).sid), departures.place_of(asked(3).sid)) == (0, 1)
    after = Live()
    async with Departures(store, after, 1000.0, open_=lambda: True) as departures:
        assert await left(after, 2) == [asked(2), asked(3)]
    assert before.placed.empty()
    assert after.placed.empty()
    assert await store.all(select(DepartureRow)) == []


async def test_a_canceled_call_never_leaves_and_a_redirected_one_has_its_new_document(store: Store) -> None:
    live = Live()
    async with Departures(store, live, 0.001, open_=lambda: True) as departures:
        await add(departures, 1, 2, 3)
        await left(live, 1)
        assert await departures.cancel(asked(2).sid)
        assert not await departures.cancel(asked(2).sid)
        assert not await departures.cancel(asked(1).sid)
        assert await departures.redirect(asked(3).sid, DocumentRequest(url="http://b/"))
        assert not await departures.redirect(asked(1).sid, DocumentRequest(url="http://b/"))
        assert len(departures) == 1
    after = Live()
    async with Departures(store, after, 1000.0, open_=lambda: True):
        assert await left(after, 1) == [replace(asked(3), first=DocumentRequest(url="http://b/"))]


async def test_nothing_leaves_while_we_drain(store: Store) -> None:
    live = Live()
    async with Departures(store, live, 1000.0, open_=lambda: False) as departures:
        await add(departures, 1)
        assert len(departures) == 1
    assert live.placed.empty()
    assert len(await store.all(select(DepartureRow))) == 1


async def test_a_call_that_is_gone_from_the_queue_has_its_will_before_it_is_dialled(store: Store) -> None:
    there: list[list[str]] = []

    class Watching(Live):
        def place(self, request: CallRequest, queue_time_ms: int) -> None:
            super().place(request, queue_time_ms)
            there.append([type(row).__name__ for row in store._pending.values()])

    live = Watching()
    async with Departures(store, live, 1000.0, open_=lambda: True) as departures:
        await add(departures, 1)
        await left(live, 1)
        assert there == [[]], "all is on disk when the telephone is called"
        assert not await store.all(select(DepartureRow))
        (will,) = await store.all(select(OutboxRow))
    assert (will.id < 0, will.queue, will.url) == (True, asked(1).sid, "http://a/s")


async def test_a_call_that_was_canceled_in_the_queue_leaves_no_will(store: Store) -> None:
    live = Live()
    async with Departures(store, live, 1000.0, open_=lambda: False) as departures:
        await add(departures, 1)
        assert await departures.cancel(asked(1).sid)
    assert not await store.all(select(OutboxRow))
