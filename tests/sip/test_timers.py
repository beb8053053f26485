"""The table of deadlines: moved, cleared, fired in order, and no slower for what was cleared."""

from __future__ import annotations

from sip.timers import Timer, TimerTable, TimerValues


class Owner:
    def fire(self, timer: Timer, now: float) -> None:
        """Nobody calls this here."""


def fired(table: TimerTable, now: float) -> list[Timer]:
    return [timer for _, timer in table.due(now)]


def test_timers_fire_in_order_of_their_time() -> None:
    table, owner = TimerTable(), Owner()
    table.set(owner, Timer.B, 3.0)
    table.set(owner, Timer.A, 1.0)
    table.set(owner, Timer.D, 2.0)
    assert table.next_deadline() == 1.0
    assert fired(table, 2.5) == [Timer.A, Timer.D]
    assert table.next_deadline() == 3.0


def test_setting_a_timer_again_moves_it() -> None:
    table, owner = TimerTable(), Owner()
    table.set(owner, Timer.A, 1.0)
    table.set(owner, Timer.A, 5.0)
    assert fired(table, 2.0) == []
    assert fired(table, 5.0) == [Timer.A]
    assert fired(table, 9.0) == []


def test_moving_a_timer_to_where_it_is_fires_it_once() -> None:
    table, owner = TimerTable(), Owner()
    table.set(owner, Timer.A, 1.0)
    table.set(owner, Timer.A, 1.0)
    assert fired(table, 1.0) == [Timer.A]


def test_one_timer_is_cleared_or_all_of_an_owner() -> None:
    table, one, two = TimerTable(), Owner(), Owner()
    for owner in (one, two):
        table.set(owner, Timer.A, 1.0)
        table.set(owner, Timer.B, 2.0)
    table.clear(one, Timer.A)
    table.clear(two)
    table.clear(Owner(), Timer.A)
    assert not table.is_set(one, Timer.A)
    assert table.is_set(one, Timer.B)
    assert len(table) == 1
    assert fired(table, 9.0) == [Timer.B]
    assert table.next_deadline() is None
    assert len(table) == 0


def test_a_timer_that_is_set_while_others_fire_waits_for_its_time() -> None:
    table, owner = TimerTable(), Owner()
    table.set(owner, Timer.A, 1.0)
    seen = []
    for _, timer in table.due(1.0):
        seen.append(timer)
        table.set(owner, Timer.B, 1.5)
    assert seen == [Timer.A]
    assert table.next_deadline() == 1.5


def test_what_was_cleared_does_not_pile_up() -> None:
    table, kept = TimerTable(), Owner()
    table.set(kept, Timer.B, 1e9)
    for number in range(20_000):
        owner = Owner()
        table.set(owner, Timer.A, 100.0 + number)
        table.clear(owner)
    assert len(table) == 1
    assert len(table._heap) < 200
    assert table.next_deadline() == 1e9


def test_the_values_follow_t1() -> None:
    assert TimerValues().timeout == 32.0
    assert TimerValues(t1=0.1).timeout == 6.4
