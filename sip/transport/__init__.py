"""What a transport is to the rest: flows, hops, and the protocol that UDP, TCP and what comes later fulfil."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

RELIABLE = frozenset({"tcp", "tls", "ws", "wss"})
DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class Flow:
    """One transport path to a peer. `connection` numbers a stream's connection; 0 for datagrams."""

    transport: str
    local: tuple[str, int]
    remote: tuple[str, int]
    connection: int = 0

    @property
    def reliable(self) -> bool:
        """Whether the transport retransmits by itself."""
        return self.transport in RELIABLE

    def __str__(self) -> str:
        return f"{self.transport}:{self.remote[0]}:{self.remote[1]}"


def may_be_deaf(flows: Sequence[Flow]) -> bool:
    """Whether the first of these is worth leaving early for the second: not one that is connected to the same machine."""
    return len(flows) > 1 and not (flows[0].connection and flows[0].remote[0] == flows[1].remote[0])


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a request may be sent: a transport and a numeric address (RFC 3263)."""

    transport: str
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}:{self.address}:{self.port}"


Received = Callable[[bytes, Flow], None]
Lost = Callable[[Flow], None]


class Transport(Protocol):
    """One listening address. `open` binds; messages come by the `received` callback that the maker was given."""

    name: str

    @property
    def local(self) -> tuple[str, int]:
        """The bound address."""
        ...

    async def open(self) -> None: ...

    def send(self, flow: Flow, data: bytes) -> None:
        """Send at once or queue it; a flow that is gone is reported as lost, never raised."""
        ...

    async def connect(self, address: str, port: int) -> Flow:
        """A flow to a peer, existing or new. Raises OSError."""
        ...

    async def close(self) -> None: ...
