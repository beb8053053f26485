"""Trunks kept alive: registered with, asked by OPTIONS, left politely."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from gateway.config import Config, parse
from gateway.routing.trunks import TrunkKeeper
from sip.digest import Credentials
from sip.headers import Address
from sip.message import Response
from sip.uri import Uri


def configured(**trunk: object) -> Config:
    trunk = {"name": "carrier", "host": "sip.carrier.example:5090", "username": "me", "password": "pw", **trunk}
    return parse(
        {
            "sip": {"domain": "gate.example"},
            "rtp": {"address": "192.0.2.1"},
            "account": {"sid": "AC" + "0" * 32, "auth_token": "t"},
            "trunk": [trunk],
        },
        {},
    )


@dataclass
class FakeEndpoint:
    """Answers with what it was given, the last for ever; `silent`: never."""

    answers: list[Response]
    addresses: list[str] = field(default_factory=lambda: ["udp://127.0.0.1:5060", "tcp://0.0.0.0:5061"])
    asked: list[tuple[str, str, dict[str, str], int]] = field(default_factory=list)
    silent: bool = False
    call_ids: set[str | None] = field(default_factory=set)
    who: list[tuple[str, str, Credentials | None]] = field(default_factory=list)

    async def request(
        self,
        method: str,
        uri: Uri,
        *,
        from_: Address,
        to: Address | None = None,
        headers: Sequence[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        call_id: str | None = None,
        cseq: int = 1,
    ) -> Response:
        self.asked.append((method, str(uri), dict(headers), cseq))
        self.who.append((str(from_), str(to), credentials))
        self.call_ids.add(call_id)
        if self.silent:
            await asyncio.get_running_loop().create_future()
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Sleeper:
    """Time that passes only when a test says so."""

    def __init__(self, turns: int) -> None:
        self.waits: list[float] = []
        self._turns = turns
        self.done = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) >= self._turns:
            self.done.set()
            await asyncio.get_running_loop().create_future()


def response(status: int, *headers: tuple[str, str]) -> Response:
    return Response(status, "Whatever", list(headers))


async def run(config: Config, endpoint: FakeEndpoint, turns: int) -> tuple[list[float], dict[str, bool]]:
    sleeper = Sleeper(turns)
    async with TrunkKeeper(config, endpoint, sleep=sleeper, random=lambda: 0.0) as keeper:
        await sleeper.done.wait()
        up = keeper.up
    return sleeper.waits, up


async def test_a_registration_is_made_renewed_and_taken_back() -> None:
    endpoint = FakeEndpoint([response(200, ("Expires", "100"))])
    waits, up = await run(configured(register=True), endpoint, 2)
    assert waits == [80.0, 80.0]
    assert up == {"carrier": True}
    assert [(method, uri, headers["Expires"]) for method, uri, headers, _ in endpoint.asked] == [
        ("REGISTER", "sip:sip.carrier.example:5090", "3600"),
        ("REGISTER", "sip:sip.carrier.example:5090", "3600"),
        ("REGISTER", "sip:sip.carrier.example:5090", "0"),
    ]
    assert {headers["Contact"] for _, _, headers, _ in endpoint.asked} == {"<sip:me@127.0.0.1:5060>"}
    numbers = [cseq for *_, cseq in endpoint.asked]
    assert all(later - earlier >= 5 for earlier, later in pairwise(numbers))
    assert len(endpoint.call_ids) == 1
    address = "<sip:me@sip.carrier.example>"
    assert endpoint.who == [(address, address, Credentials(username="me", password="pw"))] * 3


async def test_a_refused_registration_backs_off_and_is_not_taken_back() -> None:
    endpoint = FakeEndpoint([response(403)])
    waits, up = await run(configured(register=True), endpoint, 3)
    assert waits == [15.0, 30.0, 60.0]
    assert up == {"carrier": False}
    assert len(endpoint.asked) == 3


async def test_the_contact_is_of_the_trunks_own_transport_and_an_address_that_it_can_reach() -> None:
    endpoint = FakeEndpoint([response(200)])
    await run(configured(register=True, host="sip:carrier.example;transport=tcp"), endpoint, 1)
    assert endpoint.asked[0][2]["Contact"] == "<sip:me@192.0.2.1:5061;transport=tcp>"
    assert endpoint.asked[0][1] == "sip:carrier.example;transport=tcp"
    endpoint = FakeEndpoint([response(200)], addresses=["tcp://::1:5060"])
    await run(configured(register=True), endpoint, 1)
    assert endpoint.asked[0][2]["Contact"] == "<sip:me@[::1]:5060;transport=tcp>"


@pytest.mark.parametrize(("status", "up"), [(200, True), (404, True), (405, True), (503, False), (408, False)])
async def test_any_answer_to_options_is_a_sign_of_life(status: int, up: bool) -> None:
    endpoint = FakeEndpoint([response(status)])
    waits, found = await run(configured(keep_alive_s=30), endpoint, 2)
    assert waits == [30, 30]
    assert found == {"carrier": up}
    assert [method for method, *_ in endpoint.asked] == ["OPTIONS", "OPTIONS"]
    assert endpoint.who[0] == ("<sip:crosspoint@gate.example>", "None", None)


async def test_a_trunk_is_up_only_if_both_say_so() -> None:
    endpoint = FakeEndpoint([response(200), response(503)])
    _, up = await run(configured(register=True, keep_alive_s=30), endpoint, 2)
    assert up == {"carrier": False}


async def test_a_trunk_that_asks_for_nothing_is_left_alone() -> None:
    endpoint = FakeEndpoint([response(200)])
    async with TrunkKeeper(configured(), endpoint) as keeper:
        await asyncio.sleep(0)
        assert keeper.up == {}
    assert endpoint.asked == []


async def test_a_trunk_that_is_silent_does_not_hold_our_leaving_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.routing.trunks.LEAVE_S", 0.01)
    endpoint = FakeEndpoint([response(200)])
    sleeper = Sleeper(1)
    async with asyncio.timeout(2), TrunkKeeper(configured(register=True), endpoint, sleep=sleeper):
        await sleeper.done.wait()
        endpoint.silent = True
    assert [headers["Expires"] for _, _, headers, _ in endpoint.asked] == ["3600", "0"]
