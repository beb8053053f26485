"""Who is calling, in the contract's order: phone by digest, trunk by source address, anyone else turned away."""

from __future__ import annotations

import pytest

from gateway.config import Config, parse
from gateway.routing.inbound import OWN_HEADER, Doorkeeper, OwnPrincipal, PhonePrincipal, TrunkPrincipal
from gateway.routing.numbers import NotRoutable, OwnNumber, ViaTrunk, normalize, route
from sip.digest import Challenge, Credentials, answer, best
from sip.message import Request
from sip.stack import Accept, Refuse
from sip.transport import Flow


@pytest.fixture
def config() -> Config:
    return parse(
        {
            "sip": {"domain": "gate.example"},
            "account": {"sid": "AC" + "0" * 32, "auth_token": "t"},
            "phone": [{"username": "alice", "password": "a"}, {"username": "bob", "password": "b"}],
            "number": [{"number": "+15550100", "voice_url": "http://127.0.0.1/x"}],
            "trunk": [
                {"name": "carrier", "host": "192.0.2.9", "allow": ["192.0.2.0/24"]},
                {"name": "other", "host": "192.0.3.9", "allow": ["192.0.3.0/24"]},
            ],
            "route": [{"prefix": "+", "trunk": "carrier"}, {"prefix": "+44", "trunk": "other"}],
        },
        {},
    )


@pytest.fixture
def door(config: Config) -> Doorkeeper:
    return Doorkeeper(config)


def request(
    method: str = "INVITE", *, user: str = "alice", domain: str = "gate.example", to: str = "+15550100"
) -> Request:
    uri = f"sip:{to}@gate.example" if method != "REGISTER" else "sip:gate.example"
    target = user if method == "REGISTER" else to
    return Request(
        method,
        uri,
        [
            ("Via", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx"),
            ("From", f"<sip:{user}@{domain}>;tag=1"),
            ("To", f"<sip:{target}@{domain}>"),
            ("Call-ID", "c"),
            ("CSeq", f"1 {method}"),
            ("Contact", f"<sip:{user}@10.0.0.1>"),
        ],
    )


def flow(source: str = "198.51.100.7") -> Flow:
    return Flow("udp", ("192.0.2.1", 5060), (source, 40_000))


def with_answer(door: Doorkeeper, asked: Request, user: str, password: str, source: str = "198.51.100.7") -> Request:
    refused = door.admit(asked, flow(source), 0)
    assert isinstance(refused, Refuse)
    challenge = best([c for v in refused.response.headers.get_all("WWW-Authenticate") for c in Challenge.parse_many(v)])
    assert challenge is not None
    credentials = Credentials(username=user, password=password)
    value = answer(challenge, credentials, method=asked.method, uri=asked.uri, body=b"", nc=1, cnonce="c")
    asked.headers.set("Authorization", value)
    return asked


@pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
def test_a_phone_is_challenged_and_let_in(door: Doorkeeper, method: str) -> None:
    asked = with_answer(door, request(method), "alice", "a")
    assert door.admit(asked, flow(), 1) == Accept(PhonePrincipal("alice"))


def test_a_replay_is_challenged_again(door: Doorkeeper) -> None:
    asked = with_answer(door, request("REGISTER"), "alice", "a")
    door.admit(asked, flow(), 1)
    again = door.admit(asked, flow(), 1)
    assert isinstance(again, Refuse)
    assert again.response.status == 401


def test_another_users_password_does_not_open_this_address(door: Doorkeeper) -> None:
    refused = door.admit(with_answer(door, request("REGISTER"), "bob", "b"), flow(), 1)
    assert isinstance(refused, Refuse)
    assert refused.response.status == 403


def test_a_phone_at_a_trunks_address_is_still_a_phone(door: Doorkeeper) -> None:
    refused = door.admit(request(), flow("192.0.2.9"), 0)
    assert isinstance(refused, Refuse)
    assert refused.response.status == 401


def test_a_trunk_is_known_by_its_source_address_only(door: Doorkeeper, config: Config) -> None:
    asked = request(user="+4479460000", domain="carrier.example")
    assert door.admit(asked, flow("192.0.2.77"), 0) == Accept(TrunkPrincipal("carrier", config.numbers[0]))
    refused = door.admit(asked, flow("198.51.100.1"), 0)
    assert isinstance(refused, Refuse)
    assert refused.response.status == 403


def test_a_mapped_address_is_the_same_address(door: Doorkeeper) -> None:
    asked = request(user="+4479460000", domain="carrier.example")
    assert isinstance(door.admit(asked, flow("::ffff:192.0.2.77"), 0), Accept)


def test_a_trunk_that_calls_a_number_of_nobody_gets_404(door: Doorkeeper) -> None:
    refused = door.admit(request(user="x", domain="carrier.example", to="+15559999"), flow("192.0.2.77"), 0)
    assert isinstance(refused, Refuse)
    assert refused.response.status == 404


def test_unknown_users_meet_what_known_ones_meet(door: Doorkeeper) -> None:
    known, unknown = (door.admit(request("REGISTER", user=user), flow(), 0) for user in ("alice", "mallory"))
    assert isinstance(known, Refuse)
    assert isinstance(unknown, Refuse)
    assert known.response.status == unknown.response.status == 401


def test_a_guesser_is_turned_away_but_not_the_phone_elsewhere(door: Doorkeeper) -> None:
    for _ in range(10):
        door.admit(with_answer(door, request("REGISTER"), "alice", "guess"), flow(), 1)
    refused = door.admit(request("REGISTER"), flow(), 2)
    assert isinstance(refused, Refuse)
    assert refused.response.status == 403
    asked = with_answer(door, request("REGISTER"), "alice", "a", source="203.0.113.5")
    assert isinstance(door.admit(asked, flow("203.0.113.5"), 3), Accept)


def test_our_own_call_is_known_by_its_secret(door: Doorkeeper, config: Config) -> None:
    asked = request(user="x", domain="elsewhere.example")
    asked.headers.add(OWN_HEADER, door.own_token)
    assert door.admit(asked, flow("127.0.0.1"), 0) == Accept(OwnPrincipal(config.numbers[0]))
    asked.headers.set(OWN_HEADER, "guess")
    assert isinstance(door.admit(asked, flow("127.0.0.1"), 0), Refuse)


def test_anyone_may_ask_whether_we_live(door: Doorkeeper) -> None:
    assert isinstance(door.admit(request("OPTIONS", user="x", domain="y.example"), flow("203.0.113.1"), 0), Accept)


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        ("+1 (415) 555-2671", "+14155552671"),
        ("4155552671", "+14155552671"),
        ("14155552671", "+14155552671"),
        ("011442079460000", "+442079460000"),
        ("00442079460000", "+442079460000"),
        ("*67", "*67"),
        ("911", "911"),
    ],
)
def test_numbers_are_read_as_twilio_reads_them(dialled: str, number: str) -> None:
    assert normalize(dialled) == number


def test_a_number_of_ours_stays_inside_and_the_longest_prefix_wins(config: Config) -> None:
    assert route(config, "+15550100") == OwnNumber(config.numbers[0])
    assert route(config, "15550100") == OwnNumber(config.numbers[0])
    assert route(config, "+442079460000") == ViaTrunk(config.trunks[1], "+442079460000")
    assert route(config, "4155552671") == ViaTrunk(config.trunks[0], "+14155552671")
    assert isinstance(route(config, "911"), NotRoutable)
    assert isinstance(found := route(config, "bob"), NotRoutable)
    assert found.code == 13224
