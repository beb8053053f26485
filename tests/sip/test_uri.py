"""URIs: RFC 3261 section 19.1 and RFC 3966, case by case."""

from __future__ import annotations

import pytest

from sip.errors import RemoteError
from sip.uri import Uri


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sip:example.com", Uri("sip", None, host="example.com")),
        ("sip:alice@example.com", Uri("sip", "alice", host="example.com")),
        ("SIPS:alice@example.com:5061", Uri("sips", "alice", host="example.com", port=5061)),
        ("sip:alice:se:cret@h", Uri("sip", "alice", "se:cret", "h")),
        ("sip:+1;phone-context=x@h", Uri("sip", "+1;phone-context=x", host="h")),
        ("sip:a@h;transport=tcp;lr", Uri("sip", "a", host="h", params=(("transport", "tcp"), ("lr", None)))),
        ("sip:a@h;x=;y=1", Uri("sip", "a", host="h", params=(("x", ""), ("y", "1")))),
        (
            "sip:a@h?Subject=a%20b&To=x",
            Uri("sip", "a", host="h", headers=(("Subject", "a b"), ("To", "x"))),
        ),
        ("sip:*98%23@[2001:db8::1]:5070", Uri("sip", "*98#", host="[2001:db8::1]", port=5070)),
        ("sip:%61%62@h;%6Cr=%41", Uri("sip", "ab", host="h", params=(("lr", "A"),))),
        ("tel:+1-555-010.0", Uri("tel", "+15550100")),
        ("TEL:0100;phone-context=+1555", Uri("tel", "0100", params=(("phone-context", "+1555"),))),
    ],
)
def test_a_uri_is_read(text: str, expected: Uri) -> None:
    assert Uri.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 400),
        ("alice", 400),
        ("1sip:a@h", 400),
        ("sip:", 400),
        ("sip:a@", 400),
        ("sip:@h", 400),
        ("sip::secret@h", 400),
        ("sip:a b@h", 400),
        ("sip:a@h h", 400),
        ("sip:a@h:port", 400),
        ("sip:a@h:65536", 400),
        ("sip:a@h;", 400),
        ("sip:a@h;;lr", 400),
        ("sip:a@h>", 400),
        ("sip:a%4@h", 400),
        ("sip:a@h;x=%zz", 400),
        ("sip:2001:db8::10", 400),
        ("sip:a@[2001:db8:::1]", 400),
        ("sip:a@[]", 400),
        ("sip:a@h" + "h" * 300 + " ", 400),
        ("tel:", 400),
        ("tel:+", 400),
        ("tel:-.", 400),
        ("tel:call me", 400),
        ("tel:1;", 400),
        ("http://example.com", 416),
        ("soap.beep://192.0.2.103:3002", 416),
    ],
)
def test_what_is_no_uri_is_refused_with_its_status(text: str, status: int) -> None:
    with pytest.raises(RemoteError) as caught:
        Uri.parse(text)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "text",
    [
        "sip:example.com",
        "sips:alice:secret@example.com:5061;transport=tls;lr?Subject=x%26y&Route=%3Csip:h%3Blr%3E",
        "sip:sips%3Auser%40example.com@example.net",
        "sip:%00%00@host5.example.com",
        "sip:caf%C3%A9%FF@h",
        "sip:user;par=u%40example.net@example.com",
        "tel:+15550100;ext=22",
        "sip:[2001:db8::1]",
        "sip:" + "a" * 300 + "@h",
    ],
)
def test_a_uri_is_written_as_it_was_read(text: str) -> None:
    assert str(Uri.parse(text)) == text


def test_what_may_not_stand_in_a_part_is_escaped() -> None:
    uri = Uri("sip", "a b@c\r\n", "p:w", "h", params=(("x;y", "a=b?"),), headers=(("A&B", "c=d"),))
    assert str(uri) == "sip:a%20b%40c%0D%0A:p%3Aw@h;x%3By=a%3Db%3F?A%26B=c%3Dd"
    assert Uri.parse(str(uri)) == uri


@pytest.mark.parametrize(  # RFC 3261 section 19.1.4
    ("one", "other"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        ("sip:alice@atlanta.com?subject=x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=x"),
        ("tel:+1-555-0100", "tel:+15550100"),
        ("tel:0100;phone-context=A.example", "tel:0100;phone-context=a.EXAMPLE"),
    ],
)
def test_equal_uris_are_equal_either_way(one: str, other: str) -> None:
    assert Uri.parse(one).equals(Uri.parse(other))
    assert Uri.parse(other).equals(Uri.parse(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com;maddr=a", "sip:bob@biloxi.com;maddr=b"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:bob@h", "sips:bob@h"),
        ("sip:bob:x@h", "sip:bob@h"),
        ("tel:+1", "tel:+2"),
        ("tel:1;phone-context=a", "tel:1"),
    ],
)
def test_different_uris_differ_either_way(one: str, other: str) -> None:
    assert not Uri.parse(one).equals(Uri.parse(other))
    assert not Uri.parse(other).equals(Uri.parse(one))


def test_a_parameter_is_found_whatever_its_case() -> None:
    uri = Uri.parse("sip:a@h;Transport=tcp;lr")
    assert (uri.param("transport"), uri.param("lr"), uri.param("maddr")) == ("tcp", "", None)


def test_parameters_are_set_and_dropped() -> None:
    uri = Uri.parse("sip:a@h;Transport=tcp;lr")
    assert str(uri.with_params(("transport", "udp"))) == "sip:a@h;lr;transport=udp"
    assert str(uri.without_params("lr", "transport")) == "sip:a@h"


def test_the_bare_uri_has_neither_password_nor_parameters() -> None:
    assert str(Uri.parse("sip:a:p@h:5070;lr?x=y").bare) == "sip:a@h:5070"


@pytest.mark.parametrize(
    ("text", "aor"),
    [
        ("sips:%61lice@EXAMPLE.com:5061;lr", "sip:alice@example.com"),
        ("sip:Example.COM", "sip:example.com"),
        ("tel:+1-555-0100", "tel:+15550100"),
    ],
)
def test_the_address_of_record_is_a_key(text: str, aor: str) -> None:
    assert Uri.parse(text).aor == aor
