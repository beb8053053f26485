"""Digest: RFC 7616's own example, both algorithms, nonces that expire and whose count must rise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.digest import Challenge, Credentials, Outcome, Verifier, answer, best

ALICE = Credentials(username="alice", password='wonder "land"')
URI = "sip:example.org"


def passwords(user: str) -> str | None:
    return ALICE.password if user == "alice" else None


def challenged(verifier: Verifier, now: float, *, stale: bool = False) -> list[Challenge]:
    return [c for _, value in verifier.challenges(now, stale=stale) for c in Challenge.parse_many(value)]


def authorized(challenge: Challenge, nc: int = 1, credentials: Credentials = ALICE, method: str = "REGISTER") -> str:
    return answer(challenge, credentials, method=method, uri=URI, body=b"", nc=nc, cnonce="c0ffee")


def judge(verifier: Verifier, value: str, now: float, *, method: str = "REGISTER", uri: str = URI) -> Outcome:
    return verifier.verify([value], method, uri, b"", passwords, now).outcome


@pytest.fixture
def verifier() -> Verifier:
    return Verifier("example.org", b"secret")


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616_section_3_9_1(algorithm: str, expected: str) -> None:
    challenge = Challenge(
        realm="http-auth@example.org",
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        algorithm=algorithm,
        qop=frozenset({"auth", "auth-int"}),
        opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    )
    mufasa = Credentials(username="Mufasa", password="Circle of Life")
    value = answer(
        challenge,
        mufasa,
        method="GET",
        uri="/dir/index.html",
        body=b"",
        nc=1,
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert f'response="{expected}"' in value


def test_both_algorithms_are_offered_the_stronger_first_and_chosen(verifier: Verifier) -> None:
    found = challenged(verifier, 0)
    assert [c.algorithm for c in found] == ["SHA-256", "MD5"]
    assert best(found[::-1]) is found[0]


@pytest.mark.parametrize("at", [0, 1])
def test_a_right_answer_is_good_by_either_algorithm(verifier: Verifier, at: int) -> None:
    assert judge(verifier, authorized(challenged(verifier, 0)[at]), 1) is Outcome.GOOD


def test_the_count_must_rise_so_that_a_replay_is_refused(verifier: Verifier) -> None:
    challenge = challenged(verifier, 0)[0]
    first, second = authorized(challenge, 1), authorized(challenge, 2)
    assert [judge(verifier, value, 1) for value in (first, first, second, first)] == [
        Outcome.GOOD,
        Outcome.REPLAY,
        Outcome.GOOD,
        Outcome.REPLAY,
    ]


def test_an_old_nonce_is_stale_although_the_password_is_right(verifier: Verifier) -> None:
    value = authorized(challenged(verifier, 0)[0])
    assert judge(verifier, value, 301) is Outcome.STALE
    assert all("stale=true" in value for _, value in verifier.challenges(301, stale=True))


def test_an_invented_nonce_and_one_of_an_earlier_process_are_stale(verifier: Verifier) -> None:
    other = challenged(Verifier("example.org", b"other"), 0)[0]
    assert judge(verifier, authorized(other), 1) is Outcome.STALE
    invented = Challenge(realm="example.org", nonce="zz-1-abc", qop=frozenset({"auth"}))
    assert judge(verifier, authorized(invented), 1) is Outcome.STALE


@pytest.mark.parametrize(
    ("credentials", "method", "uri"),
    [
        (Credentials(username="alice", password="wrong"), "REGISTER", URI),
        (Credentials(username="nobody", password=""), "REGISTER", URI),
        (ALICE, "INVITE", URI),
        (ALICE, "REGISTER", "sip:bob@example.org"),
    ],
    ids=["wrong password", "unknown user", "another method", "another user"],
)
def test_anything_else_is_wrong(verifier: Verifier, credentials: Credentials, method: str, uri: str) -> None:
    value = authorized(challenged(verifier, 0)[0], credentials=credentials)
    assert judge(verifier, value, 1, method=method, uri=uri) is Outcome.WRONG


@pytest.mark.parametrize(
    ("authorized_for", "requested"),
    [
        ("sip:+15550100@proxy.example.org:5080;transport=udp", "sip:+15550100@127.0.0.1:5060"),
        ("tel:+15550100;phone-context=example.org", "sip:+15550100@127.0.0.1"),
        ("sip:example.org", "SIP:127.0.0.1:5060;transport=tcp"),
    ],
)
def test_a_proxy_between_may_rewrite_everything_but_the_user(
    verifier: Verifier, authorized_for: str, requested: str
) -> None:
    challenge = challenged(verifier, 0)[0]
    value = answer(challenge, ALICE, method="INVITE", uri=authorized_for, body=b"", nc=1, cnonce="c0ffee")
    assert judge(verifier, value, 1, method="INVITE", uri=requested) is Outcome.GOOD
    again = answer(challenge, ALICE, method="INVITE", uri=authorized_for, body=b"", nc=2, cnonce="c0ffee")
    assert judge(verifier, again, 1, method="INVITE", uri="sip:1234@127.0.0.1") is Outcome.WRONG


def test_no_credentials_for_our_realm_are_missing_ones(verifier: Verifier) -> None:
    other = Challenge(realm="other", nonce="n", qop=frozenset({"auth"}))
    assert verifier.verify([], "REGISTER", URI, b"", passwords, 0).outcome is Outcome.MISSING
    assert judge(verifier, authorized(other), 0) is Outcome.MISSING
    assert judge(verifier, "Basic YTpi", 0) is Outcome.MISSING


def test_a_challenge_that_we_cannot_answer_is_passed_over() -> None:
    assert best(Challenge.parse_many('Digest realm="a", nonce="b", algorithm=SHA-512-256')) is None
    assert Challenge.parse_many('Basic realm="a"') == []
    assert Challenge.parse_many('Digest realm="a"') == []


@given(st.text(max_size=200))
def test_verifying_never_raises_and_never_says_good(text: str) -> None:
    verifier = Verifier("example.org", b"secret")
    verdict = verifier.verify([f"Digest {text}", text], "REGISTER", URI, b"", passwords, 0)
    assert verdict.outcome is not Outcome.GOOD


def test_a_count_in_whatever_order_of_nonces_is_good_once_even_where_the_memory_is_short() -> None:
    verifier = Verifier("example.org", b"secret", nonces=2)
    values = [authorized(challenged(verifier, 0)[0]) for _ in range(4)]
    assert [judge(verifier, value, 1) for value in values] == [Outcome.GOOD] * 4
    assert [judge(verifier, value, 2) for value in values] == [Outcome.STALE, Outcome.STALE] + [Outcome.REPLAY] * 2


def test_a_nonce_without_qop_is_good_once(verifier: Verifier) -> None:
    value = authorized(replace(challenged(verifier, 0)[0], qop=frozenset()))
    assert "nc=" not in value
    assert [judge(verifier, value, 1), judge(verifier, value, 2)] == [Outcome.GOOD, Outcome.REPLAY]


@pytest.mark.parametrize("algorithm", ["SHA-256-sess", "MD5-sess", "md5"])
@pytest.mark.parametrize("qop", [{"auth"}, {"auth-int"}, set()], ids=["auth", "auth-int", "without qop"])
def test_both_halves_agree_on_every_variant(verifier: Verifier, algorithm: str, qop: set[str]) -> None:
    challenge = replace(challenged(verifier, 0)[0], algorithm=algorithm, qop=frozenset(qop))
    value = answer(challenge, ALICE, method="REGISTER", uri=URI, body=b"body", nc=1, cnonce="c0ffee")
    assert verifier.verify([value], "REGISTER", URI, b"body", passwords, 1).outcome is Outcome.GOOD


def test_with_auth_int_the_body_counts(verifier: Verifier) -> None:
    challenge = replace(challenged(verifier, 0)[0], qop=frozenset({"auth-int"}))
    value = answer(challenge, ALICE, method="REGISTER", uri=URI, body=b"one", nc=1, cnonce="c0ffee")
    assert verifier.verify([value], "REGISTER", URI, b"two", passwords, 1).outcome is Outcome.WRONG


def test_what_the_server_said_is_said_back(verifier: Verifier) -> None:
    challenge = challenged(verifier, 0)[0]
    assert challenge.opaque
    assert f'opaque="{challenge.opaque}"' in authorized(challenge)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=0000000g"),
        ("qop=auth", "qop=best"),
        ('cnonce="c0ffee"', 'cnonce=""'),
        ('username="alice"', 'username=""'),
        ('uri="sip:example.org"', "x=y"),
        ("qop=auth", "x=y"),
        ("algorithm=SHA-256", "algorithm=SHA-1"),
        ("algorithm=SHA-256", "algorithm"),
        ('username="alice"', 'username="alice'),
    ],
)
def test_what_makes_no_sense_is_malformed(verifier: Verifier, old: str, new: str) -> None:
    value = authorized(challenged(verifier, 0)[0])
    assert old in value
    assert judge(verifier, value.replace(old, new), 1) is Outcome.MALFORMED


@given(
    st.sampled_from(["response", "nonce", "cnonce", "nc", "uri", "username", "algorithm", "qop"]), st.text(max_size=40)
)
def test_no_single_value_can_make_a_wrong_answer_right_or_raise(name: str, text: str) -> None:
    verifier = Verifier("example.org", b"secret")
    honest = Challenge.parse_many(verifier.challenges(0)[0][1])[0]
    value = authorized(honest, credentials=Credentials(username="alice", password="wrong"))
    value += f", {name}={text}"  # the first of a name counts, so the one in question goes first as well
    verdict = verifier.verify([value], "REGISTER", URI, b"", passwords, 0)
    assert verdict.outcome is not Outcome.GOOD
    swapped = value.replace("Digest ", f'Digest {name}="{text}", ')
    assert verifier.verify([swapped], "REGISTER", URI, b"", passwords, 0).outcome is not Outcome.GOOD


@pytest.mark.parametrize("name", ["response", "nonce"])
def test_letters_of_any_alphabet_are_compared_like_others(verifier: Verifier, name: str) -> None:
    challenge = challenged(verifier, 0)[0]
    value = authorized(replace(challenge, nonce="1-1-é" * 3) if name == "nonce" else challenge)
    value = value.replace('response="', 'response="\udcffé') if name == "response" else value
    assert judge(verifier, value, 1) is (Outcome.STALE if name == "nonce" else Outcome.WRONG)


def test_several_challenges_may_share_a_line() -> None:
    line = (
        'Basic realm="x", Digest realm="a, b", nonce="n\\"1", qop="auth,auth-int", algorithm=SHA-256, opaque=o, '
        'Digest realm="c",nonce="2", stale=TRUE, Digest realm="no nonce", Digest nonce'
    )
    first, second = Challenge.parse_many(line)
    assert first == Challenge(
        realm="a, b", nonce='n"1', algorithm="SHA-256", qop=frozenset({"auth", "auth-int"}), opaque="o"
    )
    assert second == Challenge(realm="c", nonce="2", stale=True)


def test_credentials_do_not_show_their_password() -> None:
    assert ALICE.password not in repr(ALICE)


@given(st.text(max_size=200))
def test_reading_challenges_never_raises(text: str) -> None:
    assert all(isinstance(c, Challenge) for c in Challenge.parse_many(f'Digest realm="a", nonce="b", {text}'))
    assert isinstance(Challenge.parse_many(text), list)
