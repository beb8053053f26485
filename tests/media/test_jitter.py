"""The jitter buffer against seeded bad networks, in virtual time."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import pytest

from media.jitter import CELL, FLOOR, MOST, Jitter
from media.rtp import Batch

TICK_S = 0.02


def batch_of(sequence: int, timestamp: int, ssrc: int = 9, octets: int = 160, row: int = 0) -> Batch:
    return Batch(
        at=np.array([0]),
        row=np.array([row]),
        payload_type=np.array([0], dtype=np.uint8),
        marker=np.array([False]),
        sequence=np.array([sequence & 0xFFFF]),
        timestamp=np.array([timestamp & 0xFFFFFFFF]),
        ssrc=np.array([ssrc]),
        offset=np.array([12]),
        length=np.array([octets]),
        arrival=np.array([0.0]),
    )


@dataclass(slots=True)
class Run:
    """One stream through a buffer of four rows, in row 2; each cell's payload is its number in the stream."""

    jitter: Jitter = field(default_factory=lambda: Jitter(4))
    played: list[int] = field(default_factory=list)
    """Cell numbers in the order of play-out; -1: missing."""
    delays: list[int] = field(default_factory=list)
    quiet: bool = True

    def __post_init__(self) -> None:
        self.jitter.open(2)

    def put(self, number: int, *, cells: int = 2, sequence: int | None = None, base: int = 0, ssrc: int = 9) -> None:
        """Packet *number* of the stream arrives."""
        first_cell = number * cells
        batch = batch_of(number if sequence is None else sequence, base + first_cell * 80, ssrc, cells * 80, 2)
        places, first = self.jitter.put(batch, np.array([cells]))
        if not len(places):
            return
        matrix = np.zeros((1, 2048), dtype=np.uint8)
        for i in range(cells):
            code = np.array([first_cell + i], dtype=">u4").view(np.uint8)
            matrix[0, 12 + CELL * i : 16 + CELL * i] = code
        self.jitter.store(matrix, batch, places, first, cells)

    def tick(self) -> list[int]:
        due = self.jitter.due(np.array([2]), lambda rows: np.full(len(rows), self.quiet))
        cells = due.payload.reshape(2, CELL)[:, :4].copy().view(">u4")[:, 0].astype(int).tolist()
        now = [-1 if due.missing[0, i] else cells[i] for i in (0, 1)]
        self.played += now
        return now

    def through(self, arrivals: list[tuple[float, int]], ticks: int, cells: int = 2) -> None:
        """Let packets arrive at their times (s, number) and play *ticks*."""
        waiting = sorted(arrivals)
        at = 0
        for tick in range(ticks):
            now = (tick + 1) * TICK_S
            while at < len(waiting) and waiting[at][0] < now:
                self.put(waiting[at][1], cells=cells)
                at += 1
            for i, cell in enumerate(self.tick()):
                if cell >= 0:
                    self.delays.append(round((now + i * 0.01 - cell * 0.01) * 1000))


def steady(
    count: int, spread_s: float = 0.0, loss: float = 0.0, seed: int = 1, offset_s: float = 0.011
) -> list[tuple[float, int]]:
    chance = random.Random(seed)
    kept = [number for number in range(count) if chance.random() >= loss]
    return [(number * TICK_S + offset_s + chance.uniform(0, spread_s), number) for number in kept]


def test_a_clean_stream_is_played_whole_and_in_order_with_little_delay() -> None:
    run = Run()
    run.through(steady(500), 500)
    heard = [cell for cell in run.played if cell >= 0]
    assert heard == list(range(len(heard)))
    assert len(heard) >= 998
    assert max(run.delays) <= 40


@pytest.mark.parametrize("spread_ms", [10, 30, 60])
def test_jitter_makes_the_buffer_deeper_until_hardly_anything_is_late(spread_ms: int) -> None:
    run = Run()
    run.through(steady(3000, spread_ms / 1000), 3000)
    late = int(run.jitter.late[2])
    assert late / 3000 < 0.005
    assert max(run.delays) <= 20 + spread_ms + 120
    settled = run.delays[2000:]
    assert np.mean(settled) <= spread_ms + 60
    heard = [cell for cell in run.played[1000:] if cell >= 0]
    assert heard == sorted(set(heard))
    assert len(heard) >= 0.985 * 5000


def test_after_a_burst_of_jitter_the_delay_comes_down_again() -> None:
    calm, rough = steady(300), steady(600, 0.06)[300:]
    run = Run()
    run.through(calm + rough + steady(2500)[600:], 2500)
    assert np.mean(run.delays[1000:1150]) > 45
    assert np.mean(run.delays[-500:]) <= 40


def test_a_lost_packet_is_a_hole_of_its_own_length() -> None:
    run = Run()
    run.through([arrival for arrival in steady(100) if arrival[1] != 50], 100)
    hole = run.played.index(99)
    assert run.played[hole : hole + 4] == [99, -1, -1, 102]


def test_a_duplicate_is_counted_and_played_once() -> None:
    run = Run()
    run.through(steady(50) + steady(50), 50)
    heard = [cell for cell in run.played if cell >= 0]
    assert heard == sorted(set(heard))
    assert run.jitter.duplicate[2] + run.jitter.late[2] == 50


def test_packets_that_overtake_each_other_are_put_right() -> None:
    arrivals = [(at + (0.025 if number % 10 == 3 else 0.0), number) for at, number in steady(400)]
    run = Run()
    run.through(arrivals, 400)
    heard = [cell for cell in run.played[200:] if cell >= 0]
    assert heard == list(range(heard[0], heard[0] + len(heard)))


@pytest.mark.parametrize("cells", [1, 3, 4, 6, 12])
def test_any_packet_length_of_whole_10_ms_is_played_whole(cells: int) -> None:
    count = 1200 // cells
    arrivals = [((number + 1) * cells * 0.01 + 0.001, number) for number in range(count)]
    run = Run()
    run.through(arrivals, 600, cells)
    heard = [cell for cell in run.played[100:] if cell >= 0]
    assert heard == list(range(heard[0], heard[0] + len(heard)))
    assert -1 not in run.played[100:1000]


def test_sequence_and_timestamp_wrap_unheard() -> None:
    run = Run()
    for number in range(200):
        run.put(number, sequence=65_500 + number, base=0xFFFFFFFF - 80 * 160)
        run.tick()
    assert run.jitter.resynced[2] == 1
    assert -1 not in run.played[2:]
    assert [cell for cell in run.played if cell >= 0] == list(range(399))


def test_a_new_ssrc_is_followed_at_once() -> None:
    run = Run()
    for number in range(20):
        run.put(number)
        run.tick()
    for number in range(20, 40):
        run.put(number, base=900_000, ssrc=10, sequence=40_000 + number)
        run.tick()
    assert run.jitter.resynced[2] == 2
    assert run.played[-20:] == list(range(59, 79))


@pytest.mark.parametrize("jump", [-5_000_000, -20_000, 20_000, 5_000_000])
def test_a_timestamp_jump_is_followed_at_once(jump: int) -> None:
    run = Run()
    for number in range(40):
        run.put(number, base=50_000_000 + (jump if number >= 20 else 0))
        run.tick()
    assert run.played[-20:] == list(range(59, 79))


def test_a_pause_whose_timestamps_go_on_needs_no_resync() -> None:
    run = Run()
    run.through([arrival for arrival in steady(300) if not 100 <= arrival[1] < 200], 300)
    assert run.jitter.resynced[2] == 1
    assert max(run.delays) <= 40


def test_a_pause_whose_timestamps_stand_still_is_followed_by_the_next_packet() -> None:
    run = Run()
    for number in range(50):
        run.put(number)
        run.tick()
    for _ in range(100):
        run.tick()
    for number in range(50, 100):
        run.put(number)
        run.tick()
    assert run.played[-40:] == list(range(159, 199))


def test_a_stall_of_the_network_never_leaves_more_than_120_ms_of_delay_and_that_not_for_long() -> None:
    arrivals = [(max(at, 2.5) if at >= 2.0 else at, number) for at, number in steady(1000)]
    run = Run()
    run.through(arrivals, 1000)
    assert max(run.delays) <= 160
    assert np.mean(run.delays[-400:]) <= 50


@pytest.mark.parametrize("ppm", [-200, 200])
def test_half_an_hour_of_clock_drift_adds_no_delay(ppm: int) -> None:
    count = 90_000 // 10  # three minutes at ten times the drift
    scale = 1 + 10 * ppm / 1e6
    run = Run()
    run.through([(number * TICK_S * scale + 0.011, number) for number in range(count)], int(count * scale))
    drift_ms = [delay - int(10 * ppm / 1e6 * i * 10) for i, delay in enumerate(run.delays)]
    assert max(drift_ms[-1000:]) <= 60
    assert min(drift_ms[-1000:]) >= 0
    assert sum(cell < 0 for cell in run.played) <= 250


def test_cells_are_left_out_only_where_it_is_quiet_unless_much_waits() -> None:
    run = Run()
    run.quiet = False
    for number in range(3):
        run.put(number)
    depth = []
    for number in range(3, 150):
        run.put(number)
        run.tick()
        depth.append(run.jitter.delay_ms(2))
    assert depth[40] > 40
    assert depth[-1] <= depth[40]
    run.quiet = True
    for number in range(150, 600):
        run.put(number)
        run.tick()
    assert run.jitter.delay_ms(2) <= 10 * (FLOOR + 2)


def test_rows_do_not_disturb_each_other() -> None:
    jitter = Jitter(3)
    for row in range(3):
        jitter.open(row)
    batch = batch_of(1, 160)
    for row in (0, 2):
        batch.row[:] = row
        places, first = jitter.put(batch, np.array([2]))
        jitter.store(np.full((1, 2048), row + 1, dtype=np.uint8), batch, places, first, 2)
    due = jitter.due(np.arange(3), lambda rows: np.zeros(len(rows), dtype=np.bool_))
    assert due.missing[:, 1].tolist() == [False, True, False]
    assert due.payload[0, CELL] == 1
    assert due.payload[2, CELL] == 3


def test_the_delay_is_never_above_its_limit_at_the_moment_of_arrival() -> None:
    chance = random.Random(3)
    run = Run()
    for number in range(2000):
        if chance.random() < 0.02:
            run.tick()
        run.put(number)
        if chance.random() >= 0.03:
            run.tick()
        assert run.jitter.newest[2] - run.jitter.head[2] <= MOST + 2
