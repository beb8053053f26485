"""Where requests to a URI go: NAPTR, SRV, then addresses, in fail-over order (RFC 3263); edge."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import accumulate
from typing import Any, TypeVar

import dns.asyncresolver
import dns.exception
import dns.resolver
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from sip.transport import DEFAULT_PORTS, Hop
from sip.uri import Uri

LOOKUP_S = 4.0
"""How long one URI may take."""

QUESTION_S = 1.6
"""How long one question may take; a datagram is repeated after half of it."""

NEGATIVE_S = 30.0
DOWN_S = 5.0
"""After a question without an answer, what was known before is used at once for this long."""

STALE_S = 3600.0
"""How long an answer may be used past its TTL while DNS is down."""

MOST_KEPT = 10_000
MOST_HOPS = 16

_SERVICES = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
_SRV_NAMES = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}

Record = TypeVar("Record", A, AAAA, NAPTR, SRV)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Kept:
    records: Sequence[Any]
    fresh_until: float
    usable_until: float


class Resolver:
    """Asks DNS and keeps answers for their TTL. *nameservers* as (address, port); None: the machine's own, and its hosts file."""

    def __init__(
        self,
        nameservers: Iterable[tuple[str, int]] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        choose: Callable[[], float] = random.random,
    ) -> None:
        self._nameservers = list(nameservers) if nameservers is not None else None
        self._clock = clock
        self._choose = choose
        self._dns: dns.asyncresolver.Resolver | None = None
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._asking: dict[Key, asyncio.Task[_Kept]] = {}
        self._down_until = 0.0

    async def resolve(self, uri: Uri) -> list[Hop]:
        """Hops, the best first; empty when the name has no address. Never longer than `LOOKUP_S`."""
        host = (uri.param("maddr") or uri.host).strip("[]").rstrip(".")
        if not host:
            return []
        asked = (uri.param("transport") or "").lower()
        secure = uri.scheme == "sips"
        transport = asked if asked in DEFAULT_PORTS else ""
        if secure and transport in ("", "tcp"):
            transport = "tls"
        local = _without_asking(host)
        if local is not None:
            name = transport or "udp"
            return [Hop(name, local, uri.port or DEFAULT_PORTS[name])]
        try:
            async with asyncio.timeout(LOOKUP_S):
                if uri.port is not None or transport in ("ws", "wss"):  # RFC 7118 defines no SRV service
                    name = transport or "udp"
                    return await self._addresses(host, name, uri.port or DEFAULT_PORTS[name])
                return await self._by_service(host, transport)
        except TimeoutError:
            return []

    async def _by_service(self, host: str, transport: str) -> list[Hop]:
        """Sections 4.1 and 4.2: NAPTR chooses the transport, SRV the servers; neither: the name itself."""
        services = [(name, _SRV_NAMES[name] + host) for name in ([transport] if transport else ["udp", "tcp"])]
        chosen = [] if transport else await self._services(host)
        found = await asyncio.gather(*(self._servers(srv, name) for name, srv in chosen or services))
        if all(servers is None for servers in found):
            name = transport or "udp"
            return await self._addresses(host, name, DEFAULT_PORTS[name])
        servers = [server for group in found for server in group or ()]
        hops = await asyncio.gather(*(self._addresses(*server) for server in servers[:MOST_HOPS]))
        return list(dict.fromkeys(hop for group in hops for hop in group))[:MOST_HOPS]

    async def _services(self, host: str) -> list[tuple[str, str]]:
        """(transport, name of its SRV records), the domain's favourite first."""
        records = sorted(await self._ask(host, NAPTR), key=lambda record: (record.order, record.preference))
        read = [
            (_SERVICES.get(record.service.decode("ascii", "replace").upper(), ""), str(record.replacement).rstrip("."))
            for record in records
            if record.flags.lower() == b"s"
        ]
        return [(name, srv) for name, srv in read if name and srv]

    async def _servers(self, srv: str, transport: str) -> list[tuple[str, str, int]] | None:
        """(target, transport, port) by priority, at random by weight within one (RFC 2782); None: there are no records."""
        records = await self._ask(srv, SRV)
        ordered = order_servers(records, self._choose)
        found = [(str(record.target).rstrip("."), transport, record.port) for record in ordered]
        return [server for server in found if server[0]] if records else None  # a target of "." is a refusal

    async def _addresses(self, host: str, transport: str, port: int) -> list[Hop]:
        local = _without_asking(host)
        if local is not None:
            return [Hop(transport, local, port)]
        four, six = await asyncio.gather(self._ask(host, A), self._ask(host, AAAA))
        found = [record.address for record in four] + [record.address for record in six]
        if not found and self._nameservers is None:
            found = await _ask_the_machine(host)
        return [Hop(transport, address, port) for address in found]

    # -- questions --------------------------------------------------------------------------------------------------

    async def _ask(self, name: str, kind: type[Record]) -> Sequence[Record]:
        """Records of a name, from memory where they are fresh. Many who ask the same at once ask once."""
        key = (name.lower(), kind.__name__)
        now = self._clock()
        kept = self._kept.get(key)
        if kept is not None and (now < kept.fresh_until or (now < self._down_until and now < kept.usable_until)):
            return kept.records
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._look_up(key), name=f"DNS {key[1]} {key[0]}")
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return (await asyncio.shield(task)).records

    async def _look_up(self, key: Key) -> _Kept:
        name, kind = key
        try:
            answer = await self._resolver().resolve(name, kind, raise_on_no_answer=False, lifetime=QUESTION_S)
            ttl = float(answer.chaining_result.minimum_ttl if answer.rrset is not None else NEGATIVE_S)
            records: Sequence[Any] = list(answer.rrset or ())
        except dns.resolver.NXDOMAIN:
            ttl, records = NEGATIVE_S, ()
        except (dns.exception.DNSException, OSError):
            return self._unanswered(key)
        now = self._clock()
        self._kept[key] = kept = _Kept(records, now + ttl, now + ttl + STALE_S)
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return kept

    def _unanswered(self, key: Key) -> _Kept:
        now = self._clock()
        self._down_until = now + DOWN_S
        kept = self._kept.get(key)
        return kept if kept is not None and now < kept.usable_until else _Kept((), now, now)

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if self._dns is None:
            if self._nameservers is None:
                self._dns = dns.asyncresolver.Resolver()
            else:
                self._dns = dns.asyncresolver.Resolver(configure=False)
                self._dns.nameservers = [address for address, _ in self._nameservers]
                self._dns.nameserver_ports = dict(self._nameservers)
            self._dns.timeout = QUESTION_S / 2
        return self._dns


def order_servers(records: Iterable[SRV], choose: Callable[[], float]) -> list[SRV]:
    """The order in which servers are tried (RFC 2782): by priority, within one at random by weight. *choose* gives [0, 1)."""
    left = sorted(records, key=lambda record: (record.priority, record.weight))  # those of weight 0 first, as it asks
    found: list[SRV] = []
    while left:
        group = [record for record in left if record.priority == left[0].priority]
        number = int(choose() * (sum(record.weight for record in group) + 1))
        sums = accumulate(record.weight for record in group)
        found.append(left.pop(next(at for at, reached in enumerate(sums) if reached >= number)))
    return found


def _without_asking(host: str) -> str | None:
    """The address of a host that is one, or is this machine (RFC 6761 section 6.3)."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return "127.0.0.1"
    try:
        ip_address(host)
    except ValueError:
        return None
    return host


async def _ask_the_machine(host: str) -> list[str]:
    """What its hosts file, or whatever else it asks, says of a name that DNS does not know."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return []
    return [str(address[0]) for *_, address in found]
