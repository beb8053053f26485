"""Sign-ins: random, for a while, bounded, ended; and a form's token for those who come by HTTP Basic."""

from __future__ import annotations

from gateway.console.sessions import Sessions


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_sign_in_is_found_by_its_token_until_it_is_too_old() -> None:
    clock = Clock()
    sessions = Sessions(clock, life_s=60.0)
    visitor = sessions.open("Basic x", "AC1")
    assert sessions.find(visitor.token) == visitor
    assert sessions.find(visitor.token + "x") is None
    assert sessions.find("") is None
    clock.now = 59.9
    assert sessions.find(visitor.token) == visitor
    clock.now = 60.0
    assert sessions.find(visitor.token) is None
    clock.now = 0.0
    assert sessions.find(visitor.token) is None, "what was too old once is forgotten"


def test_no_two_sign_ins_share_a_token_or_a_forms_token() -> None:
    sessions = Sessions(Clock())
    found = [sessions.open("Basic x", "AC1") for _ in range(50)]
    assert len({one.token for one in found} | {one.csrf for one in found}) == 100


def test_signing_out_ends_one_and_the_oldest_goes_when_there_are_too_many() -> None:
    sessions = Sessions(Clock(), most=2)
    first, second, third = (sessions.open(f"Basic {at}", "AC1") for at in range(3))
    assert sessions.find(first.token) is None
    sessions.close(second.token)
    assert sessions.find(second.token) is None
    assert sessions.find(third.token) == third


def test_credentials_that_come_with_each_request_have_a_steady_forms_token_of_this_process() -> None:
    sessions, other = Sessions(Clock()), Sessions(Clock())
    token = sessions.by_basic("Basic x", "AC1").csrf
    assert sessions.by_basic("Basic x", "AC1").csrf == token
    assert sessions.by_basic("Basic y", "AC1").csrf != token
    assert other.by_basic("Basic x", "AC1").csrf != token
