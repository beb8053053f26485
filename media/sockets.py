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
    """A leg's sockets. Once its peer is known, a third one, connected to the peer, shares RTP's port: the kernel hands it what the
    peer sends, and all else to the first. It needs neither a source with each packet nor a route for each: a third of the cost."""

    port: int
    rtp: socket.socket
    rtcp: socket.socket
    near: socket.socket | None = None

    def close(self) -> None:
        for one in (self.rtp, self.rtcp, self.near):
            if one is not None:
                one.close()


Receive = Callable[[memoryview], int]
ReceiveFrom = Callable[[memoryview], tuple[int, Address]]


class Sockets:
    """Owns the bound pairs, lent and resting, and the matrix."""

    def __init__(self, address: str, ports: Ports, rows: int, batch: int = BATCH) -> None:
        self._address = address
        self._ports = ports
        self._pairs: dict[int, Pair] = {}
        self._resting: dict[int, Pair] = {}
        self._epoll = select.epoll()
        self._rtcp_epoll = select.epoll()
        self._by_fd: dict[int, tuple[int, Receive | None, ReceiveFrom]] = {}
        self._rtcp_by_fd: dict[int, tuple[int, socket.socket]] = {}
        self.arrived = Arrived(np.zeros((batch, WIDTH), dtype=np.uint8))
        self._views = [memoryview(row) for row in self.arrived.matrix]
        self._peers: list[Address | None] = [None] * rows
        self._near: list[Callable[[memoryview], int] | None] = [None] * rows
        self.unsent = 0

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
            self._by_fd[pair.rtp.fileno()] = (row, None, pair.rtp.recvfrom_into)
            self._rtcp_by_fd[pair.rtcp.fileno()] = (row, pair.rtcp)
            self._epoll.register(pair.rtp.fileno(), select.EPOLLIN)
            self._rtcp_epoll.register(pair.rtcp.fileno(), select.EPOLLIN)
            return port
        raise NoPortLeft("every RTP port is lent, rests, or is held by another program")

    def aim(self, row: int, peer: Address | None) -> None:
        """Take a row's peer, whose packets are no longer strange."""
        pair = self._pairs.get(row)
        if pair is None or self._peers[row] == peer:
            return
        self._leave(row, pair)
        self._peers[row] = peer
        if peer is None or (near := self._connect(pair, peer)) is None:
            return
        pair.near = near
        self._near[row] = near.send
        self._by_fd[near.fileno()] = (row, near.recv_into, near.recvfrom_into)
        self._epoll.register(near.fileno(), select.EPOLLIN)

    def _connect(self, pair: Pair, peer: Address) -> socket.socket | None:
        """The third socket. The port may be shared for just this moment, so that no other program ever can."""
        near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            near.setblocking(False)
            near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            for one in (pair.rtp, near):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            near.bind((self._address, pair.port))
            near.connect(peer)
            with contextlib.suppress(BlockingIOError):
                while near.recv(WIDTH):  # what a stranger sent between the two calls
                    pass
        except OSError:
            near.close()
            return None
        finally:
            pair.rtp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        return near

    def _leave(self, row: int, pair: Pair) -> None:
        if pair.near is not None:
            self._epoll.unregister(pair.near.fileno())
            del self._by_fd[pair.near.fileno()]
            pair.near.close()
        pair.near = self._near[row] = self._peers[row] = None

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
        self._leave(row, pair)
        self._epoll.unregister(pair.rtp.fileno())
        self._rtcp_epoll.unregister(pair.rtcp.fileno())
        del self._by_fd[pair.rtp.fileno()], self._rtcp_by_fd[pair.rtcp.fileno()]
        for one in (pair.rtp, pair.rtcp):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        self._resting[pair.port] = pair
        self._ports.give_back(pair.port, now)

    def drain(self, now: float) -> None:
        """Read every RTP socket until it is empty (one `recv` each would never work a backlog off)."""
        arrived, views, by_fd, peers = self.arrived, self._views, self._by_fd, self._peers
        rows, lengths, strange = arrived.rows, arrived.lengths, arrived.strange
        at = begin = len(rows)
        for _ in range(ROUNDS):
            room = len(views) - at
            ready = self._epoll.poll(0, min(room, len(by_fd) or 1)) if room else []
            if not ready:
                break
            for fd, _event in ready:
                row, receive, receive_from = by_fd[fd]
                try:
                    if receive is not None:
                        length = receive(views[at])
                    else:
                        length, source = receive_from(views[at])
                        if source != peers[row]:
                            strange.append((at, source))
                except OSError:  # an ICMP error of an earlier send, told here; the datagram, if any, comes next round
                    continue
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
        near, pairs, unsent = self._near, self._pairs, 0
        for row, view, target in jobs:
            send = near[row]
            try:
                if send is not None:
                    send(view)
                else:
                    pairs[row].rtp.sendto(view, target)
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
