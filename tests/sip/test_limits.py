"""Token buckets by source, and the memory of wrong passwords."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sip.limits import Guesses, TokenBuckets


def test_a_burst_passes_then_the_rate_and_time_refills_to_the_burst_only() -> None:
    buckets = TokenBuckets(rate=10, burst=5)
    assert [buckets.take("a", 0) for _ in range(6)] == [True] * 5 + [False]
    assert [buckets.take("a", 0.1), buckets.take("a", 0.1)] == [True, False]
    assert sum(buckets.take("a", 1000) for _ in range(10)) == 5


def test_one_source_does_not_use_up_what_another_may_send() -> None:
    buckets = TokenBuckets(rate=1, burst=1)
    assert [buckets.take("a", 0), buckets.take("a", 0), buckets.take("b", 0)] == [True, False, True]


def test_the_defaults_let_an_office_of_fifty_register_at_once_and_a_trunk_bring_a_hundred_calls_a_second() -> None:
    buckets = TokenBuckets()
    assert all(
        buckets.take("office", 0) for _ in range(50 * 2 * 11)
    )  # challenged, and every datagram sent eleven times
    assert all(buckets.take("trunk", n / 1400) for n in range(60 * 1400))
    assert not all(buckets.take("flood", n / 5000) for n in range(5 * 5000))


def test_a_flooder_is_not_forgotten_while_others_come_and_go() -> None:
    buckets = TokenBuckets(rate=0.001, burst=1, sources=3)
    buckets.take("flood", 0)
    for n in range(50):
        buckets.take(f"other {n}", 0)
        assert not buckets.take("flood", 0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 10)), max_size=300))
def test_no_order_of_arrival_lets_more_through_than_burst_and_rate(arrivals: list[tuple[str, float]]) -> None:
    buckets = TokenBuckets(rate=5, burst=10)
    passed = [source for source, at in sorted(arrivals, key=lambda a: a[1]) if buckets.take(source, at)]
    assert all(passed.count(source) <= 10 + 5 * 10 for source in "abc")


def test_ten_wrong_passwords_in_a_minute_turn_that_user_away_at_that_source_only() -> None:
    guesses = Guesses()
    for n in range(10):
        assert not guesses.is_banned("s", "alice", n)
        guesses.failed("s", "alice", n)
    assert guesses.is_banned("s", "alice", 10)
    assert not guesses.is_banned("s", "bob", 10)
    assert not guesses.is_banned("elsewhere", "alice", 10)
    assert not guesses.is_banned("s", "alice", 61)


def test_slow_mistakes_are_no_attack() -> None:
    guesses = Guesses()
    for n in range(50):
        guesses.failed("s", "alice", n * 7.0)
        assert not guesses.is_banned("s", "alice", n * 7.0)


def test_a_right_password_forgives() -> None:
    guesses = Guesses()
    for _ in range(9):
        guesses.failed("s", "alice", 0)
    guesses.right("s", "alice")
    guesses.failed("s", "alice", 1)
    assert not guesses.is_banned("s", "alice", 1)


def test_one_password_tried_on_every_user_ends_for_all_but_those_at_home_there() -> None:
    guesses = Guesses()
    guesses.right("office", "alice")
    for n in range(50):
        guesses.failed("office", f"user{n}", n / 10)
    assert guesses.is_banned("office", "user500", 10)
    assert not guesses.is_banned("office", "alice", 10)
    assert not guesses.is_banned("home", "user500", 10)
    assert not guesses.is_banned("office", "user500", 70.1)


def test_the_memory_is_bounded_in_every_direction() -> None:
    guesses = Guesses(most=2, most_of_all=3, sources=2)
    for source in "abc":
        for _ in range(2):
            guesses.failed(source, "alice", 0)
    assert [guesses.is_banned(source, "alice", 0) for source in "abc"] == [False, True, True]
    for n in range(4):  # the user tried first is forgotten, but the source is full by then
        guesses.failed("c", f"user{n}", 0)
    assert guesses.is_banned("c", "alice", 0)
    guesses = Guesses(most=1, most_of_all=1)
    for n in range(1001):
        guesses.right("a", f"user{n}")
    guesses.failed("a", "user0", 0)
    assert guesses.is_banned("a", "user0", 0)
    assert not guesses.is_banned("a", "user1000", 0)
