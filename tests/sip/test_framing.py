"""Streams cut into messages (RFC 3261 section 18.3, RFC 5626 section 3.5.1)."""

from __future__ import annotations

import pytest

from sip.errors import RemoteError
from sip.framing import PING, PONG, Framer
from sip.message import MAX_MESSAGE

ONE = b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nContent-Length: 4\r\n\r\nbody"
TWO = b"BYE sip:h SIP/2.0\r\nL : 0\r\nVia: SIP/2.0/TCP h\r\n\r\n"


def test_messages_come_out_whole_however_the_octets_come_in() -> None:
    stream = ONE + TWO + PING + ONE
    for size in (1, 2, 3, 7, 50, len(stream)):
        framer = Framer()
        found = [item for at in range(0, len(stream), size) for item in framer.feed(stream[at : at + size])]
        assert found == [ONE, TWO, PING, ONE]
        assert framer.pending == 0


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (PING, [PING]),
        (PING + PING, [PING, PING]),
        (b"\r\n" + TWO, [TWO]),
        (PING + b"\r\n" + TWO, [PING, TWO]),
        (b"\r\n\r", []),
        (b"", []),
    ],
)
def test_keep_alives_of_a_client_are_reported_and_stray_line_ends_dropped(stream: bytes, expected: list[bytes]) -> None:
    assert Framer().feed(stream) == expected


def test_each_answer_to_our_pings_is_reported() -> None:
    framer = Framer(we_ping=True)
    assert framer.feed(PONG) == [PONG]
    assert framer.feed(b"\r") == []
    assert framer.feed(b"\n" + TWO + PONG) == [PONG, TWO, PONG]


def test_a_folded_content_length_is_read() -> None:
    folded = TWO.replace(b"L : 0", b"l:\r\n  2") + b"xy"
    assert Framer().feed(folded + TWO) == [folded, TWO]


@pytest.mark.parametrize(
    ("stream", "status"),
    [
        (ONE.replace(b"Content-Length: 4\r\n", b""), 400),
        (ONE.replace(b"Content-Length: 4\r\n", b"Content-Length: 4\r\nl: 4\r\n"), 400),
        (ONE.replace(b": 4", b": -4"), 400),
        (ONE.replace(b": 4", b": four"), 400),
        (ONE.replace(b": 4", b":"), 400),
        (ONE.replace(b": 4", b": 9999999999"), 400),
        (ONE.replace(b": 4", b": 4\r5"), 400),
        (ONE.replace(b": 4", b": 65536"), 513),
        (b"OPTIONS " + b"x" * MAX_MESSAGE, 513),
        (b"\r\rnonsense\r\n\r\n", 400),
    ],
)
def test_a_stream_that_can_not_be_followed_is_to_be_closed(stream: bytes, status: int) -> None:
    with pytest.raises(RemoteError) as caught:
        Framer().feed(stream)
    assert caught.value.status == status


def test_what_came_before_the_fault_is_still_given() -> None:
    framer = Framer()
    assert framer.feed(TWO + ONE.replace(b": 4", b": -4")) == [TWO]
    with pytest.raises(RemoteError):
        framer.feed(TWO)


def test_a_body_in_many_pieces_is_not_searched_again_and_again() -> None:
    framer = Framer()
    head = ONE.replace(b": 4", b": 60000")[:-4]
    assert framer.feed(head) == []
    assert [item for _ in range(600) for item in framer.feed(b"x" * 100)] == [head + b"x" * 60_000]


def test_half_a_message_is_pending_and_half_a_keep_alive_is_not() -> None:
    framer = Framer()
    framer.feed(b"\r\n")
    assert framer.pending == 0
    framer.feed(TWO[:10])
    assert framer.pending == 10
