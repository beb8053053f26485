"""The four transactions by their tables (RFC 3261 section 17, RFC 6026).

| machine | RFC | its timers |
|---|---|---|
| ClientInvite | 17.1.1, 6026 7.2 | A doubles from T1, B 64*T1, C our bound, D 32 s or 0, M 64*T1 |
| ClientRequest | 17.1.2 | E doubles from T1 to T2 (T2 once proceeding), F 64*T1, K T4 or 0 |
| ServerInvite | 17.2.1, 6026 7.1 | G doubles from T1 to T2, H 64*T1, I T4 or 0, L 64*T1 |
| ServerRequest | 17.2.2 | J 64*T1 or 0, our bound for a user that does not answer |
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from enum import Enum
from types import ModuleType
from typing import Any

import pytest

from sip import client_invite, client_request, server_invite, server_request
from sip.machine import Machine, printed
from sip.message import Request, Response, parse
from sip.timers import Timer, TimerTable, TimerValues
from sip.transport import Flow

UDP = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
TCP = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.2", 5060), 7)
MODULES = (client_invite, client_request, server_invite, server_request)


class World:
    """The host of one transaction, and its clock."""

    def __init__(self) -> None:
        self.timers, self.values = TimerTable(), TimerValues()
        self.now = 0.0
        self.sent: list[tuple[float, Flow, bytes]] = []
        self.told: list[str] = []

    def send(self, flow: Flow, data: bytes) -> None:
        self.sent.append((self.now, flow, data))

    def response(self, transaction: Machine, response: Response, now: float) -> None:
        self.told.append(str(response.status))

    def timed_out(self, transaction: Machine, now: float) -> None:
        self.told.append("timed out")

    def unreachable(self, transaction: Machine, now: float) -> None:
        self.told.append("unreachable")

    def ended(self, transaction: Machine) -> None:
        self.told.append(f"ended at {self.now:g}")

    def run(self, until: float) -> None:
        while (at := self.timers.next_deadline()) is not None and at <= until:
            self.now = at
            for owner, timer in self.timers.due(at):
                owner.fire(timer, at)
        self.now = until

    def times(self) -> list[float]:
        return [at for at, _, _ in self.sent]

    def lines(self) -> list[str]:
        return [data.split(b"\r\n")[0].decode() for _, _, data in self.sent]


def request(method: str) -> Request:
    return Request(
        method,
        "sip:bob@192.0.2.2",
        [
            ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1"),
            ("Route", "<sip:proxy.example;lr>"),
            ("From", "<sip:alice@192.0.2.1>;tag=a"),
            ("To", "<sip:bob@192.0.2.2>"),
            ("Call-ID", "c"),
            ("CSeq", f"7 {method}"),
            ("Max-Forwards", "70"),
        ],
    )


def response(status: int, method: str) -> Response:
    return request(method).reply(status, to_tag="b" if status > 100 else None)


def client(world: World, flow: Flow = UDP) -> client_invite.ClientInvite:
    machine = client_invite.ClientInvite(world, request("INVITE"), flow)
    machine.start(0.0)
    return machine


def asker(world: World, flow: Flow = UDP) -> client_request.ClientRequest:
    machine = client_request.ClientRequest(world, request("OPTIONS"), flow)
    machine.start(0.0)
    return machine


def server(world: World, flow: Flow = UDP) -> server_invite.ServerInvite:
    machine = server_invite.ServerInvite(world, request("INVITE"), flow)
    machine.start(0.0)
    return machine


def answerer(world: World, flow: Flow = UDP) -> server_request.ServerRequest:
    machine = server_request.ServerRequest(world, request("OPTIONS"), flow)
    machine.start(0.0)
    return machine


MAKERS: dict[ModuleType, Callable[[World, Flow], Any]] = dict(
    zip(MODULES, (client, asker, server, answerer), strict=True)
)


# -- every table ------------------------------------------------------------------------------------------------------


def walk() -> list[tuple[ModuleType, Enum, Enum]]:
    return [(m, s, i) for m in MODULES for s, i in itertools.product(m.State, [*m.Input, *Timer])]


@pytest.mark.parametrize(("module", "state", "given"), walk())
def test_every_input_in_every_state_leads_where_the_table_says_and_never_raises(
    module: ModuleType, state: Enum, given: Enum
) -> None:
    world = World()
    machine = MAKERS[module](world, UDP)
    machine.state = state
    answer = response({"PROVISIONAL": 180, "SUCCESS": 200, "FINAL": 200}.get(given.name, 486), machine.request.method)
    machine._step(given, 1.0, answer)
    row = module.TABLE.get((state, given))
    assert machine.state is (row[0] if row is not None else state)
    if machine.state.name == "TERMINATED" and row is not None:
        assert len(world.timers) == 0, "nothing fires after the end"
        assert any(text.startswith("ended") for text in world.told)


@pytest.mark.parametrize("module", MODULES)
def test_the_end_can_be_reached_from_every_state(module: ModuleType) -> None:
    ends = {module.State.TERMINATED}
    for _ in module.State:
        ends |= {state for (state, _), (after, _) in module.TABLE.items() if after in ends}
    assert ends == set(module.State)


def test_a_table_can_be_printed() -> None:
    table: Mapping[tuple[Enum, Enum], tuple[Enum, Callable[..., None]]] = client_request.TABLE  # type: ignore[assignment]  # keys are invariant
    assert printed(table).splitlines()[0].split() == ["trying", "E", "trying", "resend"]


# -- INVITE, client ---------------------------------------------------------------------------------------------------


def test_an_invite_is_repeated_over_udp_and_given_up_after_64_t1() -> None:
    world = World()
    client(world)
    world.run(100)
    assert world.times() == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert world.told == ["ended at 32", "timed out"]


def test_an_invite_is_sent_once_over_tcp() -> None:
    world = World()
    client(world, TCP)
    world.run(100)
    assert world.times() == [0]
    assert world.told == ["ended at 32", "timed out"]


def test_a_provisional_response_ends_the_repeating_and_begins_the_long_wait() -> None:
    world = World()
    machine = client(world)
    machine.receive(response(180, "INVITE"), 0.1)
    world.run(800)
    machine.receive(response(180, "INVITE"), 800)
    world.run(1600)
    assert world.times() == [0]
    world.run(2000)
    assert world.told == ["180", "180", "ended at 1700", "timed out"]


def test_a_failure_is_acked_with_the_branch_of_the_invite_and_again_when_it_comes_again() -> None:
    world = World()
    machine = client(world)
    for at in (1.0, 2.0, 3.0):
        machine.receive(response(486, "INVITE"), at)
    assert world.told == ["486"]
    ack = parse(world.sent[-1][2])
    assert isinstance(ack, Request)
    assert world.lines() == ["INVITE sip:bob@192.0.2.2 SIP/2.0"] + ["ACK sip:bob@192.0.2.2 SIP/2.0"] * 3
    assert ack.via.branch == "z9hG4bK1"
    assert ack.headers.get("Route") == "<sip:proxy.example;lr>"
    assert str(ack.cseq) == "7 ACK"
    assert ack.to.tag == "b"
    world.run(100)
    assert world.told == ["486", "ended at 33"]


def test_a_failure_over_tcp_ends_the_transaction_at_once() -> None:
    world = World()
    client(world, TCP).receive(response(486, "INVITE"), 1.0)
    world.run(1.0)
    assert world.told == ["486", "ended at 1"]


def test_second_2xx_reaches_the_user_because_forks_answer_twice() -> None:
    world = World()
    machine = client(world)
    machine.receive(response(200, "INVITE"), 1.0)
    machine.receive(response(200, "INVITE"), 5.0)
    machine.receive(response(180, "INVITE"), 6.0)
    world.run(100)
    assert world.told == ["200", "200", "ended at 33"]
    assert len(world.sent) == 1, "the ACK of a 2xx is its user's"


def test_a_lost_connection_before_any_answer_has_the_request_sent_again_on_another() -> None:
    world = World()
    machine = client(world, TCP)
    fresh = Flow("tcp", TCP.local, TCP.remote)
    machine.move(fresh, 1.0)
    assert [flow for _, flow, _ in world.sent] == [TCP, fresh]
    machine.receive(response(180, "INVITE"), 2.0)
    machine.move(TCP, 3.0)
    assert len(world.sent) == 2, "the peer has it: it is not asked twice"


# -- others, client ---------------------------------------------------------------------------------------------------


def test_a_request_is_repeated_up_to_every_4_seconds() -> None:
    world = World()
    asker(world)
    world.run(100)
    assert world.times() == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert world.told == ["ended at 32", "timed out"]


def test_a_provisional_answer_slows_a_request_down() -> None:
    world = World()
    machine = asker(world)
    machine.receive(response(100, "OPTIONS"), 0.1)
    world.run(100)
    assert world.times() == [0, 0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    assert world.told == ["100", "ended at 32", "timed out"]


def test_a_repeated_final_answer_is_absorbed_for_t4() -> None:
    world = World()
    machine = asker(world)
    machine.receive(response(200, "OPTIONS"), 1.0)
    machine.receive(response(200, "OPTIONS"), 1.5)
    world.run(100)
    assert world.told == ["200", "ended at 6"]
    assert len(world.sent) == 1


# -- INVITE, server ---------------------------------------------------------------------------------------------------


def test_an_invite_is_answered_100_at_once_and_what_was_said_last_when_it_comes_again() -> None:
    world = World()
    machine = server(world)
    machine.again(0.5)
    machine.respond(response(180, "INVITE"), 1.0)
    machine.again(1.5)
    assert [line.split()[1] for line in world.lines()] == ["100", "100", "180", "180"]


def test_a_refusal_is_repeated_until_its_ack_and_no_longer_than_64_t1() -> None:
    world = World()
    machine = server(world)
    machine.respond(response(486, "INVITE"), 0.0)
    world.run(100)
    assert world.times()[1:] == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert world.told == ["ended at 32", "timed out"]


def test_the_ack_of_a_refusal_ends_the_repeating() -> None:
    world = World()
    machine = server(world)
    machine.respond(response(486, "INVITE"), 0.0)
    world.run(0.6)
    machine.acked(0.6)
    machine.again(0.7)
    world.run(100)
    assert world.times()[1:] == [0, 0.5]
    assert world.told == ["ended at 5.6"]


def test_after_a_2xx_repeated_invites_are_absorbed_and_further_2xx_pass() -> None:
    world = World()
    machine = server(world)
    machine.respond(response(200, "INVITE"), 0.0)
    machine.again(0.5)
    machine.acked(0.6)
    machine.respond(response(200, "INVITE"), 1.0)
    machine.respond(response(486, "INVITE"), 1.0)
    world.run(100)
    assert [line.split()[1] for line in world.lines()] == ["100", "200", "200"]
    assert world.told == ["ended at 32"]


# -- others, server ---------------------------------------------------------------------------------------------------


def test_an_answer_is_repeated_for_a_repeated_request_and_forgotten_after_64_t1() -> None:
    world = World()
    machine = answerer(world)
    machine.again(0.5)
    assert world.sent == []
    machine.respond(response(200, "OPTIONS"), 1.0)
    machine.again(1.5)
    machine.respond(response(500, "OPTIONS"), 2.0)
    world.run(100)
    assert [line.split()[1] for line in world.lines()] == ["200", "200"]
    assert world.told == ["ended at 33"]


def test_a_request_that_nobody_answers_is_forgotten() -> None:
    world = World()
    machine = answerer(world)
    world.run(100)
    machine.respond(response(200, "OPTIONS"), 100)
    assert world.told == ["ended at 32"]
    assert world.sent == []


@pytest.mark.parametrize("make", [client, asker, server, answerer])
def test_a_failed_transport_is_told_once_and_ends_it(make: Callable[[World, Flow], Machine]) -> None:
    world = World()
    machine = make(world, TCP)
    machine.transport_failed(1.0)
    machine.transport_failed(2.0)
    world.run(100)
    assert world.told == ["ended at 0", "unreachable"]
