"""The live transactions by key, by peer, and by what would merge with them (RFC 3261 sections 8.2.2.2, 17.1.3, 17.2.3)."""

from __future__ import annotations

from collections import Counter

from sip.client_invite import ClientInvite
from sip.client_request import ClientRequest
from sip.machine import Machine
from sip.server_invite import ServerInvite
from sip.server_request import ServerRequest
from sip.transport import Flow

Client = ClientInvite | ClientRequest
Server = ServerInvite | ServerRequest
Peer = tuple[str, tuple[str, int]]

MOST_MOVES = 2
"""Connections that a transaction may outlive: a peer that hangs up on every request is no peer."""


class Transactions:
    """Tables only: who is alive, and how messages find it."""

    def __init__(self) -> None:
        self._clients: dict[object, Client] = {}
        self._servers: dict[object, Server] = {}
        self._merged: dict[object, Server] = {}
        self._by_peer: dict[Peer, set[Machine]] = {}
        self._new_by_host: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    def client(self, key: object) -> Client | None:
        return self._clients.get(key)

    def server(self, key: object) -> Server | None:
        return self._servers.get(key)

    def is_merged(self, key: object) -> bool:
        """Whether a transaction of other branch, but of the same request, is alive."""
        return key in self._merged

    def begun_by(self, host: str) -> int:
        """How many requests outside any dialog this source has under way."""
        return self._new_by_host[host]

    def add_client(self, machine: Client) -> None:
        self._clients[machine.key] = machine
        self._join(machine)

    def add_server(self, machine: Server, merge_key: object = None) -> None:
        """*merge_key*: of a request outside any dialog."""
        self._servers[machine.key] = machine
        if merge_key is not None:
            machine.merge_key = merge_key
            self._merged[merge_key] = machine
            machine.source = machine.flow.remote[0]
            self._new_by_host[machine.source] += 1
        self._join(machine)

    def remove(self, machine: Machine) -> None:
        self._leave(machine)
        table: dict[object, Client] | dict[object, Server]
        table = self._clients if isinstance(machine, ClientInvite | ClientRequest) else self._servers
        if table.get(machine.key) is machine:
            del table[machine.key]
        if machine.merge_key is not None and self._merged.get(machine.merge_key) is machine:
            del self._merged[machine.merge_key]
        if machine.source:
            self._new_by_host[machine.source] -= 1
            if not self._new_by_host[machine.source]:
                del self._new_by_host[machine.source]
            machine.source = ""

    def towards(self, flow: Flow) -> list[Machine]:
        """Those that speak with the peer of a flow."""
        return list(self._by_peer.get((flow.transport, flow.remote), ()))

    def move(self, machine: Machine, flow: Flow, now: float) -> None:
        """Give it another flow; too often, and its transport has failed."""
        self._leave(machine)
        machine.moves += 1
        if machine.moves > MOST_MOVES:
            machine.transport_failed(now)
        else:
            machine.flow = flow
            self._join(machine)
            machine.move(flow, now)

    def _join(self, machine: Machine) -> None:
        self._by_peer.setdefault((machine.flow.transport, machine.flow.remote), set()).add(machine)

    def _leave(self, machine: Machine) -> None:
        key = machine.flow.transport, machine.flow.remote
        if (others := self._by_peer.get(key)) is not None:
            others.discard(machine)
            if not others:
                del self._by_peer[key]
