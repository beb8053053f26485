"""Callbacks are kept until delivered: in order within a call, over failures and restarts, and one call never waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.errors import WebhookFault
from gateway.storage.models import OutboxRow
from gateway.storage.store import Store
from gateway.webhooks import outbox as outboxes
from gateway.webhooks.outbox import Outbox, Undelivered


class Receiver:
    """Takes callbacks as told: an HTTP status, or a fault, or (an event) only after it is set."""

    def __init__(self, *replies: int | WebhookFault | asyncio.Event) -> None:
        self.replies = list(replies)
        self.got: list[tuple[str, str, tuple[tuple[str, str], ...]]] = []
        self.tokens: list[str] = []
        self.asked = asyncio.Event()

    async def post(self, url: str, method: str, params: Sequence[tuple[str, str]], token: str = "") -> int:
        self.tokens.append(token)
        self.got.append((url, method, tuple(params)))
        self.asked.set()
        reply = self.replies.pop(0) if self.replies else 200
        if isinstance(reply, WebhookFault):
            raise reply
        if isinstance(reply, asyncio.Event):
            await reply.wait()
            return 200
        return reply

    @property
    def urls(self) -> list[str]:
        return [url for url, _, _ in self.got]


DOWN = WebhookFault(11205, "connection refused")
NEVER = (3600.0,)
AT_ONCE = (0.0, 0.0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(f"sqlite:///{tmp_path}/gateway.db") as opened:
        yield opened


async def kept(store: Store) -> list[str]:
    return [row.url for row in await store.all(select(OutboxRow).order_by(OutboxRow.id))]


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        for _ in iter(reached, True):
            await asyncio.sleep(0)


async def settled(outbox: Outbox) -> None:
    await until(lambda: not outbox.waiting)


async def test_a_callback_arrives_as_it_was_posted_and_is_forgotten(store: Store) -> None:
    receiver = Receiver()
    async with Outbox(store, receiver) as outbox:
        outbox.post("CA1", "http://a/", "GET", [("CallSid", "CA1"), ("To", "a b")])
        assert outbox.waiting == 1
        await settled(outbox)
    assert receiver.got == [("http://a/", "GET", (("CallSid", "CA1"), ("To", "a b")))]
    assert await kept(store) == []


async def test_callbacks_of_one_call_leave_one_after_another_in_order(store: Store) -> None:
    gate = asyncio.Event()
    receiver = Receiver(gate)
    async with Outbox(store, receiver) as outbox:
        for url in "abc":
            outbox.post("CA1", url, "POST", [])
        await receiver.asked.wait()
        assert receiver.urls == ["a"]
        gate.set()
        await settled(outbox)
    assert receiver.urls == ["a", "b", "c"]


async def test_one_call_does_not_wait_for_another(store: Store) -> None:
    gate = asyncio.Event()
    receiver = Receiver(gate)
    async with Outbox(store, receiver) as outbox:
        outbox.post("CA1", "stuck", "POST", [])
        await receiver.asked.wait()
        outbox.post("CA2", "free", "POST", [])
        await until(lambda: outbox.waiting == 1)
        assert receiver.urls == ["stuck", "free"]
        gate.set()


async def test_a_receiver_that_is_down_gets_it_later_and_nothing_waits_for_it(store: Store) -> None:
    receiver = Receiver(DOWN)
    failures: list[Undelivered] = []
    async with Outbox(store, receiver, failed=failures.append, retry_after_s=AT_ONCE) as outbox:
        outbox.post("CA1", "a", "POST", [("CallSid", "CA1")])
        outbox.post("CA1", "b", "POST", [])
        await settled(outbox)
    assert sorted(receiver.urls) == ["a", "a", "b"]
    assert receiver.urls[0] == "a"
    first, *others = (token for token, url in zip(receiver.tokens, receiver.urls, strict=True) if url == "a")
    assert others == [first], "an application can tell what it has had"
    assert [(one.call_sid, one.url, one.code, one.message) for one in failures] == [
        ("CA1", "a", 11205, "connection refused")
    ]
    assert await kept(store) == []


async def test_a_receiver_that_stays_down_is_given_up_after_its_time(store: Store) -> None:
    receiver = Receiver(DOWN, DOWN, DOWN)
    failures: list[Undelivered] = []
    async with Outbox(store, receiver, failed=failures.append, retry_after_s=AT_ONCE) as outbox:
        outbox.post("CA1", "a", "POST", [])
        await settled(outbox)
    assert receiver.urls == ["a", "a", "a"]
    assert [one.code for one in failures] == [11205, 15002]
    assert await kept(store) == []


@pytest.mark.parametrize(
    ("code", "times"), [(11200, 1), (11100, 1), (11215, 1), (11202, 2), (11206, 2), (11210, 2), (11237, 2)]
)
async def test_only_what_can_not_have_arrived_is_sent_again(store: Store, code: int, times: int) -> None:
    """11200 without a status is a timeout: Twilio does not ask again either."""
    receiver = Receiver(WebhookFault(code, "x"))
    failures: list[Undelivered] = []
    async with Outbox(store, receiver, failed=failures.append, retry_after_s=AT_ONCE) as outbox:
        outbox.post("CA1", "a", "POST", [])
        await settled(outbox)
    assert len(receiver.urls) == times
    assert [one.code for one in failures] == [code]


async def test_an_answer_whatever_it_says_is_a_delivery_but_a_bad_one_is_noted(store: Store) -> None:
    receiver = Receiver(500)
    failures: list[Undelivered] = []
    async with Outbox(store, receiver, failed=failures.append) as outbox:
        outbox.post("CA1", "http://a/", "POST", [])
        await settled(outbox)
    assert receiver.urls == ["http://a/"]
    assert [(one.code, one.message) for one in failures] == [(11200, "status callback http://a/ answered 500")]


async def test_a_host_that_hangs_holds_up_no_other_hosts_callbacks(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outboxes, "AT_ONCE_PER_HOST", 3)
    gate = asyncio.Event()
    receiver = Receiver(*[gate] * 3)
    async with Outbox(store, receiver) as outbox:
        for number in range(10):
            outbox.post(f"CA{number}", f"http://hung/{number}", "POST", [])
        await until(lambda: len(receiver.got) == 3)
        outbox.post("CA99", "http://well/", "POST", [])
        await until(lambda: "http://well/" in receiver.urls)
        assert len(receiver.got) == 4
        gate.set()
        await settled(outbox)
    assert len(receiver.got) == 11


async def test_what_is_a_day_old_at_the_start_has_expired(store: Store) -> None:
    old = datetime.now(UTC) - timedelta(hours=25)
    await store.save(OutboxRow(id=1, queue="CA1", url="a", method="POST", params=[["CallSid", "CA1"]], created_at=old))
    receiver = Receiver()
    failures: list[Undelivered] = []
    async with Outbox(store, receiver, failed=failures.append) as outbox:
        assert not outbox.waiting
    assert receiver.got == []
    assert [(one.code, one.call_sid) for one in failures] == [(15002, "CA1")]
    assert await kept(store) == []


async def test_what_could_not_be_delivered_is_delivered_after_a_restart_in_the_same_order(store: Store) -> None:
    down = Receiver(DOWN, DOWN, DOWN)
    async with Outbox(store, down, retry_after_s=NEVER) as outbox:
        outbox.post("CA1", "a", "POST", [("n", "1")])
        outbox.post("CA1", "b", "POST", [])
        outbox.post("CA2", "c", "POST", [])
        await until(lambda: len(down.got) == 3)
    assert await kept(store) == ["a", "b", "c"]
    up = Receiver()
    async with Outbox(store, up) as outbox:
        outbox.post("CA1", "d", "POST", [])
        await settled(outbox)
    assert [url for url in up.urls if url != "c"] == ["a", "b", "d"]
    assert "c" in up.urls
    assert up.got[0][2] == (("n", "1"),)
    assert set(down.tokens) < set(up.tokens), "an application can tell what it has had"
    assert await kept(store) == []


async def test_at_shutdown_what_can_be_delivered_still_is(store: Store) -> None:
    receiver = Receiver()
    async with Outbox(store, receiver) as outbox:
        for number in range(20):
            outbox.post(f"CA{number}", str(number), "POST", [])
    assert sorted(receiver.urls, key=int) == [str(number) for number in range(20)]
    assert await kept(store) == []
