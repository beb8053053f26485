"""Where requests may go: a name is resolved once, its addresses are checked, and only those are connected to."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.webhooks.names import Names

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64 (RFC 6052): an IPv4 address lies in its last four octets."""


class Denied(OSError):
    """The address is private, and the configuration does not allow it."""


class Guard:
    """Public addresses and the networks of `http.allow_private`; nothing else."""

    def __init__(self, allow: Sequence[str]) -> None:
        self._allow = tuple(ip_network(text, strict=False) for text in allow)

    def permits(self, address: str) -> bool:
        try:
            ip = _plain(ip_address(address.partition("%")[0]))
        except ValueError:
            return False
        if any(ip in network for network in self._allow if network.version == ip.version):
            return True
        return ip.is_global and not ip.is_multicast and not ip.is_reserved

    def check_literal(self, host: str) -> None:
        """A host that is an address already never reaches the resolver. Raises `Denied`."""
        try:
            ip_address(host.strip("[]").partition("%")[0])
        except ValueError:
            return
        if not self.permits(host.strip("[]")):
            raise Denied(f"{host} is a private address, and http.allow_private does not have it")


def _plain(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address within an IPv6 one that only carries it: mapped, translated, 6to4, Teredo."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _TRANSLATED:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or ip


class GuardedResolver(AbstractResolver):
    """Gives aiohttp only addresses that may be connected to: what was checked is what is connected to."""

    def __init__(self, guard: Guard, inner: AbstractResolver | None = None) -> None:
        self._guard = guard
        self._inner = inner or Names()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        permitted = [result for result in found if self._guard.permits(result["host"])]
        if found and not permitted:
            raise Denied(f"{host} is at a private address, and http.allow_private does not have it")
        return permitted

    async def close(self) -> None:
        await self._inner.close()
