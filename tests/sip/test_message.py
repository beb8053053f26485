"""Messages: read, answered and written (RFC 3261 sections 7, 8.2.6 and 18.3)."""

from __future__ import annotations

import pytest

from sip.errors import BadMessage, LocalError, RemoteError
from sip.headerlist import Headers
from sip.message import Request, Response, parse, sdp
from sip.status import StatusCode, phrase

HEAD = (
    b"INVITE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bK1;rport, SIP/2.0/TCP p\r\n"
    b"v: SIP/2.0/UDP q\r\nf: <sip:alice@h>;tag=a\r\nTo: <sip:bob@h>\r\ni: 1@x\r\nCSeq: 1 INVITE\r\n"
    b"Record-Route: <sip:p;lr>, <sip:q;lr>\r\nTimestamp: 5\r\nRoute: <sip:r;lr>\r\nk: 100rel, TIMER,\r\n"
    b"m: <sip:alice@c>\r\n"
)


def invite(more: bytes = b"", body: bytes = b"") -> Request:
    message = parse(HEAD + more + b"\r\n" + body)
    assert isinstance(message, Request)
    return message


def refused(data: bytes) -> BadMessage:
    with pytest.raises(BadMessage) as caught:
        parse(data)
    return caught.value


def test_a_request_is_read() -> None:
    request = invite(b"Expires: 60\r\nX-Own: a\r\nx-own:b\r\n", b"body")
    assert (request.method, request.uri, request.body) == ("INVITE", "sip:bob@h", b"body")
    assert [via.host for via in request.vias] == ["192.0.2.1", "p", "q"]
    assert request.via.transport == "UDP"
    assert (request.from_.tag, request.to.tag, request.call_id) == ("a", None, "1@x")
    assert (request.cseq.number, request.cseq.method) == (1, "INVITE")
    assert [str(route) for route in request.record_routes] == ["<sip:p;lr>", "<sip:q;lr>"]
    assert [str(route) for route in request.routes] == ["<sip:r;lr>"]
    assert request.supported == {"100rel", "timer"}
    assert request.require == frozenset()
    assert (request.expires, request.retry_after, request.content_type) == (60, None, "")
    assert request.request_uri.user == "bob"
    assert request.headers.get_all("X-OWN") == ["a", "b"]
    assert repr(request) == "<Request INVITE sip:bob@h>"


def test_what_is_parsed_is_kept_until_the_headers_change() -> None:
    request = invite()
    assert request.from_ is request.from_
    request.headers.set("From", "<sip:carol@h>")
    assert request.from_.uri.user == "carol"


def test_a_response_is_read() -> None:
    response = parse(b"SIP/2.0 503 Come  back later\r\nRetry-After: 5 (busy)\r\nl: 0\r\n\r\n")
    assert isinstance(response, Response)
    assert (response.status, response.reason, response.retry_after) == (503, "Come  back later", 5)
    assert repr(response) == "<Response 503 Come  back later>"


@pytest.mark.parametrize("name", ["via", "from_", "to", "cseq", "call_id"])
def test_a_header_that_is_missing_is_400_when_asked_for(name: str) -> None:
    with pytest.raises(RemoteError, match="400 No"):
        getattr(Response(200), name)


def test_the_star_contact_is_told_from_addresses() -> None:
    request = Request("REGISTER", "sip:h", [("Contact", "*")])
    assert request.star_contact
    assert request.contacts == []
    assert not invite().star_contact
    assert str(invite().contacts[0]) == "<sip:alice@c>"


def test_folded_lines_are_joined() -> None:
    request = invite(b"Subject: one\r\n\t two\r\n \r\n  three  \r\nOrganization:\r\n X\r\n")
    assert request.headers.get("Subject") == "one two three"
    assert request.headers.get("Organization") == "X"


def test_line_ends_before_a_message_are_skipped() -> None:
    assert isinstance(parse(b"\r\n\r\n" + HEAD + b"\r\n"), Request)


def test_content_length_bounds_the_body() -> None:
    assert invite(b"l: 2\r\n", b"body").body == b"bo"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (b"l: 5\r\n", "Body Shorter Than Content-Length"),
        (b"l: -1\r\n", "Malformed Content-Length"),
        (b"l: 4 4\r\n", "Malformed Content-Length"),
        (b"l: 4\r\nContent-Length: 4\r\n", "Multiple Content-Length"),
        (b"no colon\r\n", "Malformed Header Line"),
        (b"na me: x\r\n", "Malformed Header Line"),
        (b": x\r\n", "Malformed Header Line"),
        (b"To\r\n", "Malformed Header Line"),
        (b"X: a\nVia: b\r\n", "Bare CR or LF"),
        (b"X: a\rb\r\n", "Bare CR or LF"),
    ],
)
def test_a_malformed_request_is_400_and_can_be_answered(more: bytes, reason: str) -> None:
    error = refused(HEAD + more + b"\r\nbody")
    assert (error.status, error.reason) == (400, reason)
    assert error.request is not None
    assert error.request.call_id == "1@x"


def test_a_line_hidden_behind_a_bare_line_feed_is_not_sent_back() -> None:
    error = refused(HEAD.replace(b"Timestamp: 5", b"Timestamp: 5\nVia: SIP/2.0/UDP victim") + b"\r\n")
    assert error.request is not None
    assert b"victim" not in error.request.reply(400).to_bytes()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (HEAD, 400),
        (HEAD.replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1) + b"\r\n", 505),
        (HEAD.replace(b"SIP/2.0\r\n", b"HTTP/1.1\r\n", 1) + b"\r\n", 400),
        (HEAD.replace(b"sip:bob@h", b"sip:bob@h x", 1) + b"\r\n", 400),
        (HEAD.replace(b" sip:bob@h", b"", 1) + b"\r\n", 400),
        (HEAD + b"X: y\r\n" * 300 + b"\r\n", 513),
        (HEAD + b"X: " + b"y" * 9000 + b"\r\n\r\n", 513),
        (HEAD + b"\r\n" + b"y" * 66_000, 513),
    ],
)
def test_other_requests_that_can_be_answered(data: bytes, status: int) -> None:
    error = refused(data)
    assert error.status == status
    assert error.request is not None
    assert str(error) == f"{status} {error.reason}"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\0\1\2\3",
        b"INVITE\r\n\r\n",
        b"IN@VITE sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n",
        b"INVITE sip:h SIP/3.0\r\nTo: <sip:h>\r\n\r\n",
        HEAD.replace(b"INVITE sip", b"ACK sip", 1),
        b"SIP/2.0 2000 OK\r\n\r\n",
        b"SIP/2.0 99 OK\r\n\r\n",
        b"SIP/2.0 700 OK\r\n\r\n",
        b"SIP/2.0 000 OK\r\n\r\n",
        b"SIP/2.0 20a OK\r\n\r\n",
        "SIP/2.0 ٢٠٠ OK\r\n\r\n".encode(),
        b"SIP/3.0 200 OK\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: x",
    ],
)
def test_what_can_not_be_answered_has_no_request(data: bytes) -> None:
    assert refused(data).request is None


def test_a_version_in_lower_case_is_our_version() -> None:
    assert isinstance(parse(HEAD.replace(b"SIP/2.0\r\n", b"sip/2.0\r\n", 1) + b"\r\n"), Request)


def test_octets_that_are_no_utf8_pass_through() -> None:
    message = invite(b"Subject: \xff\xfe\r\n")
    assert b"Subject: \xff\xfe\r\n" in message.to_bytes()


def test_a_message_is_written_with_long_names_and_its_own_content_length() -> None:
    message = invite(b"l: 4\r\n", b"body")
    assert message.to_bytes().endswith(b"\r\nContact: <sip:alice@c>\r\nContent-Length: 4\r\n\r\nbody")
    assert b"\r\nVia: SIP/2.0/UDP q\r\nFrom: <sip:alice@h>;tag=a\r\n" in message.to_bytes()
    again = parse(message.to_bytes())
    assert isinstance(again, Request)
    assert list(again.headers)[:-1] == list(message.headers)[:-1]


def test_a_reply_copies_what_it_must() -> None:
    reply = invite().reply(200, to_tag="b", headers=[("Contact", "<sip:gw>")], body=b"x")
    assert reply.to_bytes() == (
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bK1;rport, SIP/2.0/TCP p\r\n"
        b"Via: SIP/2.0/UDP q\r\n"
        b"From: <sip:alice@h>;tag=a\r\nTo: <sip:bob@h>;tag=b\r\nCall-ID: 1@x\r\nCSeq: 1 INVITE\r\n"
        b"Record-Route: <sip:p;lr>, <sip:q;lr>\r\nTimestamp: 5\r\nContact: <sip:gw>\r\nContent-Length: 1\r\n\r\nx"
    )


@pytest.mark.parametrize(("status", "copied"), [(100, False), (180, True), (200, True), (300, False), (486, False)])
def test_record_route_goes_into_what_makes_dialogs(status: int, copied: bool) -> None:
    assert ("Record-Route" in invite().reply(status).headers) is copied


def test_a_tag_made_for_a_reply_is_the_same_for_each_retransmission_and_differs_between_requests() -> None:
    tag = invite().reply(404).to.tag
    assert tag == invite().reply(404).to.tag
    other = invite()
    other.headers.set("Call-ID", "2@x")
    assert tag != other.reply(404).to.tag


def test_a_reply_leaves_a_tag_alone_and_gives_none_to_100() -> None:
    request = invite()
    assert request.reply(100).to.tag is None
    request.headers.set("To", "<sip:bob@h>;tag=mine")
    assert request.reply(200, to_tag="other").to.tag == "mine"


def test_a_reply_to_a_broken_to_repeats_it() -> None:
    request = invite()
    request.headers.set("To", '"broken')
    assert request.reply(400).headers.get("To") == '"broken'
    request.headers.remove("To")
    assert "To" not in request.reply(400).headers


def test_the_reason_of_a_reply_is_the_usual_one_or_ours() -> None:
    assert invite().reply(486).reason == "Busy Here"
    assert invite().reply(486, "Gone Fishing").start_line() == "SIP/2.0 486 Gone Fishing"


@pytest.mark.parametrize(
    ("via", "expected"),
    [
        ("SIP/2.0/UDP 192.0.2.1;branch=1", "SIP/2.0/UDP 192.0.2.1;branch=1"),
        ("SIP/2.0/UDP h;branch=1", "SIP/2.0/UDP h;branch=1;received=192.0.2.1"),
        ("SIP/2.0/UDP 192.0.2.1;rport;branch=1", "SIP/2.0/UDP 192.0.2.1;rport=5099;branch=1;received=192.0.2.1"),
        ("SIP/2.0/UDP h, SIP/2.0/TCP p", "SIP/2.0/UDP h;received=192.0.2.1"),
    ],
)
def test_the_topmost_via_notes_where_the_request_came_from(via: str, expected: str) -> None:
    request = Request("OPTIONS", "sip:h", [("Via", via), ("To", "<sip:h>")])
    request.mark_received("192.0.2.1", 5099)
    assert str(request.via) == expected
    assert request.headers.get("Via") == expected
    assert len(request.vias) == len(via.split(","))


def test_an_ipv6_sender_is_compared_without_brackets() -> None:
    request = Request("OPTIONS", "sip:h", [("Via", "SIP/2.0/UDP [2001:db8::1]")])
    request.mark_received("2001:db8::1", 5060)
    assert request.headers.get("Via") == "SIP/2.0/UDP [2001:db8::1]"


@pytest.mark.parametrize("bad", ["a\r\nVia: x", "a\n", "a\r", "a\0b"])
def test_no_line_end_gets_into_what_we_send(bad: str) -> None:
    with pytest.raises(LocalError):
        Headers([("X", bad)])
    with pytest.raises(LocalError):
        Request("INVITE", bad).to_bytes()
    with pytest.raises(LocalError):
        Response(200, bad).to_bytes()
    with pytest.raises(LocalError):
        invite().reply(200, to_tag=bad)
    with pytest.raises(LocalError):
        invite().reply(200, headers=[("X", bad)])


MIXED = (
    b"preamble\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    b"--b \r\nContent-Disposition: session\r\nC: Application/SDP; x=y\r\n\r\nv=0\r\n\r\n--b--\r\n"
    b"--b\r\nContent-Type: application/sdp\r\n\r\nafter the end\r\n"
)


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (b"c: application/sdp\r\n", b"v=0\r\n", b"v=0\r\n"),
        (b"c: application/sdp\r\n", b"", None),
        (b"", b"v=0\r\n", None),
        (b"c: text/plain\r\n", b"v=0\r\n", None),
        (b"c: multipart/mixed;boundary=b\r\n", MIXED, b"v=0\r\n"),
        (b'c: multipart/alternative;boundary="b"\r\n', MIXED, b"v=0\r\n"),
        (b"c: multipart/mixed;boundary=other\r\n", MIXED, None),
        (b"c: multipart/mixed;boundary=b\r\n", b"--b\r\n\r\nv=0\r\n--b--", None),
    ],
)
def test_the_session_description_is_found_in_the_body(kind: bytes, body: bytes, expected: bytes | None) -> None:
    assert sdp(invite(kind, body)) == expected


@pytest.mark.parametrize("kind", [b"multipart/mixed", b"multipart/mixed;boundary=", b"nonsense"])
def test_a_body_that_can_not_be_taken_apart_is_400(kind: bytes) -> None:
    with pytest.raises(RemoteError) as caught:
        sdp(invite(b"c: " + kind + b"\r\n", MIXED))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, "OK"),
        (199, "Early Dialog Terminated"),
        (299, "OK"),
        (499, "Bad Request"),
        (699, "Busy Everywhere"),
        (0, "Unknown"),
        (700, "Unknown"),
    ],
)
def test_every_status_has_a_phrase(status: int, expected: str) -> None:
    assert phrase(status) == expected


def test_a_status_code_knows_its_phrase() -> None:
    assert (int(StatusCode.BUSY_HERE), StatusCode.BUSY_HERE.phrase) == (486, "Busy Here")
