"""Who is calling, in the contract's order: phone by digest, trunk by source address, anyone else turned away."""

from __future__ import annotations

import pytest

from gateway.config import Config, parse
from gateway.directory.directory import Directory
from gateway.routing.inbound import OWN_HEADER, Doorkeeper, OwnPrincipal, PhonePrincipal, TrunkPrincipal
from gateway.storage.resources import NumberRow
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
                {
                    "name": "other",
                    "host": "192.0.3.9",
                    "allow": ["192.0.3.0/24", "2001:db8::/64"],
                    "username": "Account7",
                    "password": "p",
                    "register": True,
                },
            ],
            "route": [{"prefix": "+", "trunk": "carrier"}, {"prefix": "+44", "trunk": "other"}],
        },
        {},
    )


@pytest.fixture
def directory(config: Config) -> Directory:
    return Directory(config)


@pytest.fixture
def door(config: Config, directory: Directory) -> Doorkeeper:
    return Doorkeeper(config, directory)


@pytest.fixture
def ours(directory: Directory) -> NumberRow:
    return directory.numbers["+15550100"]


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


@pytest.mark.parametrize("at", [1, 1000], ids=["a replay", "an old nonce"])
def test_a_right_answer_that_came_before_or_too_late_is_stale_so_the_phone_asks_nobody(
    door: Doorkeeper, at: float
) -> None:
    asked = with_answer(door, request("REGISTER"), "alice", "a")
    door.admit(asked, flow(), 1)
    again = door.admit(asked, flow(), at)
    assert isinstance(again, Refuse)
    assert again.response.status == 401
    assert all("stale=true" in value for value in again.response.headers.get_all("WWW-Authenticate"))


def test_an_unreadable_answer_is_a_bad_request(door: Doorkeeper) -> None:
    asked = request("REGISTER")
    asked.headers.set("Authorization", 'Digest realm="gate.example", username="alice"')
    refused = door.admit(asked, flow(), 1)
    assert isinstance(refused, Refuse)
    assert refused.response.status == 400


@pytest.mark.parametrize(("agent", "offered"), [("baresip v1.0.0 (x86_64)", ["MD5"]), ("Linphone", ["SHA-256", "MD5"])])
def test_phones_that_stumble_over_the_better_algorithm_are_spared_it(
    door: Doorkeeper, agent: str, offered: list[str]
) -> None:
    asked = request("REGISTER")
    asked.headers.set("User-Agent", agent)
    refused = door.admit(asked, flow(), 1)
    assert isinstance(refused, Refuse)
    values = refused.response.headers.get_all("WWW-Authenticate")
    assert [c.algorithm for value in values for c in Challenge.parse_many(value)] == offered


def test_another_users_password_does_not_open_this_address(door: Doorkeeper) -> None:
    refused = door.admit(with_answer(door, request("REGISTER"), "bob", "b"), flow(), 1)
    assert isinstance(refused, Refuse)
    assert refused.response.status == 403


def test_a_phone_at_a_trunks_address_is_still_a_phone(door: Doorkeeper) -> None:
    refused = door.admit(request(), flow("192.0.2.9"), 0)
    assert isinstance(refused, Refuse)
    assert refused.response.status == 401


def test_a_trunk_is_known_by_its_source_address_only(door: Doorkeeper, ours: NumberRow) -> None:
    asked = request(user="+4479460000", domain="carrier.example")
    assert door.admit(asked, flow("192.0.2.77"), 0) == Accept(TrunkPrincipal("carrier", ours))
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


def test_a_trunk_that_calls_our_registered_contact_means_the_number_in_to(door: Doorkeeper, ours: NumberRow) -> None:
    def called(contact: str, to: str) -> Request:
        asked = request(user="+4479460000", domain="carrier.example", to=to)
        asked.uri = f"sip:{contact}@192.0.2.1:5060"
        return asked

    meant = Accept(TrunkPrincipal("other", ours))
    assert door.admit(called("account7", "+15550100"), flow("192.0.3.4"), 0) == meant
    assert isinstance(door.admit(called("account7", "+15550199"), flow("192.0.3.4"), 0), Refuse)
    assert isinstance(door.admit(called("someone", "+15550100"), flow("192.0.3.4"), 0), Refuse)
    assert isinstance(door.admit(called("account7", "+15550100"), flow("192.0.2.4"), 0), Refuse), "not with that one"


def test_a_trunk_may_send_what_is_no_call_but_is_nobodys_number_then(door: Doorkeeper) -> None:
    asked = request("REFER", user="x", domain="carrier.example")
    assert door.admit(asked, flow("2001:db8::7"), 0) == Accept(TrunkPrincipal("other", None))


@pytest.mark.parametrize("source", ["2001:db8:1::7", "fe80::1%eth0", "not an address"])
def test_other_addresses_are_no_trunk(door: Doorkeeper, source: str) -> None:
    asked = request(user="+4479460000", domain="carrier.example")
    assert isinstance(door.admit(asked, flow(source), 0), Refuse)


def test_unknown_users_meet_what_known_ones_meet(door: Doorkeeper) -> None:
    known, unknown = (door.admit(request("REGISTER", user=user), flow(), 0) for user in ("alice", "mallory"))
    assert isinstance(known, Refuse)
    assert isinstance(unknown, Refuse)
    assert known.response.status == unknown.response.status == 401


@pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
def test_a_guesser_learns_no_names_to_the_last_guess(door: Doorkeeper, method: str) -> None:
    met: dict[str, list[tuple[int, str, list[str]]]] = {"alice": [], "mallory": []}
    for user, seen in met.items():
        for n in range(12):
            asked = request(method, user=user)
            challenge = Challenge(realm="gate.example", nonce="1-1-" + "a" * 24, qop=frozenset({"auth"}))
            guess = Credentials(username=user, password=str(n))
            value = answer(challenge, guess, method=method, uri=asked.uri, body=b"", nc=1, cnonce="c")
            asked.headers.set("Authorization", value)
            refused = door.admit(asked, flow(), n / 10)
            assert isinstance(refused, Refuse)
            response = refused.response
            seen.append((response.status, response.reason, [name for name, _ in response.headers]))
    assert met["alice"] == met["mallory"]
    assert [status for status, *_ in met["alice"]] == [401] * 10 + [403] * 2


def test_one_password_tried_on_many_users_ends_but_the_office_goes_on(door: Doorkeeper) -> None:
    assert isinstance(door.admit(with_answer(door, request("REGISTER"), "alice", "a"), flow(), 1), Accept)
    for n in range(50):
        door.admit(with_answer(door, request("REGISTER", user=f"u{n}"), f"u{n}", "guess"), flow(), 1)
    refused = door.admit(request("REGISTER", user="bob"), flow(), 2)
    assert isinstance(refused, Refuse)
    assert refused.response.status == 403
    assert isinstance(door.admit(with_answer(door, request("REGISTER"), "alice", "a"), flow(), 3), Accept)


def test_whoever_registers_is_challenged_but_no_password_opens_another_domain(door: Doorkeeper) -> None:
    asked = with_answer(door, request("REGISTER", domain="elsewhere.example"), "alice", "a")
    refused = door.admit(asked, flow(), 0)
    assert isinstance(refused, Refuse)
    assert refused.response.status == 401


def test_a_guesser_is_turned_away_but_not_the_phone_elsewhere(door: Doorkeeper) -> None:
    for _ in range(10):
        door.admit(with_answer(door, request("REGISTER"), "alice", "guess"), flow(), 1)
    refused = door.admit(request("REGISTER"), flow(), 2)
    assert isinstance(refused, Refuse)
    assert refused.response.status == 403
    asked = with_answer(door, request("REGISTER"), "alice", "a", source="203.0.113.5")
    assert isinstance(door.admit(asked, flow("203.0.113.5"), 3), Accept)


def test_our_own_call_is_known_by_its_secret(door: Doorkeeper, ours: NumberRow) -> None:
    asked = request(user="x", domain="elsewhere.example")
    asked.headers.add(OWN_HEADER, door.own_token)
    assert door.admit(asked, flow("127.0.0.1"), 0) == Accept(OwnPrincipal(ours))
    asked.uri = "sip:+15550999@gate.example"
    refused = door.admit(asked, flow("127.0.0.1"), 0)
    assert isinstance(refused, Refuse)
    assert refused.response.status == 404
    for wrong in ("guess", "", "\udcff", door.own_token.upper() + "é"):
        asked.headers.set(OWN_HEADER, wrong)
        refused = door.admit(asked, flow("127.0.0.1"), 0)
        assert isinstance(refused, Refuse)
        assert refused.response.status == 403


def test_anyone_may_ask_whether_we_live(door: Doorkeeper) -> None:
    assert isinstance(door.admit(request("OPTIONS", user="x", domain="y.example"), flow("203.0.113.1"), 0), Accept)
