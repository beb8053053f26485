"""Every torture message of RFC 4475 and RFC 5118 against the parser and the table of refusals."""

from __future__ import annotations

import pytest

from sip import sdp
from sip.errors import BadMessage
from sip.message import Request, Response, parse
from sip.message import sdp as sdp_of
from sip.validate import answer_bad_message, check, check_response
from tests.sip.torture import Expectation, cases

CASES = {name: (data, expected) for name, data, expected in cases()}


def read(name: str) -> Request:
    message = parse(CASES[name][0])
    assert isinstance(message, Request)
    return message


def judge(data: bytes) -> tuple[Request | Response | None, Response | None]:
    """What was read, and the refusal."""
    try:
        message = parse(data)
    except BadMessage as error:
        return None, answer_bad_message(error)
    return message, check(message) if isinstance(message, Request) else None


def test_all_61_messages_are_there() -> None:
    assert len(CASES) == 61


@pytest.mark.parametrize(("data", "expected"), CASES.values(), ids=CASES)
def test_a_message_is_passed_on_or_refused_as_the_manifest_says(data: bytes, expected: Expectation) -> None:
    message, refusal = judge(data)
    if isinstance(message, Request) and refusal is None:
        assert expected.is_passed_on
    else:
        assert expected.allows(refusal.status if refusal else None), refusal


@pytest.mark.parametrize(
    ("name", "is_good"), [("unreason", True), ("noreason", True), ("scalarlg", False), ("bcast", False)]
)
def test_a_stray_response_is_judged(name: str, is_good: bool) -> None:
    response = parse(CASES[name][0])
    assert isinstance(response, Response)
    assert check_response(response) is is_good


def test_the_short_tortuous_invite_is_read_in_full() -> None:
    invite = read("wsinv")
    assert invite.to.tag == "1918181833n"
    assert (invite.from_.display, invite.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert [(via.transport, via.host, via.branch) for via in invite.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert invite.contacts[0].params == (("newparam", "newvalue"), ("secondparam", None), ("q", "0.33"))
    assert invite.headers.get("newfangledheader") == "newfangled value continued newfangled value"
    assert invite.headers.get("Subject") == ""
    assert invite.routes[0].uri.param("lr") == ""
    assert str(invite.cseq) == "9 INVITE"
    assert len(invite.body) == 150


def test_the_strangest_characters_are_read() -> None:
    request = read("intmeth")
    assert request.to.display == "BEL:\a NUL:\0 DEL:\x7f"
    assert request.from_.display == "token1~` token2'+_ token3*%!.-"
    assert request.from_.tag == "_token~1'+`*%!-."
    assert request.request_uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"


def test_escapes_are_undone_in_the_user_and_nowhere_cut_it() -> None:
    assert read("esc01").request_uri.user == "sips:user@example.com"
    assert read("esc01").to.uri.user == "user"
    assert read("esc01").contacts[0].uri.params == (("lr", None), ("name", "value%41"))
    assert [address.uri.user for address in read("escnull").contacts] == ["\0", "\0\0"]
    assert read("escnull").to.uri.aor == "sip:null-\0-null@example.com"
    assert read("semiuri").request_uri.user == "user;par=u@example.net"


def test_an_escaped_method_is_another_method() -> None:
    assert read("esc02").method == "RE%47IST%45R"
    assert "C%6Fntact" in read("esc02").headers
    assert len(read("esc02").contacts) == 2


def test_octets_after_the_body_are_dropped() -> None:
    assert read("dblreq").method == "REGISTER"
    assert read("dblreq").body == b""


def test_contact_parameters_stay_where_they_were() -> None:
    assert read("cparam01").contacts[0].params == (("unknownparam", None),)
    assert read("cparam02").contacts[0].uri.params == (("unknownparam", None),)
    assert read("regescrt").contacts[0].uri.headers == (("Route", "<sip:sip.example.com>"),)


def test_a_binary_multipart_body_is_kept_and_has_no_sdp() -> None:
    assert len(read("mpart01").body) == 553
    assert sdp_of(read("mpart01")) is None


def test_the_answer_lists_what_is_unsupported() -> None:
    refusal = check(read("bext01"))
    assert refusal is not None
    assert refusal.headers.get("Unsupported") == "nothingSupportsThis, nothingSupportsThisEither"


def test_an_answer_does_not_invent_what_the_request_lacks() -> None:
    refusal = check(read("insuf"))
    assert refusal is not None
    assert [name for name, _ in refusal.headers] == ["CSeq", "Via"]


def test_ipv6_references_are_told_from_ports() -> None:
    assert (read("port-ambiguous").request_uri.host, read("port-ambiguous").request_uri.port) == (
        "[2001:db8::10:5070]",
        None,
    )
    assert (read("port-unambiguous").request_uri.host, read("port-unambiguous").request_uri.port) == (
        "[2001:db8::10]",
        5070,
    )
    assert read("via-received-param-with-delim").via.received == "[2001:db8::9:255]"
    assert read("via-received-param-no-delim").via.received == "2001:db8::9:255"
    assert [via.host for via in read("ipv4-mapped-ipv6").vias] == ["[::ffff:192.0.2.10]", "[::ffff:192.0.2.2]"]


@pytest.mark.parametrize("name", ["ipv6-in-sdp", "mult-ip-in-sdp", "ipv4-mapped-ipv6", "baddate", "inv2543"])
def test_the_session_descriptions_survive_reading_and_writing(name: str) -> None:
    body = sdp_of(read(name))
    assert body is not None
    description = sdp.parse(body)
    assert sdp.parse(sdp.write(description)) == description


def test_each_stream_has_its_own_address() -> None:
    description = sdp.parse(sdp_of(read("mult-ip-in-sdp")) or b"")
    assert [description.address_of(media) for media in description.media] == ["192.0.2.1", "2001:db8::1"]
