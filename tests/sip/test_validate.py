"""The table of refusals, row by row."""

from __future__ import annotations

import pytest

from sip.errors import BadMessage
from sip.message import Request, Response, parse
from sip.validate import ALLOWED, KNOWN, answer_bad_message, check, check_response

GOOD = {
    "Via": "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
    "Max-Forwards": "70",
    "From": "<sip:alice@h>;tag=a",
    "To": "<sip:bob@h>",
    "Call-ID": "1@x",
    "CSeq": "1 INVITE",
    "Contact": "<sip:alice@c>",
    "Content-Type": "application/sdp",
}


def request(method: str = "INVITE", uri: str = "sip:bob@h", body: bytes = b"v=0\r\n", **changes: str | None) -> Request:
    """A good request but for *changes*: header names with `_` for `-`, None takes one out."""
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    values = GOOD | {"CSeq": f"1 {method}"} | named
    return Request(method, uri, [(name, value) for name, value in values.items() if value is not None], body)


@pytest.mark.parametrize("method", ALLOWED)
def test_a_good_request_is_passed_on(method: str) -> None:
    assert check(request(method)) is None


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (request(Via=None), 400),
        (request(From=None), 400),
        (request(To=None), 400),
        (request(Call_ID=None), 400),
        (request(CSeq=None), 400),
        (request(Via="SIP/2.0/UDP 192.0.2.15;;,;,,"), 400),
        (request(Via="SIP/2.0/UDP h;branch=z9hG4bK"), 400),
        (request(Via="SIP/2.0/UDP h, nonsense"), 400),
        (request(From='"x <sip:alice@h>'), 400),
        (request(From="<http://h>;tag=1"), 400),
        (request(To="<sip:bob@h"), 400),
        (request(From="<sip:alice@h>;tag"), 400),
        (request(Call_ID=""), 400),
        (request(CSeq="1 OPTIONS"), 400),
        (request(CSeq="2147483648 INVITE"), 400),
        (request(Max_Forwards="256"), 400),
        (request(Max_Forwards="-1"), 400),
        (request(Max_Forwards="0"), 483),
        (request(uri="<sip:bob@h>"), 400),
        (request(uri="sip:bob@h?Route=x"), 400),
        (request(uri="http://h"), 416),
        (request(Route="<sip:r"), 400),
        (request(Record_Route="sip:"), 400),
        (request(Contact="*"), 400),
        (request(Contact="<sip:a@c>, <sip:b@c>"), 400),
        (request("REGISTER", Contact="<sip:a@c>;;"), 400),
        (request("REGISTER", Contact="*, <sip:a@c>"), 400),
        (request(Expires="soon"), 400),
        (request(Require="a b"), 400),
        (request(Require="\x01"), 400),
        (request(Require="100rel, timer, precondition"), 420),
        (request(Content_Encoding="gzip"), 415),
        (request(Content_Type=None), 400),
        (request(Content_Type="nonsense"), 400),
        (request(Content_Type="application/unknownformat"), 415),
        (request("ACK", Content_Type="text/plain"), 415),
        (request("MESSAGE"), 405),
        (request("SUBSCRIBE"), 405),
        (request("NEWMETHOD"), 501),
        (request("invite"), 501),
    ],
    ids=lambda value: "" if isinstance(value, Request) else str(value),
)
def test_a_bad_request_is_refused_with_its_status(bad: Request, status: int) -> None:
    refusal = check(bad)
    assert refusal is not None
    assert refusal.status == status


@pytest.mark.parametrize("name", ["Call-ID", "CSeq", "From", "To", "Max-Forwards", "Content-Type", "Expires"])
def test_what_may_stand_once_is_refused_twice(name: str) -> None:
    bad = request(Expires="60")
    bad.headers.add(name, bad.headers.get(name) or "")
    refusal = check(bad)
    assert refusal is not None
    assert (refusal.status, refusal.reason) == (400, f"More Than One {name}")


@pytest.mark.parametrize(
    "good",
    [
        request(Max_Forwards=None),
        request(Max_Forwards="0", To="<sip:bob@h>;tag=b"),
        request("OPTIONS", Max_Forwards="0"),
        request(From="<sip:alice@h>"),
        request(Contact=None),
        request(Via="SIP/2.0/UDP h"),
        request(uri="tel:+15550100"),
        request(uri="sips:bob@h"),
        request("REGISTER", Contact="*"),
        request("REGISTER", Contact="<sip:a@c>, <sip:b@c>"),
        request(Require="100rel, Timer"),
        request("CANCEL", Require="nobody-knows"),
        request("ACK", Require="nobody-knows"),
        request(Content_Encoding="identity"),
        request(Content_Type="multipart/mixed;boundary=b"),
        request(Content_Type="text/plain", Content_Disposition="render; handling = optional"),
        request("INFO", Content_Type="application/dtmf-relay"),
        request(Content_Type=None, body=b""),
        request(Route="<sip:r;lr>", Record_Route="<sip:r;lr>"),
    ],
    ids=lambda value: f"{value.method}",
)
def test_an_odd_but_good_request_is_passed_on(good: Request) -> None:
    assert check(good) is None


@pytest.mark.parametrize(
    ("bad", "name", "value"),
    [
        (request("PUBLISH"), "Allow", ", ".join(ALLOWED)),
        (request("FOO"), "Allow", ", ".join(ALLOWED)),
        (request(Require="Path, timer,gruu"), "Unsupported", "Path, gruu"),
        (request(Content_Type="text/plain"), "Accept", "application/sdp, multipart/mixed"),
        (request(Content_Encoding="gzip"), "Accept-Encoding", "identity"),
    ],
)
def test_a_refusal_says_what_would_do(bad: Request, name: str, value: str) -> None:
    refusal = check(bad)
    assert refusal is not None
    assert refusal.headers.get(name) == value
    assert refusal.to.tag


def test_every_allowed_method_is_known() -> None:
    assert set(ALLOWED) < KNOWN


def response(status: int = 200, **changes: str | None) -> Response:
    return Response(status, headers=request("INVITE", "sip:bob@h", b"", **changes).headers)


@pytest.mark.parametrize(
    ("one", "is_good"),
    [
        (response(), True),
        (response(302, Contact="<mailto:bob@h>"), True),
        (response(200, Contact="<mailto:bob@h>"), False),
        (response(200, Record_Route="nonsense"), False),
        (response(Via=None), False),
        (response(Via="SIP/2.0/UDP a, SIP/2.0/UDP b"), False),
        (response(Via="nonsense"), False),
        (response(CSeq="x"), False),
        (response(CSeq=None), False),
        (response(To=None), False),
        (response(To="<"), False),
        (response(From="<"), False),
        (response(Call_ID=None), False),
    ],
)
def test_a_response_is_taken_or_dropped(one: Response, is_good: bool) -> None:
    assert check_response(one) is is_good


def test_octets_that_are_no_message_are_answered_where_they_can_be() -> None:
    with pytest.raises(BadMessage) as caught:
        parse(request().to_bytes().replace(b" SIP/2.0\r\n", b" SIP/9.0\r\n", 1))
    answer = answer_bad_message(caught.value)
    assert answer is not None
    assert (answer.status, answer.call_id) == (505, "1@x")
    assert answer_bad_message(BadMessage(400, "Bad Request")) is None
