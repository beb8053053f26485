"""Where requests to a URI go: NAPTR, SRV, then addresses, in fail-over order (RFC 3263); edge."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from ipaddress import ip_address

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver

from sip.transport import DEFAULT_PORTS, Hop
from sip.uri import Uri

LOOKUP_S = 4.0
KEEP_S = 3600.0
"""How long an answer may be used past its TTL while DNS is down."""

_SERVICES = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
_SRV_NAMES = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}


class Resolver:
    """Asks DNS and keeps answers for their TTL. *nameservers* as (address, port); None: the machine's own."""

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
        self._kept: dict[tuple[str, str], tuple[float, list[object]]] = {}

    async def resolve(self, uri: Uri) -> list[Hop]:
        """Hops, the best first; empty when the name has no address. Bounded in time."""
        host = (uri.param("maddr") or uri.host).strip("[]")
        asked = (uri.param("transport") or "").lower()
        secure = uri.scheme == "sips"
        transport = asked if asked in DEFAULT_PORTS else ""
        if secure and transport in ("", "tcp"):
            transport = "tls"
        if _is_numeric(host):
            name = transport or "udp"
            return [Hop(name, host, uri.port or DEFAULT_PORTS[name])]
        try:
            async with asyncio.timeout(LOOKUP_S):
                if uri.port is not None:
                    return await self._addresses(host, transport or "udp", uri.port)
                return await self._by_service(host, transport, secure)
        except TimeoutError:
            return []

    async def _by_service(self, host: str, transport: str, secure: bool) -> list[Hop]:
        """Section 4.1 and 4.2: NAPTR chooses the transport, SRV the servers; neither: the name itself."""
        services = [transport] if transport else await self._transports(host, secure)
        for name in services or (["tls"] if secure else ["udp", "tcp"]):
            hops: list[Hop] = []
            for target, port in await self._servers(_SRV_NAMES.get(name, "_sip._udp.") + host):
                hops += await self._addresses(target, name, port)
            if hops:
                return hops
        name = transport or ("tls" if secure else "udp")
        return await self._addresses(host, name, DEFAULT_PORTS[name])

    async def _transports(self, host: str, secure: bool) -> list[str]:
        records = await self._ask(host, "NAPTR")
        ordered = sorted(records, key=lambda r: (r.order, r.preference))  # type: ignore[attr-defined]
        names = [_SERVICES.get(r.service.decode("ascii", "replace").upper()) for r in ordered]  # type: ignore[attr-defined]
        return [name for name in names if name and (not secure or name == "tls")]

    async def _servers(self, name: str) -> list[tuple[str, int]]:
        """RFC 2782: by priority, at random by weight within one."""
        records = list(await self._ask(name, "SRV"))
        found: list[tuple[str, int]] = []
        for priority in sorted({r.priority for r in records}):  # type: ignore[attr-defined]
            group = [r for r in records if r.priority == priority]  # type: ignore[attr-defined]
            while group:
                mark = self._choose() * (sum(r.weight for r in group) or 1)  # type: ignore[attr-defined]
                chosen = group[-1]
                for record in group:
                    mark -= record.weight  # type: ignore[attr-defined]
                    if mark < 0:
                        chosen = record
                        break
                group.remove(chosen)
                found.append((str(chosen.target).rstrip("."), chosen.port))  # type: ignore[attr-defined]
        return [(target, port) for target, port in found if target]

    async def _addresses(self, host: str, transport: str, port: int) -> list[Hop]:
        if _is_numeric(host):
            return [Hop(transport, host, port)]
        if host.lower() == "localhost":  # RFC 6761 section 6.3
            return [Hop(transport, "127.0.0.1", port)]
        four, six = await asyncio.gather(self._ask(host, "A"), self._ask(host, "AAAA"))
        return [Hop(transport, str(record), port) for record in (*four, *six)]

    async def _ask(self, name: str, kind: str) -> list[object]:
        key = (name.lower(), kind)
        now = self._clock()
        kept = self._kept.get(key)
        if kept is not None and now < kept[0]:
            return kept[1]
        try:
            answer = await self._resolver().resolve(name, kind, raise_on_no_answer=False, lifetime=LOOKUP_S)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            self._kept[key] = (now + 30.0, [])
            return []
        except (dns.exception.DNSException, OSError):
            return kept[1] if kept is not None and now < kept[0] + KEEP_S else []
        records: list[object] = list(answer.rrset or [])
        ttl = answer.rrset.ttl if answer.rrset is not None else 30
        self._kept[key] = (now + ttl, records)
        if len(self._kept) > 10_000:
            self._kept.pop(next(iter(self._kept)))
        return records

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if self._dns is None:
            if self._nameservers is None:
                self._dns = dns.asyncresolver.Resolver()
            else:
                self._dns = dns.asyncresolver.Resolver(configure=False)
                self._dns.nameservers = [address for address, _ in self._nameservers]
                self._dns.nameserver_ports = dict(self._nameservers)
        return self._dns


def _is_numeric(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
