"""What is counted of every leg, as columns: the receiver's side of RFC 3550 appendix A, and our own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from media.rtcp import mos
from media.rtp import Batch, wrap16, wrap32
from media.streams import StreamStats

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
RESTART = 3000
"""MAX_DROPOUT of appendix A.1: a jump of more sequence numbers is a restart, not a loss."""

_COUNTS = ("received", "sent", "octets", "malformed", "refused", "concealed", "base", "highest", "before", "ssrc")
_FLOATS = ("heard_at", "jitter", "transit")


@dataclass(slots=True)
class Figures:
    """Owns the counters of all rows; a row's are cleared when it is lent."""

    rows: int
    received: Counts = field(init=False)
    sent: Counts = field(init=False)
    octets: Counts = field(init=False)
    malformed: Counts = field(init=False)
    refused: Counts = field(init=False)
    concealed: Counts = field(init=False)
    base: Counts = field(init=False)
    """First extended sequence number of the present source; `highest` is the latest."""
    highest: Counts = field(init=False)
    before: Counts = field(init=False)
    """Packets received before the present source, so that a restart is no loss."""
    ssrc: Counts = field(init=False)
    heard_at: Floats = field(init=False)
    jitter: Floats = field(init=False)
    """Interarrival jitter in RTP timestamp units."""
    transit: Floats = field(init=False)
    lost_before: dict[int, int] = field(default_factory=dict)
    packets_in: int = 0
    packets_out: int = 0
    total_malformed: int = 0
    total_refused: int = 0

    def __post_init__(self) -> None:
        for name in _COUNTS:
            setattr(self, name, np.zeros(self.rows, dtype=np.int64))
        for name in _FLOATS:
            setattr(self, name, np.zeros(self.rows, dtype=np.float64))

    def open(self, row: int, now: float) -> None:
        for name in (*_COUNTS, *_FLOATS):
            getattr(self, name)[row] = 0
        self.ssrc[row] = -1
        self.heard_at[row] = now
        self.lost_before.pop(row, None)

    def bad(self, rows: NDArray[np.intp]) -> None:
        """Count malformed packets of these rows."""
        np.add.at(self.malformed, rows, 1)
        self.total_malformed += len(rows)

    def refuse(self, row: int) -> None:
        self.refused[row] += 1
        self.total_refused += 1

    def take(self, batch: Batch, rate_hz: Counts) -> list[int]:
        """Count packets that were accepted, at most one for a row; answers the rows that never had one before."""
        row = batch.row
        self.packets_in += len(row)
        self.heard_at[row] = batch.arrival
        step = wrap16(batch.sequence - self.highest[row])
        strange = (self.ssrc[row] != batch.ssrc) | (np.abs(step) > RESTART)
        first: list[int] = []
        if strange.any():
            first = row[self.received[row] == 0].tolist()
            self._restart(batch, strange)
            step[strange] = 0
        self.received[row] += 1
        self.highest[row] += np.maximum(step, 0)
        transit = batch.arrival * rate_hz - batch.timestamp
        change = np.abs(wrap32((transit - self.transit[row]).astype(np.int64)))
        self.transit[row] = transit
        settled = ~strange & (change < rate_hz * 2)  # a timestamp jump is no jitter
        self.jitter[row] += np.where(settled, (change - self.jitter[row]) / 16, 0.0)  # appendix A.8
        return first

    def _restart(self, batch: Batch, strange: NDArray[np.bool_]) -> None:
        for row, sequence, ssrc in zip(
            batch.row[strange].tolist(), batch.sequence[strange].tolist(), batch.ssrc[strange].tolist(), strict=True
        ):
            self.lost_before[row] = self.lost(row)
            self.before[row] = self.received[row]
            self.base[row] = self.highest[row] = sequence
            self.ssrc[row] = ssrc

    def expected(self, row: int) -> int:
        """Packets that the peer has sent, going by sequence numbers."""
        if self.ssrc[row] < 0:
            return 0
        return int(self.highest[row] - self.base[row] + 1 + self.before[row]) + self.lost_before.get(row, 0)

    def lost(self, row: int) -> int:
        return max(0, self.expected(row) - int(self.received[row]))

    def stats(
        self,
        row: int,
        *,
        rate_hz: int,
        late: int,
        duplicate: int,
        buffer_ms: float,
        round_trip_ms: float | None,
        remote_lost: float | None,
        compressed: bool,
    ) -> StreamStats:
        received, expected = int(self.received[row]), self.expected(row)
        lost = self.lost(row)
        quality = None
        if received:
            delay_ms = (round_trip_ms or 0.0) / 2 + buffer_ms + 20.0
            quality = mos((lost + late) / max(1, expected), delay_ms, compressed=compressed)
        return StreamStats(
            packets_received=received,
            packets_sent=int(self.sent[row]),
            packets_lost=lost,
            packets_late=late,
            packets_duplicate=duplicate,
            packets_malformed=int(self.malformed[row]),
            packets_refused=int(self.refused[row]),
            frames_concealed=int(self.concealed[row]),
            jitter_ms=round(float(self.jitter[row]) * 1000.0 / rate_hz, 2),
            round_trip_ms=None if round_trip_ms is None else round(round_trip_ms, 2),
            buffer_ms=buffer_ms,
            remote_lost_fraction=remote_lost,
            mos=quality,
        )
