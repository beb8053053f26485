"""Typed header values, case by case."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sip.errors import RemoteError
from sip.headers import (
    Address,
    CSeq,
    Via,
    parse_media_type,
    parse_number,
    parse_params,
    parse_seconds,
    quoted,
    split_commas,
    unquote,
)
from sip.uri import Uri

ALICE = Uri("sip", "alice", host="h")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sip:alice@h", Address("", ALICE)),
        ("sip:alice@h;tag=1", Address("", ALICE, (("tag", "1"),))),
        ("sip:alice@h ; tag = 1 ;x", Address("", ALICE, (("tag", "1"), ("x", None)))),
        ("<sip:alice@h>", Address("", ALICE)),
        ("Alice<sip:alice@h>", Address("Alice", ALICE)),
        (" A. B  <sip:alice@h> ", Address("A. B", ALICE)),
        ('"Alice" <sip:alice@h>;tag=1', Address("Alice", ALICE, (("tag", "1"),))),
        ('"A \\"q\\" \\\\ <x>, b"<sip:alice@h>', Address('A "q" \\ <x>, b', ALICE)),
        ('""  \t<sip:alice@h>', Address("", ALICE)),
        ("Bell, Alexander <sip:alice@h>", Address("Bell, Alexander", ALICE)),
        ("< sip:alice@h >", Address("", ALICE)),
        ('<sip:alice@h>;x="a;b, \\"c"', Address("", ALICE, (("x", '"a;b, \\"c"'),))),
        ("<sip:alice@h;lr>;q=0.5", Address("", Uri("sip", "alice", host="h", params=(("lr", None),)), (("q", "0.5"),))),
        ("<tel:+1555>", Address("", Uri("tel", "+1555"))),
    ],
)
def test_an_address_is_read(text: str, expected: Address) -> None:
    assert Address.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<>",
        '"Alice <sip:alice@h>',
        '"Alice" sip:alice@h',
        '"Alice"',
        'Al"ice <sip:alice@h>',
        "a;b <sip:alice@h>",
        "<sip:alice@h",
        "<sip:alice@h>tag=1",
        "<sip:alice@h>;",
        "<sip:alice@h>;=1",
        "<sip:alice@h>;tag=",
        '<sip:alice@h>;x="1',
        "<sip:alice@h>;a b",
        "sip:alice@h?Route=x",
        "sip:alice@h,sip:bob@h",
        "*",
    ],
)
def test_what_is_no_address_is_400(text: str) -> None:
    with pytest.raises(RemoteError) as caught:
        Address.parse(text)
    assert caught.value.status == 400


def test_a_list_of_addresses_is_split_only_where_it_may_be() -> None:
    found = Address.parse_many('"A, <B>" <sip:a,x@h>;x="1,2", <sip:b@h>;q=1 ,sip:c@h')
    assert [address.uri.user for address in found] == ["a,x", "b", "c"]


def test_an_address_is_written_with_its_display_name_quoted() -> None:
    assert str(Address('A "B" \\', ALICE, (("tag", "1"), ("x", None)))) == '"A \\"B\\" \\\\" <sip:alice@h>;tag=1;x'
    assert str(Address("", ALICE)) == "<sip:alice@h>"


def test_control_characters_of_a_display_name_are_not_passed_on() -> None:
    assert quoted("a\r\nVia: x\0\x7f") == '"aVia: x"'


def test_a_parameter_is_set_in_its_place_or_at_the_end() -> None:
    address = Address("", ALICE, (("Tag", "1"), ("x", None)))
    assert str(address.with_tag("2")) == "<sip:alice@h>;Tag=2;x"
    assert str(address.with_param("y", "a b")) == '<sip:alice@h>;Tag=1;x;y="a b"'
    assert address.with_param("y", "a b").param("y") == "a b"
    assert str(address.with_param("lr", None)) == "<sip:alice@h>;Tag=1;x;lr"
    assert (address.tag, address.param("x"), address.param("z")) == ("1", "", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SIP/2.0/UDP h", Via("UDP", "h")),
        (
            "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport",
            Via("UDP", "192.0.2.1", 5060, (("branch", "z9hG4bK1"), ("rport", None))),
        ),
        ("SIP / 2.0 / tcp  h : 5 ; branch = 1", Via("TCP", "h", 5, (("branch", "1"),))),
        (" SIP/2.0/TLS [2001:db8::1]:5061", Via("TLS", "[2001:db8::1]", 5061)),
        ("SIP/7.0/UDP h", Via("UDP", "h", version="SIP/7.0")),
        ('SIP/2.0/WSS h.invalid;x="a;b"', Via("WSS", "h.invalid", None, (("x", '"a;b"'),))),
    ],
)
def test_a_via_is_read(text: str, expected: Via) -> None:
    assert Via.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 h",
        "SIP/2.0/UDP  ;x",
        "SIP/2.0/UDP h:65536",
        "SIP/2.0/UDP [::g]",
        "SIP/2.0/UDP h;;",
        "SIP/2.0/UDP h h",
    ],
)
def test_what_is_no_via_is_400(text: str) -> None:
    with pytest.raises(RemoteError) as caught:
        Via.parse(text)
    assert caught.value.status == 400


def test_a_via_is_written_and_changed() -> None:
    via = Via.parse("SIP/2.0/UDP h:5060;branch=z9hG4bK1;rport")
    assert str(via.with_param("rport", "99").with_param("received", "2001:db8::1")) == (
        "SIP/2.0/UDP h:5060;branch=z9hG4bK1;rport=99;received=2001:db8::1"
    )
    assert (via.branch, via.rport, via.received) == ("z9hG4bK1", "", None)
    assert str(Via("TCP", "h")) == "SIP/2.0/TCP h"
    assert len(Via.parse_many("SIP/2.0/UDP a, SIP/2.0/UDP b")) == 2


@pytest.mark.parametrize(("branch", "expected"), [("z9hG4bKx", True), ("z9hG4bK", False), ("1", False)])
def test_only_a_cookie_with_something_after_it_makes_a_branch_unique(branch: str, expected: bool) -> None:
    assert Via("UDP", "h", None, (("branch", branch),)).has_cookie is expected
    assert not Via("UDP", "h").has_cookie


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1 INVITE", CSeq(1, "INVITE")), ("0009   ACK", CSeq(9, "ACK")), ("2147483647 X-y", CSeq(2147483647, "X-y"))],
)
def test_a_cseq_is_read(text: str, expected: CSeq) -> None:
    assert CSeq.parse(text) == expected
    assert CSeq.parse(str(expected)) == expected


@pytest.mark.parametrize("text", ["", "1", "INVITE 1", "-1 ACK", "2147483648 ACK", "1 A B", "1 A@", "٣ ACK", "1 é"])
def test_what_is_no_cseq_is_400(text: str) -> None:
    with pytest.raises(RemoteError, match="400 Malformed CSeq"):
        CSeq.parse(text)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("0068", 68), ("4294967295", 2**32 - 1)])
def test_a_number_is_digits(text: str, value: int) -> None:
    assert parse_number(text, "X") == value


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "4294967296", "9" * 5000, "٣", "²"])
def test_anything_else_is_no_number(text: str) -> None:
    with pytest.raises(RemoteError, match="400 Malformed X"):
        parse_number(text, "X")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("60", 60),
        ("9" * 100, 2**32 - 1),
        ("4294967296", 2**32 - 1),
        ("18000;duration=3600", 18000),
        ("120 (busy; later)", 120),
    ],
)
def test_seconds_are_read_and_capped(text: str, value: int) -> None:
    assert parse_seconds(text, "Retry-After") == value


@pytest.mark.parametrize("text", ["", "soon", "-1", "(60)"])
def test_what_is_no_seconds_is_400(text: str) -> None:
    with pytest.raises(RemoteError, match="400 Malformed Expires"):
        parse_seconds(text, "Expires")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("application/sdp", ("application/sdp", ())),
        ("Application / SDP ; charset=utf-8", ("application/sdp", (("charset", "utf-8"),))),
        ('multipart/mixed;boundary="a b"', ("multipart/mixed", (("boundary", '"a b"'),))),
    ],
)
def test_a_media_type_is_read(text: str, expected: object) -> None:
    assert parse_media_type(text) == expected


@pytest.mark.parametrize("text", ["", "text", "text/", "/x", "a b/c", "text/plain;"])
def test_what_is_no_media_type_is_400(text: str) -> None:
    with pytest.raises(RemoteError) as caught:
        parse_media_type(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [""]),
        (" a ", ["a"]),
        ("a, b,\tc", ["a", "b", "c"]),
        ('"a,b", <c,d>, e', ['"a,b"', "<c,d>", "e"]),
        ('"\\",", x', ['"\\","', "x"]),
    ],
)
def test_commas_split(text: str, expected: list[str]) -> None:
    assert split_commas(text) == expected


@pytest.mark.parametrize("text", ['"a, b', "<a, b", 'x, "\\"'])
def test_what_is_never_closed_is_400(text: str) -> None:
    with pytest.raises(RemoteError, match="400 Unterminated"):
        split_commas(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("a", "a"), ('"', '"'), ('""', ""), ('"a"', "a"), ('"\\"\\\\"', '"\\'), ('a"b"', 'a"b"')]
)
def test_quotes_are_taken_off(text: str, expected: str) -> None:
    assert unquote(text) == expected


@pytest.mark.parametrize("text", ["x", " x", ";", ";a;", ";a=", ';="x"', ';a="x"y', "; ;", ";a b"])
def test_malformed_parameters_are_400(text: str) -> None:
    with pytest.raises(RemoteError, match="400 Malformed Header Parameters"):
        parse_params(text)


@pytest.mark.parametrize(
    "job",
    [
        lambda: Address.parse('"' + "\\" * 8000),
        lambda: Address.parse(" " * 8000),
        lambda: Address.parse("<" * 8000),
        lambda: Address.parse("<sip:a@h>" + "; " * 4000),
        lambda: Via.parse("SIP/2.0/UDP " + " " * 8000),
        lambda: split_commas('"' * 8001 + ","),
        lambda: Uri.parse("sip:" + "a;" * 4000),
        lambda: Uri.parse("sip:" + "a" * 8000 + "%"),
    ],
)
def test_hostile_repetition_is_refused_at_once(job: Callable[[], object]) -> None:
    with pytest.raises(RemoteError):
        job()
