"""A waiting line as data: order, places, limits, times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.calls.line import Line
from gateway.ids import AccountSid, CallSid, QueueSid


@dataclass(frozen=True, slots=True)
class One:
    sid: CallSid
    since: float


def line(size: int = 1000) -> Line[One]:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Line(sid=QueueSid("QU1"), account_sid=AccountSid("AC1"), name="support", created_at=now, max_size=size)


def test_first_come_is_first_served_and_the_others_move_up() -> None:
    here = line()
    first, second, third = (One(CallSid(name), 0.0) for name in "abc")
    for one in (first, second, third):
        assert here.add(one)
    assert [here.position(one) for one in (first, second, third)] == [1, 2, 3]
    assert here.take() is first
    here.remove(second)
    assert (here.position(second), here.position(third), len(here)) == (0, 1, 1)
    assert here.take() is third
    assert here.take() is None


def test_a_line_takes_no_more_than_its_size_or_the_smaller_one_that_the_caller_names() -> None:
    here = line(2)
    assert here.add(One(CallSid("a"), 0.0))
    assert not here.add(One(CallSid("b"), 0.0), 1)
    assert here.add(One(CallSid("b"), 0.0), 9)
    assert not here.add(One(CallSid("c"), 0.0))


def test_a_waiting_caller_is_told_where_it_stands_and_how_long_those_wait_who_wait_now() -> None:
    here = line()
    gone, first, second = (One(CallSid(name), since) for name, since in (("a", 0.0), ("b", 4.0), ("c", 10.0)))
    for one in (gone, first, second):
        here.add(one)
    here.remove(gone)
    assert here.parameters(second, 16.5) == (
        ("QueuePosition", "2"),
        ("QueueSid", "QU1"),
        ("QueueTime", "6"),
        ("AvgQueueTime", "9"),
        ("CurrentQueueSize", "2"),
        ("MaxQueueSize", "1000"),
    )


def test_one_whose_server_left_stands_at_the_head_again_even_if_the_line_is_full() -> None:
    here = line(2)
    first, second, third = (One(CallSid(name), 0.0) for name in "abc")
    here.add(first)
    here.add(second)
    assert here.take() is first
    assert here.add(third)
    here.put_back(first)
    assert [one.sid for one in here] == ["a", "b", "c"]
