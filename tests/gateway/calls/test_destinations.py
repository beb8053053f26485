"""Where a party is called and what its INVITE says, whatever a document holds: nothing of it gets out of its header."""

from __future__ import annotations

import random
import string

import pytest

from gateway.calls.call import Call, Happening
from gateway.calls.destinations import Destination, Destinations
from gateway.calls.ending import CallFailed, outcome, worst
from gateway.config import Config, parse
from gateway.directory.directory import Directory
from gateway.ids import AccountSid, new_call_sid
from gateway.routing.inbound import Doorkeeper
from gateway.twiml.control import DialTarget
from gateway.twiml.nouns.caller import caller_id
from sip.client import out_of_dialog
from sip.message import Request
from sip.message import parse as parse_message
from sip.registrar import Registrar

ACCOUNT = "AC" + "0" * 32
NASTY = "\r\n\0\t \"'<>;:@?&=%,\\é\u2028" + "%0d%0a%00" + string.ascii_letters + string.digits
OURS = {
    "Max-Forwards", "From", "To", "Call-ID", "CSeq", "User-Agent", "Allow", "Supported", "Session-Expires", "Min-SE", "Content-Type",
    "Content-Length", "Subject", "Via", "X-Twilio-AccountSid", "X-Twilio-CallSid", "X-Twilio-Params", "User-to-User",
}  # fmt: skip


def config(**more: object) -> Config:
    return parse(
        {
            "account": {"sid": ACCOUNT, "auth_token": "t"},
            "phone": [{"username": "bob", "password": "p"}],
            "trunk": [
                {"name": "first", "host": "192.0.2.1"},
                {"name": "second", "host": "192.0.2.2", "username": "u", "password": "p"},
            ],
            "route": [
                {"prefix": "+", "trunk": "first"},
                {"prefix": "+1", "trunk": "second"},
                {"prefix": "+", "trunk": "second"},
            ],
            **more,
        },
        {},
    )


def destinations() -> Destinations:
    one = config()
    directory = Directory(one)
    door = Doorkeeper(one, directory)
    return Destinations(one, Registrar(), door, directory, lambda: ("udp", "127.0.0.1", 5060), lambda: 0.0)


def call(from_: str = "+15550100", reason: str = "") -> Call:
    return Call(
        sid=new_call_sid(),
        account_sid=AccountSid(ACCOUNT),
        direction="outbound-dial",
        from_=from_,
        to="x",
        reason=reason,
    )


def invite(destination: Destination) -> Request:
    """The INVITE as it is read at the other side."""
    made = out_of_dialog(
        "INVITE",
        destination.uri,
        destination.from_,
        destination.to,
        "token",
        b"",
        destination.headers,
        None,
        "Crosspoint",
    )
    made.headers.insert_first("Via", "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx")
    read = parse_message(made.to_bytes())
    assert isinstance(read, Request)
    return read


def test_a_number_goes_by_the_longest_prefix_and_then_by_the_other_trunks_of_it() -> None:
    (found,) = destinations().of(DialTarget(kind="number", address="+4930123"), call())
    assert (found.uri.host, found.credentials) == ("192.0.2.1", None)
    assert found.otherwise is not None
    assert found.otherwise.uri.host == "192.0.2.2"
    assert found.otherwise.credentials is not None, "each trunk gets its own credentials and nobody else's"
    assert found.otherwise.otherwise is None
    (found,) = destinations().of(DialTarget(kind="number", address="+15557770000"), call())
    assert (found.uri.host, found.otherwise) == ("192.0.2.2", None)


@pytest.mark.parametrize(
    ("kind", "address", "what", "code"),
    [
        ("client", "bob", Happening.NO_ANSWER, 32009),
        ("sip", "sip:bob@127.0.0.1", Happening.FAILED, 32009),
        ("sip", "sip:b b@x", Happening.FAILED, 13243),
        ("number", "letters", Happening.FAILED, 13224),
        ("number", "12", Happening.FAILED, 13227),
    ],
)
def test_who_can_not_be_called_has_a_code(kind: str, address: str, what: Happening, code: int) -> None:
    with pytest.raises(CallFailed) as caught:
        destinations().of(DialTarget(kind=kind, address=address), call())
    assert (caught.value.ending.what, caught.value.notification) == (what, code)


def test_a_call_that_was_passed_on_too_often_goes_nowhere() -> None:
    looping = call()
    looping.hops = 1
    (found,) = destinations().of(DialTarget(kind="number", address="+4930123"), looping)
    assert invite(found).headers.get("Max-Forwards") == "1"
    looping.hops = 0
    with pytest.raises(CallFailed) as caught:
        destinations().of(DialTarget(kind="number", address="+4930123"), looping)
    assert caught.value.ending.sip_code == 483


def test_parameters_of_twilios_own_network_stay_here() -> None:
    (found,) = destinations().of(
        DialTarget(kind="sip", address="sip:a@example.com;edge=dublin;region=ie1;transport=tcp"), call()
    )
    assert str(found.uri) == "sip:a@example.com;transport=tcp"


def test_nothing_that_a_document_holds_gets_out_of_its_header() -> None:
    """Five thousand addresses, reasons, callers and parameters made of what is worst."""
    dice = random.Random(20261121)
    reached = 0

    def text(most: int = 12) -> str:
        return "".join(dice.choice(NASTY) for _ in range(dice.randint(0, most)))

    for _ in range(5000):
        kind = dice.choice(["sip", "number", "client"])
        address = text()
        if kind == "sip":
            address = (
                dice.choice(["sip:", ""])
                + f"a{text()}@example.com"
                + dice.choice(["", f";{text()}", f"?X-A={text()}&{text()}"])
            )
        target = DialTarget(kind=kind, address=address, parameters=((text(), text()),))
        caller = caller_id(kind, text()) or dice.choice(["+1555", "client:" + text(), "sip:" + text(), "caf\udce9"])
        try:
            found = destinations().of(target, call(caller, reason=text(60)))
        except CallFailed:
            continue
        for destination in found:
            reached += 1
            request = invite(destination)
            assert {name for name, _ in request.headers if not name.lower().startswith("x-")} <= OURS
            assert not [value for _, value in request.headers if set(value) & set("\r\n\0")]
            assert request.request_uri.host.isprintable()
            assert request.from_.uri.host == "127.0.0.1"
    assert reached > 300


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (200, Happening.COMPLETED),
        (486, Happening.BUSY),
        (600, Happening.BUSY),
        (603, Happening.BUSY),
        (408, Happening.NO_ANSWER),
        (480, Happening.NO_ANSWER),
        (487, Happening.NO_ANSWER),
        (302, Happening.FAILED),
        (403, Happening.FAILED),
        (404, Happening.FAILED),
        (500, Happening.FAILED),
        (503, Happening.FAILED),
        (604, Happening.FAILED),
    ],
)
def test_what_a_response_means_for_the_call(code: int, what: Happening) -> None:
    assert outcome(code) is what


@pytest.mark.parametrize(
    ("outcomes", "what"),
    [
        (["busy", "busy"], "busy"),
        (["busy", "no-answer"], "no-answer"),
        (["failed", "busy"], "busy"),
        (["failed", "failed"], "failed"),
        (["canceled", "failed"], "failed"),
        ([], "failed"),
    ],
)
def test_of_several_parties_that_all_failed_the_one_that_rang_longest_counts(outcomes: list[str], what: str) -> None:
    assert worst([Happening(one) for one in outcomes]) is Happening(what)
