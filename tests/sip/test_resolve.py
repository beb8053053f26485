"""RFC 3263 against a name server of our own on loopback: what is asked, in which order hops come, what is remembered."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from dns.rdtypes.IN.SRV import SRV
from hypothesis import given
from hypothesis import strategies as st

from sip.resolve import MOST_HOPS, Resolver, order_servers
from sip.transport import Hop
from sip.uri import Uri


class NameServer(asyncio.DatagramProtocol):
    """Answers from `zone`: (name, type) -> (TTL, records). Counts what it was asked; `silent`: answers nothing."""

    def __init__(self) -> None:
        self.zone: dict[tuple[str, str], tuple[int, list[str]]] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        self.silent = False
        self.broken = False

    def has(self, name: str, kind: str, *records: str, ttl: int = 60) -> None:
        self.zone[name, kind] = (ttl, list(records))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        key = (question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype))
        self.asked[key] += 1
        if self.silent:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if self.broken:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif key in self.zone:
            ttl, records = self.zone[key]
            response.answer.append(dns.rrset.from_text_list(question.name, ttl, "IN", key[1], records))
        elif not any(name == key[0] for name, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(response.to_wire(), address)


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    yield protocol
    transport.close()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def resolver(server: NameServer, clock: Clock) -> Resolver:
    address = server.transport.get_extra_info("sockname")
    return Resolver([address], clock=clock, choose=lambda: 0.0)


async def hops(resolver: Resolver, uri: str) -> list[str]:
    return [str(hop) for hop in await resolver.resolve(Uri.parse(uri))]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:192.0.2.1", "udp:192.0.2.1:5060"),
        ("sip:192.0.2.1:5070;transport=tcp", "tcp:192.0.2.1:5070"),
        ("sips:192.0.2.1", "tls:192.0.2.1:5061"),
        ("sips:192.0.2.1;transport=tcp", "tls:192.0.2.1:5061"),
        ("sip:[2001:db8::1]", "udp:2001:db8::1:5060"),
        ("sip:a@name.example;maddr=192.0.2.9", "udp:192.0.2.9:5060"),
        ("sip:192.0.2.1;transport=carrier-pigeon", "udp:192.0.2.1:5060"),
        ("sip:localhost:5080", "udp:127.0.0.1:5080"),
        ("sip:pbx.localhost", "udp:127.0.0.1:5060"),
    ],
)
async def test_an_address_asks_nobody(resolver: Resolver, server: NameServer, uri: str, expected: str) -> None:
    assert await hops(resolver, uri) == [expected]
    assert not server.asked


async def test_a_port_means_addresses_at_once_the_fourth_version_first(resolver: Resolver, server: NameServer) -> None:
    server.has("pbx.example", "A", "192.0.2.1", "192.0.2.2")
    server.has("pbx.example", "AAAA", "2001:db8::1")
    *four, six = await hops(resolver, "sip:pbx.example:5070;transport=tcp")
    assert sorted(four) == ["tcp:192.0.2.1:5070", "tcp:192.0.2.2:5070"], "in whichever order the name server likes"
    assert six == "tcp:2001:db8::1:5070"
    assert set(server.asked) == {("pbx.example", "A"), ("pbx.example", "AAAA")}


async def test_naptr_chooses_transports_and_names_whose_srv_choose_the_servers(
    resolver: Resolver, server: NameServer
) -> None:
    server.has(
        "example.com",
        "NAPTR",
        '20 10 "s" "SIP+D2U" "" _sip._udp.elsewhere.net.',
        '10 10 "s" "SIPS+D2T" "" _sips._tcp.example.com.',
        '10 5 "u" "E2U+sip" "!^.*$!sip:x@y!" .',
        '30 1 "s" "SIP+D2S" "" _sip._sctp.example.com.',
    )
    server.has("_sips._tcp.example.com", "SRV", "1 1 5061 secure.example.com.")
    server.has("_sip._udp.elsewhere.net", "SRV", "2 1 5070 second.example.com.", "1 1 5060 first.example.com.")
    for last, name in enumerate(("secure", "first", "second"), 1):
        server.has(f"{name}.example.com", "A", f"192.0.2.{last}")
    assert await hops(resolver, "sip:example.com") == [
        "tls:192.0.2.1:5061",
        "udp:192.0.2.2:5060",
        "udp:192.0.2.3:5070",
    ]


async def test_without_naptr_srv_are_asked_for_what_we_speak(resolver: Resolver, server: NameServer) -> None:
    server.has("_sip._tcp.example.com", "SRV", "1 1 5080 a.example.com.")
    server.has("a.example.com", "A", "192.0.2.1")
    server.has("example.com", "A", "192.0.2.99")
    assert await hops(resolver, "sip:example.com") == ["tcp:192.0.2.1:5080"]


@pytest.mark.parametrize(
    ("uri", "service", "expected"),
    [
        ("sip:example.com;transport=tcp", "_sip._tcp.example.com", "tcp"),
        ("sips:example.com", "_sips._tcp.example.com", "tls"),
        ("sip:example.com;transport=udp", "_sip._udp.example.com", "udp"),
    ],
)
async def test_a_transport_that_was_asked_for_is_the_only_one(
    resolver: Resolver, server: NameServer, uri: str, service: str, expected: str
) -> None:
    server.has(service, "SRV", "1 1 5999 a.example.com.")
    server.has("a.example.com", "A", "192.0.2.1")
    assert await hops(resolver, uri) == [f"{expected}:192.0.2.1:5999"]
    assert {name for name, kind in server.asked if kind == "SRV"} == {service}
    assert not [name for name, kind in server.asked if kind == "NAPTR"]


async def test_without_either_the_name_itself_is_called(resolver: Resolver, server: NameServer) -> None:
    server.has("example.com", "A", "192.0.2.1")
    assert await hops(resolver, "sip:example.com") == ["udp:192.0.2.1:5060"]
    assert await hops(resolver, "sips:example.com") == ["tls:192.0.2.1:5061"]
    assert await hops(resolver, "sip:example.com;transport=ws") == ["ws:192.0.2.1:80"]


async def test_a_service_that_is_refused_has_no_servers(resolver: Resolver, server: NameServer) -> None:
    server.has("_sip._udp.example.com", "SRV", "0 0 0 .")
    server.has("example.com", "A", "192.0.2.1")
    assert await hops(resolver, "sip:example.com") == []


async def test_a_server_that_is_named_by_its_address_or_twice_is_one_hop(
    resolver: Resolver, server: NameServer
) -> None:
    server.has("_sip._udp.example.com", "SRV", "1 1 5060 a.example.com.", "2 1 5060 b.example.com.")
    server.has("a.example.com", "A", "192.0.2.1")
    server.has("b.example.com", "A", "192.0.2.1")
    assert await hops(resolver, "sip:example.com") == ["udp:192.0.2.1:5060"]


async def test_a_domain_with_endless_servers_is_cut(resolver: Resolver, server: NameServer) -> None:
    server.has("_sip._udp.example.com", "SRV", *[f"{n} 1 5060 h{n}.example.com." for n in range(30)])
    for n in range(30):
        server.has(f"h{n}.example.com", "A", f"192.0.2.{n}")
    assert len(await hops(resolver, "sip:example.com")) == MOST_HOPS


@pytest.mark.parametrize("uri", ["sip:nowhere.example", "sip:nowhere.example:5060", "tel:+15550100"])
async def test_a_name_without_address_has_no_hops(resolver: Resolver, uri: str) -> None:
    assert await hops(resolver, uri) == []


@pytest.mark.parametrize("host", ["x" * 64 + ".example", "a..b", "." * 5 + "example", "x." * 200 + "example"])
async def test_a_name_that_is_none_has_no_hops(resolver: Resolver, host: str) -> None:
    uri = Uri("sip", "a", None, host, None, (), ())
    assert await resolver.resolve(uri) == []


async def test_answers_are_kept_for_their_ttl_and_no_longer(
    resolver: Resolver, server: NameServer, clock: Clock
) -> None:
    server.has("pbx.example", "A", "192.0.2.1", ttl=60)
    assert await hops(resolver, "sip:pbx.example:5060") == ["udp:192.0.2.1:5060"]
    server.has("pbx.example", "A", "192.0.2.2", ttl=60)
    clock.now += 59
    assert await hops(resolver, "sip:PBX.example:5060") == ["udp:192.0.2.1:5060"]
    clock.now += 2
    assert await hops(resolver, "sip:pbx.example:5060") == ["udp:192.0.2.2:5060"]
    assert server.asked["pbx.example", "A"] == 2


async def test_that_there_is_nothing_is_kept_too(resolver: Resolver, server: NameServer, clock: Clock) -> None:
    assert await hops(resolver, "sip:new.example:5060") == []
    server.has("new.example", "A", "192.0.2.1")
    assert await hops(resolver, "sip:new.example:5060") == []
    clock.now += 31
    assert await hops(resolver, "sip:new.example:5060") == ["udp:192.0.2.1:5060"]


@pytest.mark.parametrize("how", ["broken", "silent"])
async def test_while_dns_is_down_what_was_known_is_used_for_an_hour(
    resolver: Resolver, server: NameServer, clock: Clock, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("sip.resolve.QUESTION_S", 0.05)
    server.has("_sip._udp.example.com", "SRV", "1 1 5060 a.example.com.")
    server.has("a.example.com", "A", "192.0.2.1")
    assert await hops(resolver, "sip:example.com") == ["udp:192.0.2.1:5060"]
    setattr(server, how, True)
    clock.now += 3000
    assert await hops(resolver, "sip:example.com") == ["udp:192.0.2.1:5060"]
    asked = server.asked.total()
    assert await hops(resolver, "sip:example.com") == ["udp:192.0.2.1:5060"]
    assert server.asked.total() == asked, "a server that is down is not asked again at once"
    clock.now += 700
    assert await hops(resolver, "sip:example.com") == []


async def test_nobody_waits_longer_than_the_bound(
    resolver: Resolver, server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sip.resolve.LOOKUP_S", 0.05)
    server.silent = True
    assert await hops(resolver, "sip:example.com") == []


async def test_a_hundred_calls_at_once_ask_once(resolver: Resolver, server: NameServer) -> None:
    server.has("_sip._udp.example.com", "SRV", "1 1 5060 a.example.com.")
    server.has("a.example.com", "A", "192.0.2.1")
    found = await asyncio.gather(*(hops(resolver, "sip:example.com") for _ in range(100)))
    assert found == [["udp:192.0.2.1:5060"]] * 100
    assert set(server.asked.values()) == {1}


async def test_one_caller_who_gives_up_takes_nothing_from_another(resolver: Resolver, server: NameServer) -> None:
    server.has("pbx.example", "A", "192.0.2.1")
    hasty = asyncio.create_task(hops(resolver, "sip:pbx.example:5060"))
    patient = asyncio.create_task(hops(resolver, "sip:pbx.example:5060"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    hasty.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await hasty
    assert await patient == ["udp:192.0.2.1:5060"]


async def test_the_memory_is_bounded(resolver: Resolver, server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sip.resolve.MOST_KEPT", 2)
    server.has("a.example", "A", "192.0.2.1")
    server.has("b.example", "A", "192.0.2.2")
    for name in ("a", "b", "a"):
        await hops(resolver, f"sip:{name}.example:5060")
    assert server.asked["a.example", "A"] == 2


async def test_a_name_of_the_hosts_file_is_found_where_dns_knows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    known = {"pbx.internal": [(2, 2, 17, "", ("192.0.2.7", 0))]}

    async def getaddrinfo(
        host: str, *_args: object, **_more: object
    ) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        if host not in known:
            raise OSError(-2, "Name or service not known")
        return known[host]

    async def nothing(self: Resolver, name: str, kind: type) -> list[object]:
        return []

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo, raising=False)
    monkeypatch.setattr(Resolver, "_ask", nothing)
    resolver = Resolver()
    assert await hops(resolver, "sip:pbx.internal") == ["udp:192.0.2.7:5060"]
    assert await hops(resolver, "sip:other.internal") == []


def srv(priority: int, weight: int, target: str) -> SRV:
    return cast("SRV", dns.rrset.from_text("x.", 60, "IN", "SRV", f"{priority} {weight} 5060 {target}.")[0])


def numbers(*values: float) -> Callable[[], float]:
    return itertools.cycle(values).__next__


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [(0.0, "zero"), (0.05, "small"), (0.2, "small"), (0.3, "big"), (0.999, "big")],
)
def test_the_first_server_is_drawn_by_weight(drawn: float, expected: str) -> None:
    records = [srv(1, 30, "big"), srv(1, 10, "small"), srv(1, 0, "zero"), srv(0, 0, "before")]
    order = [str(record.target).rstrip(".") for record in order_servers(records, numbers(0.0, drawn, 0.0))]
    assert order[:2] == ["before", expected]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 65_535)), max_size=20),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20),
)
def test_every_server_comes_once_and_priorities_rise(given: list[tuple[int, int]], drawn: list[float]) -> None:
    records = [srv(priority, weight, f"h{n}") for n, (priority, weight) in enumerate(given)]
    ordered = order_servers(records, numbers(*drawn))
    assert sorted(map(str, ordered)) == sorted(map(str, records))
    assert [record.priority for record in ordered] == sorted(record.priority for record in records)


def test_a_hop_reads_like_an_address() -> None:
    assert str(Hop("tcp", "192.0.2.1", 5060)) == "tcp:192.0.2.1:5060"
