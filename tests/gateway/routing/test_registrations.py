"""REGISTER served, and its bindings over a restart of the gateway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.config import SipConfig
from gateway.routing import registrations
from gateway.routing.inbound import PhonePrincipal, TrunkPrincipal
from gateway.routing.registrations import Registrations, wall_clock
from gateway.storage.store import Store
from sip.handle import ServerRequest
from sip.message import Request, Response
from sip.server_request import ServerRequest as Transaction
from sip.timers import TimerTable, TimerValues
from sip.transport import Flow, Hop

UDP = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 40_000))
TCP = Flow("tcp", ("192.0.2.1", 5060), ("198.51.100.8", 40_001), 7)


@dataclass
class Host:
    """What a transaction needs around it."""

    values: TimerValues = field(default_factory=TimerValues)
    timers: TimerTable = field(default_factory=TimerTable)
    sent: list[bytes] = field(default_factory=list)

    def send(self, flow: Flow, data: bytes) -> None:
        self.sent.append(data)

    def response(self, transaction: object, response: Response, now: float) -> None: ...

    def timed_out(self, transaction: object, now: float) -> None: ...

    def unreachable(self, transaction: object, now: float) -> None: ...

    def ended(self, transaction: object) -> None: ...


def registered(
    ours: Registrations,
    contact: str,
    flow: Flow = UDP,
    *,
    principal: object = PhonePrincipal("alice"),
    cseq: int = 1,
    expires: str = "3600",
) -> str:
    request = Request(
        "REGISTER",
        "sip:gate.example",
        [
            ("Via", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx"),
            ("From", "<sip:alice@gate.example>;tag=1"),
            ("To", "<sip:alice@gate.example>"),
            ("Call-ID", contact),
            ("CSeq", f"{cseq} REGISTER"),
            ("Contact", contact),
            ("Expires", expires),
        ],
    )
    host = Host()
    act: Callable[[Callable[[float], None]], None] = lambda step: step(0.0)  # noqa: E731
    ours.register(ServerRequest(Transaction(host, request, flow), principal, act))
    return host.sent[-1].decode()


async def test_bindings_are_there_after_a_restart_the_way_they_came(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    async with Store(url) as store:
        ours = Registrations(SipConfig(), store)
        assert await ours.load() == 0
        assert registered(ours, '<sip:alice@10.0.0.1>;q=0.7;+sip.instance="<urn:uuid:1>"').startswith("SIP/2.0 200")
        assert registered(ours, "<sip:alice@198.51.100.8:5071;transport=tcp>", TCP).startswith("SIP/2.0 200")
        assert registered(ours, "<sip:alice@10.0.0.3>").startswith("SIP/2.0 200")
        gone = registered(ours, "<sip:alice@10.0.0.3>", cseq=2, expires="0")
        assert gone.startswith("SIP/2.0 200")
        assert "10.0.0.3" not in "".join(line for line in gone.splitlines() if line.startswith("Contact"))
        before = ours.registrar.bindings("alice", wall_clock())
    async with Store(url) as store:
        ours = Registrations(SipConfig(), store)
        assert await ours.load() == 2
        stream, datagram = ours.registrar.bindings("alice", wall_clock())
    assert stream.ways == (Hop("tcp", "198.51.100.8", 5071),), "its connection did not survive"
    assert datagram.ways == (UDP,)
    assert {b.key for b in before} == {stream.key, datagram.key}
    assert datagram == next(b for b in before if b.instance)


async def test_what_has_expired_meanwhile_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    early = wall_clock() - 10_000
    async with Store(url) as store:
        ours = Registrations(SipConfig(), store)
        monkeypatch.setattr(registrations, "wall_clock", lambda: early)
        registered(ours, "<sip:alice@10.0.0.1>")
        assert len(ours.registrar.bindings("alice", early)) == 1
    monkeypatch.undo()
    async with Store(url) as store:
        assert await Registrations(SipConfig(), store).load() == 0


async def test_the_configured_bounds_hold(tmp_path: Path) -> None:
    async with Store(f"sqlite:///{tmp_path}/gateway.db") as store:
        ours = Registrations(SipConfig(register_min_s=120, register_max_s=240), store)
        short = registered(ours, "<sip:alice@10.0.0.1>", expires="100")
        assert short.startswith("SIP/2.0 423")
        assert "\r\nMin-Expires: 120\r\n" in short
        assert "expires=240" in registered(ours, "<sip:alice@10.0.0.1>", expires="9999")


@pytest.mark.parametrize("principal", [TrunkPrincipal("carrier", None), None])
async def test_only_a_phone_registers(tmp_path: Path, principal: object) -> None:
    async with Store(f"sqlite:///{tmp_path}/gateway.db") as store:
        ours = Registrations(SipConfig(), store)
        assert registered(ours, "<sip:alice@10.0.0.1>", principal=principal).startswith("SIP/2.0 403")
        assert ours.registrar.users(wall_clock()) == []
