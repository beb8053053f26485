"""Rows, ports, ticks, routes and the command channel, each by itself."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from media.clock import CATCH_UP, TICK_S, Pace
from media.commands import Open, Shutdown
from media.errors import NoPortLeft, NoRowLeft, WireFault
from media.ports import Ports
from media.routes import Plan, Routes
from media.slots import Kind, Slots
from media.wire import Unpacker, pack


def test_the_lowest_row_is_lent_first_and_never_as_the_same_slot() -> None:
    slots = Slots(2)
    first, second = slots.lend(Kind.LEG, "a").slot, slots.lend(Kind.ROOM, "b").slot
    with pytest.raises(NoRowLeft):
        slots.lend(Kind.LEG, "c")
    assert slots.give_back(first) is not None
    assert slots.give_back(first) is None
    again = slots.lend(Kind.LEG, "d").slot
    assert again.row == first.row
    assert again != first
    assert slots.of(first) is None
    assert slots.top == 2
    assert [lent.slot for lent in slots.all()] == [again, second]


def test_ports_are_even_rest_after_use_and_run_out() -> None:
    ports = Ports(first_port=10_001, last_port=10_006, rest_s=30.0)
    assert [ports.lend(0.0), ports.lend(0.0)] == [10_002, 10_004]
    with pytest.raises(NoPortLeft):
        ports.lend(0.0)
    ports.give_back(10_004, 5.0)
    with pytest.raises(NoPortLeft):
        ports.lend(34.9)
    assert ports.resting == 1
    assert ports.lend(35.0) == 10_004


def test_a_late_tick_is_caught_up_and_a_stall_is_skipped() -> None:
    pace = Pace(1.0)
    assert pace.begin(1.001) == 0
    assert pace.late == 0
    assert pace.begin(1.03) == 0
    assert pace.late == 1
    assert pace.begin(2.04) == 50 - CATCH_UP
    assert pace.next_at == pytest.approx(1.04 + TICK_S * (48))
    assert 2.04 - pace.next_at == pytest.approx(TICK_S * (CATCH_UP - 1))
    pace.end(0.004)
    assert pace.figures() == pytest.approx((4.0, 4.0))
    assert pace.figures() == (0.0, 0.0)


def test_a_plan_sums_the_sources_of_each_target() -> None:
    heard = np.arange(12, dtype=np.float32).reshape(4, 3)
    said = np.zeros((4, 3), dtype=np.float32)
    Plan.of([(0, 3, 1.0), (1, 3, 2.0), (2, 0, -1.0)]).mix(heard, said)
    assert said[3].tolist() == (heard[0] + 2 * heard[1]).tolist()
    assert said[0].tolist() == (-heard[2]).tolist()
    assert not said[1].any()
    assert not said[2].any()
    Plan.of([]).mix(heard, said)
    Plan.of([(0, 1, 1.0), (1, 0, 1.0)]).mix(heard, said)
    assert said[1].tolist() == heard[0].tolist()


def test_a_plan_of_many_shapes_is_what_its_edges_say() -> None:
    chance = np.random.default_rng(1)
    for size in (3, 12, 40):
        gains = chance.choice([0.0, 1.0, -1.0, 0.5], size=(size, size), p=[0.7, 0.15, 0.1, 0.05])
        gains[:, 0] = 1.0  # one that everybody feeds
        heard = chance.standard_normal((size, 8)).astype(np.float32)
        said = np.full((size, 8), 7.0, dtype=np.float32)
        plan = Plan.of([(s, t, gains[s, t]) for s in range(size) for t in range(size) if gains[s, t]])
        plan.mix(heard, said)
        fed = (gains != 0).any(axis=0)
        assert np.allclose(said[fed], (gains.T @ heard)[fed], atol=1e-5)
        assert (said[~fed] == 7.0).all(), "a row without sources is left alone"
        assert plan.sums.tolist() == np.flatnonzero((gains != 0).sum(axis=0) > 1).tolist()


def test_five_hundred_full_scale_voices_are_summed_exactly() -> None:
    heard = np.ones((501, 1), dtype=np.float32)
    said = np.zeros((501, 1), dtype=np.float32)
    Plan.of([(i, 500, 1.0) for i in range(500)]).mix(heard, said)
    assert said[500, 0] == 500.0


def test_routes_are_compiled_once_a_change_and_rooms_come_first() -> None:
    routes = Routes()
    routes.add_room(9)
    routes.add(0, 9, 1.0)
    routes.add(9, 1, 0.5)
    rooms, legs = routes.plans()
    heard, said = np.eye(10, dtype=np.float32), np.zeros((10, 10), dtype=np.float32)
    rooms.mix(heard, said)
    assert np.flatnonzero(said.any(axis=1)).tolist() == [9]
    legs.mix(heard, said)
    assert said[1].tolist() == [0.0] * 9 + [0.5]
    assert routes.plans()[0] is rooms
    routes.forget(0)
    assert routes.plans()[0].layers == ()
    assert routes.sources_of(1) == [(9, 0.5)]
    routes.remove(9, 1)
    routes.remove(9, 1)
    assert routes.targets_of(9) == []


def test_batches_come_whole_however_the_octets_are_cut() -> None:
    sent = [Open(ticket=1, label="x"), Shutdown()]
    data = pack(sent) + pack([Open(ticket=2)])
    unpacker = Unpacker()
    got = [item for i in range(len(data)) for item in unpacker.feed(data[i : i + 1])]
    assert got == [*sent, Open(ticket=2)]


@pytest.mark.parametrize("body", [pickle.dumps(print), b"garbage", pickle.dumps([1]), b""])
def test_what_is_no_command_is_a_fault(body: bytes) -> None:
    with pytest.raises(WireFault):
        Unpacker().feed(len(body).to_bytes(4) + body)


def test_a_batch_without_end_is_a_fault() -> None:
    with pytest.raises(WireFault):
        Unpacker().feed(b"\xff\xff\xff\xff")
