"""Sums that are louder than full scale are turned down rather than clipped: many voices at once stay voices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.levels import peak
from media.streams import FRAME

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]

CEILING = np.float32(0.97)
"""Just below what G.711 can say."""

ATTACK = 16
"""Samples (2 ms) in which a row is turned down."""
RELEASE = np.float32(0.04)
"""How much of what is missing is let up in one tick: half of it in a third of a second."""

_FALL = np.minimum(np.arange(1, FRAME + 1, dtype=np.float32) / ATTACK, np.float32(1.0))
_RISE = np.arange(1, FRAME + 1, dtype=np.float32) / np.float32(FRAME)


class Limiter:
    """Owns each row's gain. What is within full scale is not touched, to the bit."""

    def __init__(self, rows: int) -> None:
        self._gain = np.ones(rows, dtype=np.float32)

    @property
    def is_at_work(self) -> bool:
        return bool((self._gain < 1.0).any())

    def forget(self, row: int) -> None:
        self._gain[row] = 1.0

    def limit(self, sums: Floats, rows: Rows) -> None:
        """One tick (or less) of *rows* of *sums*, in place."""
        if not len(rows):
            return
        highest = peak(sums[rows])
        before = self._gain[rows]
        some = (highest > CEILING) | (before < 1.0)
        if not some.any():
            return
        rows, highest, before = rows[some], highest[some], before[some]
        most = np.minimum(np.float32(1.0), CEILING / np.maximum(highest, CEILING))
        risen = before + (np.float32(1.0) - before) * RELEASE
        after = np.minimum(most, np.where(risen > 0.999, np.float32(1.0), risen))
        falls = (after < before)[:, None]
        count = sums.shape[1]
        way = np.where(falls, _FALL[:count], _RISE[:count])
        self._gain[rows] = after
        sums[rows] *= before[:, None] + (after - before)[:, None] * way
