"""Looking names up.

| what the resolver does | what follows |
|---|---|
| answers | its addresses, each looked up once for all who ask at that moment |
| hangs for one name | that name fails after its time (11210); others are found meanwhile |
| fails, but had answered within the hour | the old answer |
| says that there is no such name | a fault, whatever it had said before |
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.errors import WebhookFault
from gateway.webhooks import names
from gateway.webhooks.client import Fetch, WebhookClient
from gateway.webhooks.guard import Guard
from gateway.webhooks.names import Found, Names, system
from tests.fakes.twilio_app import TwilioApp

ANSWER: Found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]


class System:
    """Answers at once, but for names that begin with `hangs`; `fault`: what it says to everything."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fault: OSError | None = None
        self.released = threading.Event()

    def look_up(self, host: str, family: int) -> Found:
        self.asked.append(host)
        if host.startswith("hangs"):
            self.released.wait(10)
        if self.fault is not None:
            raise self.fault
        return ANSWER


@pytest.fixture
def machine() -> Iterator[System]:
    one = System()
    yield one
    one.released.set()


@pytest.fixture
async def client(machine: System) -> AsyncIterator[WebhookClient]:
    resolver = Names(machine.look_up, lookup_s=0.3)
    async with WebhookClient(auth_token="t", guard=Guard(("127.0.0.0/8",)), resolver=resolver) as client:
        yield client


async def test_names_that_hang_hold_up_no_other_name(app: TwilioApp, client: WebhookClient, machine: System) -> None:
    """More of them than any pool has threads."""
    app.answers("/", "<Response/>")
    port = app.url.rpartition(":")[2]
    hung = [asyncio.create_task(client.fetch(Fetch(url=f"http://hangs{n}.example:{port}/"))) for n in range(100)]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(0.2):
        reply = await client.fetch(Fetch(url=f"http://well.example:{port}/"))
    assert reply.body == b"<Response/>"
    outcomes = await asyncio.gather(*hung, return_exceptions=True)
    assert {outcome.code for outcome in outcomes if isinstance(outcome, WebhookFault)} == {11210}


async def test_a_name_that_many_want_at_once_is_looked_up_once(machine: System) -> None:
    resolver = Names(machine.look_up)
    found = await asyncio.gather(*(resolver.resolve("a.example", port) for port in range(10)))
    assert [one[0]["port"] for one in found] == list(range(10))
    assert {one[0]["host"] for one in found} == {"127.0.0.1"}
    assert machine.asked == ["a.example"]


async def test_there_is_a_bound_to_what_is_looked_up(machine: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST_AT_ONCE", 2)
    resolver = Names(machine.look_up, lookup_s=0.1)
    found = await asyncio.gather(*(resolver.resolve(f"hangs{n}", 80) for n in range(3)), return_exceptions=True)
    assert all(isinstance(one, OSError) for one in found)
    assert len(machine.asked) == 2


async def test_an_answer_stands_in_while_the_resolver_fails_but_not_for_a_name_that_is_gone(machine: System) -> None:
    resolver = Names(machine.look_up)
    before = await resolver.resolve("a.example", 80)
    machine.fault = socket.gaierror(socket.EAI_AGAIN, "try again")
    assert await resolver.resolve("a.example", 80) == before
    with pytest.raises(OSError, match="try again"):
        await resolver.resolve("b.example", 80)
    machine.fault = socket.gaierror(socket.EAI_NONAME, "unknown")
    with pytest.raises(OSError, match="unknown"):
        await resolver.resolve("a.example", 80)


async def test_what_is_kept_is_bounded(machine: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST_KEPT", 1)
    resolver = Names(machine.look_up)
    for host in ("a", "b"):
        await resolver.resolve(host, 80)
    machine.fault = OSError("down")
    assert await resolver.resolve("b", 80)
    with pytest.raises(OSError, match="down"):
        await resolver.resolve("a", 80)


async def test_this_machine_has_a_name() -> None:
    assert {one["host"] for one in await Names(system).resolve("localhost", 80)} <= {"127.0.0.1", "::1"}
    with pytest.raises(OSError, match=r"\."):
        await Names(system).resolve("a." * 200 + "x", 80)
