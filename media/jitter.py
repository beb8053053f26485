"""The jitter buffer of all legs at once: a ring of 10 ms cells per row, its play-out point kept just late enough.

The buffer measures *slack*: how many cells before its play-out a packet arrives. A packet in order that comes late moves the point
back, so that its audio is played after all; one out of order that comes late is lost, and a frame is repeated for its followers' sake.
While every packet of a window comes early, cells are left out in quiet frames. Clock drift is the same thing, slower.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from media.rtp import Batch, wrap16, wrap32

CELL_MS = 10
CELL = 80
"""Octets of 10 ms of the codecs that put 64 kbit/s on the wire: G.711 and G.722."""
RING = 64
MOST = 12
"""Cells of delay that are never exceeded: 120 ms."""
FLOOR = 1
"""Slack that a stream begins with and shrinks to; with the wait for the tick, 10 to 30 ms."""
WINDOW = 50
"""Ticks over which the least slack is taken before anything is left out: 1 s."""
CALM = 4
"""Windows without a late packet before the delay may shrink again."""
MUCH = 4
"""Cells of surplus delay that do not wait for calm; so many are left out at a time at most."""
STRAY = 100
"""A jump of so many cells (1 s), either way, is another stream rather than a late packet."""

_FRAME = np.arange(2)

Rows = NDArray[np.intp]
Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]


@dataclass(slots=True, kw_only=True)
class Due:
    """One tick's audio: for each row asked for, 160 octets of payload and whether they came."""

    payload: Bytes
    missing: Flags
    """Two columns: which half of the frame is not there."""
    shift: NDArray[np.int64]
    """Cells left out before the frame (1), or repeated (-1)."""
    first: NDArray[np.int64]
    """Absolute number of the frame's first cell."""


@dataclass(slots=True)
class Jitter:
    """Owns what waits to be played and when, for all rows. Payloads without a fixed size are kept by `Boxes`; here are their cells."""

    rows: int
    cells: Bytes = field(init=False)
    present: Flags = field(init=False)
    head: NDArray[np.int64] = field(init=False)
    """Absolute number of the next cell to play."""
    next_ts: NDArray[np.int64] = field(init=False)
    """RTP timestamp of that cell."""
    clock: NDArray[np.int64] = field(init=False)
    """RTP timestamp units per cell."""
    ssrc: NDArray[np.int64] = field(init=False)
    last_seq: NDArray[np.int64] = field(init=False)
    newest: NDArray[np.int64] = field(init=False)
    """Absolute number of the cell after the newest one received."""
    late: NDArray[np.int64] = field(init=False)
    duplicate: NDArray[np.int64] = field(init=False)
    resynced: NDArray[np.int64] = field(init=False)
    _least: NDArray[np.int64] = field(init=False)
    _calm: NDArray[np.int64] = field(init=False)
    _shift: NDArray[np.int64] = field(init=False)
    _whole: Flags = field(init=False)
    """Whether the last cell played was there, so that it may be repeated."""
    _floor: NDArray[np.int64] = field(init=False)
    """Slack that each row's stream begins with and shrinks to."""
    _ticks: int = 0
    _forgiven: int = 0
    """Cells by which packets may be late at the next tick through our own fault: they are left out, and no sign of the network's."""

    def __post_init__(self) -> None:
        self.cells = np.zeros((self.rows, RING, CELL), dtype=np.uint8)
        self.present = np.zeros((self.rows, RING), dtype=np.bool_)
        for name in ("head", "next_ts", "clock", "ssrc", "last_seq", "newest", "late", "duplicate", "resynced"):
            setattr(self, name, np.zeros(self.rows, dtype=np.int64))
        for name in ("_least", "_calm", "_shift"):
            setattr(self, name, np.zeros(self.rows, dtype=np.int64))
        self._whole = np.zeros(self.rows, dtype=np.bool_)
        self._floor = np.full(self.rows, FLOOR, dtype=np.int64)
        self.ssrc[:] = -1

    def open(self, row: int) -> None:
        """Begin a new leg's figures."""
        for column in (self.late, self.duplicate, self.resynced):
            column[row] = 0
        self._floor[row] = FLOOR
        self.connect(row, 8000)

    def connect(self, row: int, rate_hz: int) -> None:
        """The stream that comes next is a new one, whatever its SSRC."""
        self.clock[row] = rate_hz // 100
        self.ssrc[row] = -1
        self.present[row] = False
        self._shift[row] = self._calm[row] = 0
        self._least[row] = RING

    def hold(self, row: int, cells: int | None) -> None:
        """Keep at least *cells* before the play-out, whatever the network is like; None: as few as it allows."""
        floor = FLOOR if cells is None else min(cells, MOST)
        if floor != self._floor[row]:
            self._floor[row] = floor
            self.ssrc[row] = -1  # begins anew, as late as is asked

    def put(self, batch: Batch, length: NDArray[np.int64]) -> tuple[Rows, NDArray[np.int64]]:
        """Place packets, at most one for a row, each *length* cells long.

        Answers the packets (their places in *batch*) that are kept and the absolute number of each one's first cell.
        """
        row = batch.row
        ahead = wrap32(batch.timestamp - self.next_ts[row])
        clock = self.clock[row]
        slack = (ahead + (clock >> 1)) // clock
        step = wrap16(batch.sequence - self.last_seq[row])
        known = self.ssrc[row] == batch.ssrc
        if not known.all() or np.any(slack < 0) or np.any(slack > MOST):
            self._move(batch, slack, step, known)
        first = self.head[row] + slack
        kept = slack + length > 0
        fresh = ~self.present[row, (first + length - 1) % RING] & kept
        if not fresh.all():
            self.late[row[~kept]] += 1
            self.duplicate[row[kept & ~fresh]] += 1
        in_order = (step > 0) | ~known
        ahead_rows = row[in_order]
        self.last_seq[ahead_rows] = batch.sequence[in_order]
        self.newest[row] = np.maximum(self.newest[row], first + length)
        self._least[row] = np.minimum(self._least[row], slack)
        places = np.flatnonzero(fresh)
        return places, first[places]

    def store(self, matrix: Bytes, batch: Batch, places: Rows, first: NDArray[np.int64], count: int) -> None:
        """Copy the payloads of packets that are all *count* cells long, of a codec with 80 octets a cell, and behind a plain header."""
        row = batch.row[places]
        span = first[:, None] + np.arange(count)
        start = int(batch.offset[places[0]])
        payload = matrix[batch.at[places], start : start + CELL * count].reshape(len(places), count, CELL)
        self.mark(row, span, payload)

    def mark(self, row: Rows, span: NDArray[np.int64], payload: Bytes | None = None) -> None:
        """Flag cells as come, those that are past left out."""
        ring = span % RING
        future = span >= self.head[row][:, None]
        if future.all():
            if payload is not None:
                self.cells[row[:, None], ring] = payload
            self.present[row[:, None], ring] = True
            return
        rows = np.broadcast_to(row[:, None], span.shape)[future]
        if payload is not None:
            self.cells[rows, ring[future]] = payload[future]
        self.present[rows, ring[future]] = True

    def due(self, rows: Rows, quiet: Callable[[Rows], Flags]) -> Due:
        """Take one tick's frame of each of *rows* and go on; *quiet* says where a cell may be left out or repeated unheard."""
        shift = self._shift[rows]
        moved = bool(shift.any())
        if moved:
            shift = self._shifts(rows, shift, quiet)
        first = self.head[rows] + shift
        column = rows[:, None]
        ring = (first[:, None] + _FRAME) % RING
        payload = self.cells[column, ring].reshape(len(rows), 2 * CELL)
        missing = ~self.present[column, ring]
        self.present[column, ring] = False
        if moved:
            missing[:, 0] = np.where(shift < 0, ~self._whole[rows], missing[:, 0])
            self._drop(rows[shift > 0], shift[shift > 0])
        self._whole[rows] = ~missing[:, 1]
        self.head[rows] = first + 2
        self.next_ts[rows] = (self.next_ts[rows] + (shift + 2) * self.clock[rows]) & 0xFFFFFFFF
        self._forgiven = 0
        self._ticks += 1
        if self._ticks % WINDOW == 0:
            self._adapt()
        return Due(payload=payload, missing=missing, shift=shift, first=first)

    def _shifts(self, rows: Rows, wanted: NDArray[np.int64], quiet: Callable[[Rows], Flags]) -> NDArray[np.int64]:
        """Which of the *wanted* shifts happen now: in a quiet frame, or when one has been waited for long enough."""
        places = np.flatnonzero(wanted)
        some = rows[places]
        go = quiet(some) | (self._calm[some] >= 2 * CALM) | (wanted[places] >= MUCH)
        shift = np.zeros_like(wanted)
        shift[places[go]] = wanted[places[go]]
        self._shift[some[go]] = 0
        return shift

    def advance(self, rows: Rows, ticks: int) -> None:
        """Leave out the audio of ticks that were given up, so that the delay does not grow by them."""
        self._forgiven = 2 * ticks + MOST
        self._skip(rows, np.full(len(rows), 2 * ticks, dtype=np.int64))

    def delay_ms(self, row: int) -> float:
        """How much waits in the buffer."""
        return float(max(0, self.newest[row] - self.head[row]) * CELL_MS)

    def _adapt(self) -> None:
        """A window is over: where everything came early, leave a cell out."""
        heard = self._least < RING
        self._calm += heard
        surplus = self._least - self._floor
        shrink = heard & (surplus >= 1) & ((self._calm >= CALM) | (surplus >= MUCH))
        self._shift[shrink] = np.minimum(surplus[shrink], MUCH)
        self._shift[heard & ~shrink & (self._shift > 0)] = 0
        self._least[:] = RING

    def _move(self, batch: Batch, slack: NDArray[np.int64], step: NDArray[np.int64], known: Flags) -> None:
        """Packets that are not where they were expected: new streams, jumps, late ones and bursts. Corrects *slack* in place."""
        row = batch.row
        jump = known & (((slack < -MOST) & ((step > 0) | (slack < -STRAY))) | (slack > STRAY))
        if self._forgiven:
            jump &= slack < -self._forgiven
        anew = ~known | jump
        if anew.any():
            self._begin(batch, anew)
            slack[anew] = self._floor[row[anew]]
        late = ~anew & (slack < 0) & (not self._forgiven)
        follows = late & (step > 0)
        if follows.any():  # nothing after it has come, so nothing is played twice by going back
            rows = row[follows]
            self.head[rows] += slack[follows]
            self.next_ts[rows] = (self.next_ts[rows] + slack[follows] * self.clock[rows]) & 0xFFFFFFFF
            slack[follows] = 0
            self._calm[rows] = 0
        overtaken = late & (step < 0) & (slack >= -MOST)
        if overtaken.any():
            rows = row[overtaken]
            room = self.newest[rows] - self.head[rows] < MOST
            self._shift[rows[room]] = -1
            self._calm[rows] = 0
        far = ~anew & (slack > MOST)
        if far.any():  # a burst after a stall: more delay than we allow, so what is oldest goes
            rows, excess = row[far], slack[far] - MOST
            self._skip(rows, excess)
            slack[far] = MOST

    def _begin(self, batch: Batch, which: Flags) -> None:
        rows = batch.row[which]
        floor = self._floor[rows]
        self.present[rows] = False
        self.ssrc[rows] = batch.ssrc[which]
        self.next_ts[rows] = (batch.timestamp[which] - floor * self.clock[rows]) & 0xFFFFFFFF
        self.newest[rows] = self.head[rows]
        self.last_seq[rows] = batch.sequence[which]
        self._least[rows] = RING
        self._shift[rows] = self._calm[rows] = 0
        self.resynced[rows] += 1

    def _skip(self, rows: Rows, count: NDArray[np.int64]) -> None:
        self._drop(rows, count)
        self.head[rows] += count
        self.next_ts[rows] = (self.next_ts[rows] + count * self.clock[rows]) & 0xFFFFFFFF

    def _drop(self, rows: Rows, count: NDArray[np.int64]) -> None:
        """The next *count* cells of each row will not be played."""
        for row, cells in zip(rows.tolist(), count.tolist(), strict=True):
            self.present[row, (self.head[row] + np.arange(min(cells, RING))) % RING] = False
