"""Tick arithmetic: when the next tick is due, which ones came late and which ones are given up."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

TICK_S = 0.02
CATCH_UP = 3
"""Ticks that may run back to back after a stall; what is further behind is skipped."""
LATE_S = 0.005
"""A tick that begins so long after its time is counted as late."""


@dataclass(slots=True)
class Pace:
    """Owns the deadline of the next tick and the figures of the last second."""

    next_at: float
    late: int = 0
    skipped: int = 0
    _spent_ms: list[float] = field(default_factory=list)

    def begin(self, now: float) -> int:
        """Account for a tick that begins *now*; answers how many ticks are given up before it."""
        behind = now - self.next_at
        self.late += behind > LATE_S
        skip = max(0, int(behind / TICK_S) - CATCH_UP)
        self.skipped += skip
        self.next_at += TICK_S * (skip + 1)
        return skip

    def end(self, spent_s: float) -> None:
        self._spent_ms.append(spent_s * 1000.0)

    def figures(self) -> tuple[float, float]:
        """Median and 99th percentile of the ticks' lengths in ms since last asked."""
        if not self._spent_ms:
            return 0.0, 0.0
        p50, p99 = np.percentile(self._spent_ms, (50, 99))
        self._spent_ms.clear()
        return float(p50), float(p99)
