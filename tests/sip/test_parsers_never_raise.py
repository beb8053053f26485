"""Whatever comes in, only the declared errors go out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.errors import BadMessage, RemoteError
from sip.framing import Framer
from sip.headers import Address, CSeq, Via, parse_media_type, parse_number, parse_params, parse_seconds, split_commas
from sip.message import Request, Response, parse
from sip.message import sdp as sdp_of
from sip.sdp import AudioFormat, Origin, write
from sip.sdp import parse as parse_sdp
from sip.sdp.offer import Local, answer
from sip.uri import Uri
from sip.validate import answer_bad_message, check, check_response
from tests.fakes.mutate import mutations
from tests.sip.torture import messages

LOCAL = Local(
    address="192.0.2.9",
    port=20000,
    formats=(AudioFormat(0, "PCMU", 8000), AudioFormat(96, "iLBC", 8000), AudioFormat(101, "telephone-event", 8000)),
)
PROPERTIES = (
    "vias",
    "from_",
    "to",
    "cseq",
    "call_id",
    "contacts",
    "routes",
    "record_routes",
    "content_type",
    "expires",
)
TEXT_PARSERS: list[Callable[[str], object]] = [
    Uri.parse,
    Address.parse,
    Address.parse_many,
    Via.parse,
    Via.parse_many,
    CSeq.parse,
    parse_params,
    parse_media_type,
    split_commas,
    lambda text: parse_seconds(text, "X"),
    lambda text: parse_number(text, "X"),
]
SIP_TEXT = st.text(st.sampled_from('sip:tel@h;,<>"\\=%41?& []./-0\t\0\x7fé\udcff'), max_size=60) | st.text(max_size=60)


def declared(job: Callable[[], object], *statuses: int) -> None:
    """Runs *job*, which may raise RemoteError with one of these statuses and nothing else."""
    try:
        job()
    except RemoteError as error:
        if error.status not in statuses:
            raise


def exercise(data: bytes) -> Response | None:
    """All that the stack does with a datagram; the refusal, if any."""
    try:
        message = parse(data)
    except BadMessage as error:
        return answer_bad_message(error)
    for name in PROPERTIES:
        declared(partial(getattr, message, name), 400, 416)
    declared(lambda: answer_to_offer(message), 400, 488)
    if isinstance(message, Response):
        check_response(message)
        return None
    refusal = check(message)
    if refusal is None:
        message.mark_received("192.0.2.77", 5099)
        assert isinstance(parse(message.to_bytes()), Request)
        return message.reply(200, to_tag="t")
    return refusal


def answer_to_offer(message: Request | Response) -> None:
    if body := sdp_of(message):
        write(answer(parse_sdp(body), LOCAL, Origin(1, 1, "192.0.2.9")).local)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_messages_are_read_or_refused(seed: int) -> None:
    answers = 0
    for data in mutations(seed, messages(), 1500):
        answered = exercise(data)
        if answered is not None:
            answers += 1
            again = parse(answered.to_bytes())
            assert isinstance(again, Response)
            assert again.status == answered.status
    assert answers > 500


def test_damage_is_the_same_for_the_same_seed() -> None:
    assert list(mutations(1, messages(), 50)) == list(mutations(1, messages(), 50))
    assert list(mutations(1, messages(), 50)) != list(mutations(2, messages(), 50))


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused(data: bytes) -> None:
    exercise(data)
    exercise(b"INVITE sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n" + data + b"\r\n\r\n")


@given(SIP_TEXT)
@settings(max_examples=300)
def test_any_text_is_a_value_or_a_remote_error(text: str) -> None:
    for read in TEXT_PARSERS:
        declared(partial(read, text), 400, 416)


@given(SIP_TEXT)
@settings(max_examples=200)
def test_what_was_read_is_read_again_from_what_is_written(text: str) -> None:
    for start in ("", "sip:", "<sip:a@h>", "tel:+1"):
        try:
            address = Address.parse(start + text)
        except RemoteError:
            continue
        again = Address.parse(str(address))
        assert again.uri == address.uri
        assert again.params == address.params


@given(
    st.lists(
        st.sampled_from(["v=0", "o=a 1 1 IN IP4 h", "c=IN IP4 192.0.2.1", "m=audio 1 RTP/AVP 0 96", "a=ptime:20"])
        | st.text(max_size=20),
        max_size=12,
    )
)
def test_any_lines_are_a_description_or_a_remote_error(lines: list[str]) -> None:
    data = "\r\n".join(lines).encode("utf-8", "surrogatepass")

    def job() -> None:
        description = parse_sdp(data)
        assert parse_sdp(write(description)).media == description.media
        answer(description, LOCAL, Origin(1, 1, "h"))

    declared(job, 400, 488)


@given(
    st.lists(
        st.binary(max_size=40) | st.sampled_from([b"\r\n\r\n", b"l: 3\r\n\r\nabc", b"BYE sip:h SIP/2.0\r\n"]),
        max_size=20,
    )
)
def test_any_stream_is_cut_or_closed(pieces: list[bytes]) -> None:
    framer = Framer()

    def job() -> None:
        for piece in pieces:
            for message in framer.feed(piece):
                exercise(message)

    declared(job, 400, 513)
