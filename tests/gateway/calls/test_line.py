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
    here.remove(second, 1.0)
    assert (here.position(second), here.position(third), len(here)) == (0, 1, 1)
    assert here.take() is third
    assert here.take() is None


def test_a_line_takes_no_more_than_its_size_or_the_smaller_one_that_the_caller_names() -> None:
    here = line(2)
    assert here.add(One(CallSid("a"), 0.0))
    assert not here.add(One(CallSid("b"), 0.0), 1)
    assert here.add(One(CallSid("b"), 0.0), 9)
    assert not here.add(One(CallSid("c"), 0.0))


def test_a_waiting_caller_is_told_where_it_stands_and_how_long_others_waited() -> None:
    here = line()
    gone, here_still = One(CallSid("a"), 0.0), One(CallSid("b"), 4.0)
    here.add(gone)
    here.add(here_still)
    here.remove(gone, 10.0)
    assert here.parameters(here_still, 16.5) == (
        ("QueuePosition", "1"),
        ("QueueSid", "QU1"),
        ("QueueTime", "12"),
        ("AvgQueueTime", "10"),
        ("CurrentQueueSize", "1"),
        ("MaxQueueSize", "1000"),
    )
