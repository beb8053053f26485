"""SIP over TCP: connections in and out, framed, capped and reused (RFC 3261 section 18, RFC 5923)."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections import Counter
from typing import cast

from sip.errors import RemoteError
from sip.framing import Framer
from sip.transport import Flow, Lost, Received

MAX_PER_ADDRESS = 80
"""An office of 50 telephones behind one address, some of which come back before their old connections are gone."""

MAX_CONNECTIONS = 4_000
MAX_QUEUED = 1_000_000
"""Octets that may wait for a peer that does not read."""

IDLE_MESSAGE_S = 32.0
"""How long half a message may stay half."""

CONNECT_S = 5.0

_numbers = itertools.count(1)


class _Connection(asyncio.Protocol):
    """One connection of a `TcpTransport`."""

    def __init__(self, owner: TcpTransport, *, is_ours: bool = False) -> None:
        self._owner = owner
        self.is_ours = is_ours
        """We opened it: no cap on what peers open keeps us from calling."""

        self._framer = Framer()
        self._half_at: asyncio.TimerHandle | None = None
        self.flow: Flow | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        remote, local = transport.get_extra_info("peername"), self._owner.local
        if not remote:  # reset before it was taken
            self.transport.abort()
            return
        self.flow = Flow(self._owner.name, local, (remote[0].removeprefix("::ffff:"), remote[1]), next(_numbers))
        self._owner.connected(self)

    @property
    def is_open(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    def data_received(self, data: bytes) -> None:
        if self.flow is None or self.transport is None:
            return
        whole = 0
        try:
            while messages := self._framer.feed(data):
                whole += len(messages)
                for message in messages:
                    self._owner.received(message, self.flow)
                data = b""  # a fault behind whole messages is raised by the next turn
        except RemoteError:
            self._owner.malformed += 1
            self.transport.close()
            return
        self._watch_half(whole)

    def _watch_half(self, whole: int) -> None:
        """The patience counts from the first octet of a message, however slowly the others drip."""
        if self._half_at is not None and (whole or not self._framer.pending):
            self._half_at.cancel()
            self._half_at = None
        if self._half_at is None and self._framer.pending and self.transport is not None:
            self._half_at = asyncio.get_running_loop().call_later(IDLE_MESSAGE_S, self.transport.abort)

    def connection_lost(self, error: Exception | None) -> None:
        if self._half_at is not None:
            self._half_at.cancel()
        self._owner.disconnected(self)


class TcpTransport:
    """Owns one listening socket and every connection made through it. With an `ssl` context it is TLS."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        received: Received,
        lost: Lost,
        name: str = "tcp",
        server_tls: ssl.SSLContext | None = None,
        client_tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self._host, self._port = host, port
        self.received, self._lost = received, lost
        self._server_tls, self._client_tls = server_tls, client_tls
        self._server: asyncio.Server | None = None
        self._connections: dict[int, _Connection] = {}
        self._by_remote: dict[tuple[str, int], _Connection] = {}
        self._per_address: Counter[str] = Counter()
        self._queued: dict[tuple[str, int], list[bytes]] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self.local = (host, port)
        self.malformed = 0
        self.refused = 0

    async def open(self) -> None:
        """Listen. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), self._host, self._port, ssl=self._server_tls, reuse_address=True
        )
        self.local = self._server.sockets[0].getsockname()[:2]

    def connected(self, connection: _Connection) -> None:
        flow = connection.flow
        if flow is None or connection.transport is None:
            return
        self._per_address[flow.remote[0]] += 1
        too_many = self._per_address[flow.remote[0]] > MAX_PER_ADDRESS or len(self._connections) >= MAX_CONNECTIONS
        if too_many and not connection.is_ours:
            self.refused += 1
            connection.transport.abort()
            return
        self._connections[flow.connection] = connection
        self._by_remote[flow.remote] = connection

    def disconnected(self, connection: _Connection) -> None:
        flow = connection.flow
        if flow is None:
            return
        self._per_address[flow.remote[0]] -= 1
        if self._per_address[flow.remote[0]] <= 0:
            del self._per_address[flow.remote[0]]
        if self._connections.pop(flow.connection, None) is None:
            return  # it was one too many: nothing has gone over it
        if self._by_remote.get(flow.remote) is connection:
            del self._by_remote[flow.remote]
        self._lost(flow)

    def send(self, flow: Flow, data: bytes) -> None:
        """On its connection; connection 0 takes any to that address or makes one. Octets wait while it is made."""
        connection = self._connections.get(flow.connection) or self._by_remote.get(flow.remote)
        if connection is not None and connection.transport is not None and connection.is_open:
            if connection.transport.get_write_buffer_size() > MAX_QUEUED:
                connection.transport.abort()
                return
            connection.transport.write(data)
            return
        waiting = self._queued.get(flow.remote)
        if waiting is not None:
            waiting.append(data)
            return
        self._queued[flow.remote] = [data]
        task = asyncio.get_running_loop().create_task(self._connect_and_send(flow), name=f"connect {flow}")
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect_and_send(self, flow: Flow) -> None:
        try:
            made = await self.connect(*flow.remote)
        except (OSError, TimeoutError):
            self._queued.pop(flow.remote, None)
            self._lost(Flow(flow.transport, flow.local, flow.remote))
            return
        for data in self._queued.pop(flow.remote, []):
            self.send(made, data)

    async def connect(self, address: str, port: int) -> Flow:
        existing = self._by_remote.get((address, port))
        if existing is not None and existing.flow is not None and existing.is_open:
            return existing.flow
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_S):
            _, connection = await loop.create_connection(
                lambda: _Connection(self, is_ours=True),
                address,
                port,
                ssl=self._client_tls,
                server_hostname=address if self._client_tls else None,
            )
        if connection.flow is None:
            raise OSError("the connection closed at once")
        return connection.flow

    async def close(self) -> None:
        for task in tuple(self._connecting):
            task.cancel()
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections.values()):
            if connection.transport is not None:
                connection.transport.close()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        await asyncio.sleep(0)  # lets the closed connections report
