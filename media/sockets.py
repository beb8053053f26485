"""All UDP sockets of the legs: drained into one byte matrix, sent from rows that lie ready; a compiled pump would replace just this."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from media.arrived import Arrived, Job
from media.errors import NoPortLeft
from media.latch import Address
from media.ports import Ports

WIDTH = 2048
"""Octets of one row of the matrix: longer datagrams are cut, which no codec of ours sends."""
BATCH = 8192
"""Datagrams that one tick may take; more wait in their sockets' own buffers."""
RECEIVE_BUFFER = 65_536
"""Octets of one RTP socket's buffer: about 80 packets of G.711 as the kernel counts them."""
ROUNDS = 64


@dataclass(slots=True)
class Pair:
    port: int
    rtp: socket.socket
    rtcp: socket.socket

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


class Sockets:
    """Owns the bound pairs, lent and resting, and the matrix."""

    def __init__(self, address: str, ports: Ports, rows: int, batch: int = BATCH) -> None:
        self._address = address
        self._ports = ports
        self._pairs: dict[int, Pair] = {}
        self._resting: dict[int, Pair] = {}
        self._epoll = select.epoll()
        self._rtcp_epoll = select.epoll()
        self._by_fd: dict[int, tuple[int, socket.socket]] = {}
        self._rtcp_by_fd: dict[int, tuple[int, socket.socket]] = {}
        self.arrived = Arrived(np.zeros((batch, WIDTH), dtype=np.uint8))
        self._views = [memoryview(row) for row in self.arrived.matrix]
        self.peers: list[Address | None] = [None] * rows
        self.unsent = 0
        self._senders: dict[int, Callable[[memoryview, Address], int]] = {}

    def open(self, row: int, now: float) -> int:
        """Bind a pair for a row: RTP's port. Raises `NoPortLeft`."""
        for port in self._ports.wake(now):
            self._resting.pop(port).close()
        for _ in range(len(self._ports)):
            port = self._ports.lend(now)
            pair = self._bind(port)
            if pair is None:
                self._ports.skip(port)
                continue
            self._pairs[row] = pair
            self.peers[row] = None
            self._senders[row] = pair.rtp.sendto
            self._by_fd[pair.rtp.fileno()] = (row, pair.rtp)
            self._rtcp_by_fd[pair.rtcp.fileno()] = (row, pair.rtcp)
            self._epoll.register(pair.rtp.fileno(), select.EPOLLIN)
            self._rtcp_epoll.register(pair.rtcp.fileno(), select.EPOLLIN)
            return port
        raise NoPortLeft("every RTP port is lent, rests, or is held by another program")

    def _bind(self, port: int) -> Pair | None:
        rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            for one, number in ((rtp, port), (rtcp, port + 1)):
                one.setblocking(False)
                one.bind((self._address, number))
        except OSError:
            rtp.close()
            rtcp.close()
            return None
        return Pair(port, rtp, rtcp)

    def close(self, row: int, now: float) -> None:
        """Let a row's pair rest: bound, so that nobody inherits its stale audio, and deaf."""
        pair = self._pairs.pop(row, None)
        if pair is None:
            return
        del self._senders[row]
        self._epoll.unregister(pair.rtp.fileno())
        self._rtcp_epoll.unregister(pair.rtcp.fileno())
        del self._by_fd[pair.rtp.fileno()], self._rtcp_by_fd[pair.rtcp.fileno()]
        for one in (pair.rtp, pair.rtcp):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        self._resting[pair.port] = pair
        self._ports.give_back(pair.port, now)
        self.peers[row] = None

    def drain(self, now: float) -> None:
        """Read every RTP socket until it is empty (one `recv` each would never work a backlog off)."""
        arrived, views, by_fd, peers = self.arrived, self._views, self._by_fd, self.peers
        rows, lengths, strange = arrived.rows, arrived.lengths, arrived.strange
        at = len(rows)
        for _ in range(ROUNDS):
            room = len(views) - at
            ready = self._epoll.poll(0, min(room, len(by_fd) or 1)) if room else []
            if not ready:
                break
            begin = at
            for fd, _event in ready:
                row, one = by_fd[fd]
                try:
                    length, source = one.recvfrom_into(views[at])
                except OSError:  # an ICMP error of an earlier send, told here; the datagram, if any, comes next round
                    continue
                if source != peers[row]:
                    strange.append((at, source))
                rows.append(row)
                lengths.append(length)
                at += 1
            arrived.times.extend([now] * (at - begin))

    def drain_reports(self) -> None:
        """Read RTCP: rare, so it has its own epoll and is asked once a tick."""
        for fd, _event in self._rtcp_epoll.poll(0):
            row, one = self._rtcp_by_fd[fd]
            for _ in range(4):
                try:
                    data, source = one.recvfrom(WIDTH)
                except OSError:
                    break
                self.arrived.reports.append((row, data, source))

    def wait(self, seconds: float) -> None:
        """Sleep, no longer than *seconds*; packets do not wake (they are read in steps, which costs less)."""
        if seconds > 0:
            select.select((), (), (), seconds)

    def send(self, row: int, data: bytes, target: Address) -> bool:
        return self._send(self._pairs[row].rtp, data, target)

    def send_report(self, row: int, data: bytes, target: Address) -> bool:
        """Send by the odd port; with rtcp-mux the caller uses `send`."""
        return self._send(self._pairs[row].rtcp, data, target)

    def _send(self, one: socket.socket, data: bytes, target: Address) -> bool:
        try:
            one.sendto(data, target)
        except OSError as fault:
            self.unsent += fault.errno not in (errno.EAGAIN, errno.ECONNREFUSED)
            return False
        return True

    def send_all(self, jobs: Sequence[Job]) -> int:
        """Send one packet of each of *jobs*; answers how many left."""
        senders, unsent = self._senders, 0
        for row, view, target in jobs:
            try:
                senders[row](view, target)
            except OSError:  # a full buffer, an ICMP error: a lost packet like any other
                unsent += 1
        self.unsent += unsent
        return len(jobs) - unsent

    def shut(self) -> None:
        for pair in (*self._pairs.values(), *self._resting.values()):
            pair.close()
        self._pairs.clear()
        self._resting.clear()
        self._epoll.close()
        self._rtcp_epoll.close()
