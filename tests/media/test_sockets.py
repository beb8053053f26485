"""The real sockets of legs, on loopback ports that are free."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from media.errors import NoPortLeft
from media.ports import Ports
from media.sockets import Sockets


def free_port() -> int:
    """An even port with a free one above it."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
        if port % 2 == 0:
            return port


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    port = free_port()
    some = Sockets("127.0.0.1", Ports(first_port=port, last_port=port + 1, rest_s=30.0), rows=4)
    yield some
    some.shut()


@pytest.fixture
def phone() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        one.settimeout(1.0)
        yield one


def test_a_backlog_is_drained_whole_and_its_source_is_told(sockets: Sockets, phone: socket.socket) -> None:
    port = sockets.open(3, 0.0)
    for i in range(30):
        phone.sendto(bytes([i]) * 20, ("127.0.0.1", port))
    sockets.drain(1.5)
    arrived = sockets.arrived
    assert arrived.rows == [3] * 30
    assert arrived.lengths == [20] * 30
    assert arrived.times == [1.5] * 30
    assert arrived.matrix[:30, 0].tolist() == list(range(30))
    assert {source for _, source in arrived.strange} == {phone.getsockname()}
    assert len(arrived.strange) == 30


def test_a_known_peer_is_not_strange_and_everybody_else_still_is(sockets: Sockets, phone: socket.socket) -> None:
    port = sockets.open(0, 0.0)
    sockets.aim(0, phone.getsockname())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for one, octet in ((phone, b"p"), (stranger, b"s"), (phone, b"q")):
            one.sendto(octet * 12, ("127.0.0.1", port))
        sockets.drain(1.0)
        arrived = sockets.arrived
        strange = {at for at, _ in arrived.strange}
        assert sorted(bytes(arrived.matrix[at, :1]) for at in range(3) if at not in strange) == [b"p", b"q"]
        assert [bytes(arrived.matrix[at, :1]) for at in strange] == [b"s"]
    assert sockets.send_all([(0, memoryview(b"to the peer"), phone.getsockname())]) == 1
    data, source = phone.recvfrom(100)
    assert (data, source) == (b"to the peer", ("127.0.0.1", port))


def test_a_peer_that_moves_is_followed(sockets: Sockets, phone: socket.socket) -> None:
    port = sockets.open(0, 0.0)
    sockets.aim(0, ("127.0.0.1", 9))
    sockets.aim(0, phone.getsockname())
    phone.sendto(b"x" * 12, ("127.0.0.1", port))
    sockets.drain(1.0)
    assert sockets.arrived.rows == [0]
    assert not sockets.arrived.strange
    sockets.aim(0, None)
    phone.sendto(b"x" * 12, ("127.0.0.1", port))
    sockets.drain(1.0)
    assert len(sockets.arrived.strange) == 1


def test_no_other_program_can_share_a_port(sockets: Sockets, phone: socket.socket) -> None:
    port = sockets.open(0, 0.0)
    sockets.aim(0, phone.getsockname())
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
            thief.setsockopt(socket.SOL_SOCKET, option, 1)
            with pytest.raises(OSError, match="in use"):
                thief.bind(("127.0.0.1", port))


def test_a_closed_port_rests_bound_and_deaf_before_it_is_lent_again(sockets: Sockets, phone: socket.socket) -> None:
    port = sockets.open(0, 0.0)
    sockets.aim(0, phone.getsockname())
    sockets.close(0, 10.0)
    phone.sendto(b"stale" * 9, ("127.0.0.1", port))
    with pytest.raises(NoPortLeft):
        sockets.open(1, 39.9)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        pytest.raises(OSError, match="in use"),
    ):
        other.bind(("127.0.0.1", port))
    assert sockets.open(1, 40.0) == port
    sockets.drain(40.0)
    assert not sockets.arrived.rows


def test_a_port_that_another_program_holds_is_passed_over() -> None:
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port + 1))
        some = Sockets("127.0.0.1", Ports(first_port=port, last_port=port + 1), rows=2)
        with pytest.raises(NoPortLeft):
            some.open(0, 0.0)
        some.shut()


def test_rtcp_comes_by_the_odd_port(sockets: Sockets, phone: socket.socket) -> None:
    port = sockets.open(2, 0.0)
    phone.sendto(b"report", ("127.0.0.1", port + 1))
    sockets.drain_reports()
    assert sockets.arrived.reports == [(2, b"report", phone.getsockname())]
    assert sockets.send_report(2, b"ours", phone.getsockname())
    assert phone.recvfrom(100) == (b"ours", ("127.0.0.1", port + 1))


def test_a_peer_that_is_gone_costs_packets_and_nothing_else(sockets: Sockets) -> None:
    sockets.open(0, 0.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        peer = gone.getsockname()
    sockets.aim(0, peer)
    for _ in range(5):
        sockets.send_all([(0, memoryview(b"hello"), peer)])
        sockets.drain(1.0)
    assert not sockets.arrived.rows
