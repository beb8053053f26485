"""SIP over UDP: one bound socket, read in bursts."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import cast

from sip.transport import Flow, Lost, Received

BURST = 64
"""Datagrams taken at one wake-up, so that a flood does not starve timers."""

NO_WAY = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL, errno.EACCES}
)
"""Faults that say that the peer can't be had; with any other, a datagram is lost, and SIP repeats it."""

RECEIVE_BUFFER = 4 * 1024 * 1024


class UdpTransport:
    """Owns one datagram socket."""

    name = "udp"

    def __init__(self, host: str, port: int, *, received: Received, lost: Lost) -> None:
        self._host, self._port = host, port
        self._received, self._lost = received, lost
        self._socket: socket.socket | None = None
        self._local = (host, port)

    @property
    def local(self) -> tuple[str, int]:
        return self._local

    async def open(self) -> None:
        """Bind. Raises `OSError`."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_DGRAM)
        try:
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            opened.bind((self._host, self._port))
        except OSError:
            opened.close()
            raise
        self._socket = opened
        self._local = cast("tuple[str, int]", opened.getsockname()[:2])
        asyncio.get_running_loop().add_reader(opened.fileno(), self._read)

    def _read(self) -> None:
        if self._socket is None:
            return
        for _ in range(BURST):
            try:
                data, remote = self._socket.recvfrom(65_535)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of something sent before; its transaction times out
            self._received(data, Flow("udp", self._local, (remote[0].removeprefix("::ffff:"), remote[1])))
            if self._socket is None:
                return

    def send(self, flow: Flow, data: bytes) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(data, flow.remote)
        except OSError as error:
            if error.errno in NO_WAY:
                self._lost(flow)
        except (OverflowError, UnicodeError):  # no port, no address
            self._lost(flow)

    async def connect(self, address: str, port: int) -> Flow:
        return Flow("udp", self._local, (address, port))

    async def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None


def address_towards(host: str) -> str | None:
    """Our address on the way to a numeric host, as the routing table has it; None where there is no way. Nothing is sent."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return None
        return cast("str", probe.getsockname()[0])
