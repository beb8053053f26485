"""What is heard where nothing came: the last frame fading, or the comfort noise that the peer asked for; all rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.streams import FRAME

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]


class Concealer:
    """Owns each row's last frame and how long ago it came."""

    def __init__(self, rows: int) -> None:
        self._last = np.zeros((rows, FRAME), dtype=np.float32)
        self._run = np.zeros(rows, dtype=np.int64)
        self._noise = np.zeros(rows, dtype=np.float32)
        self._random = np.random.default_rng(0)

    def forget(self, row: int) -> None:
        self._last[row] = 0.0
        self._run[row] = 0
        self._noise[row] = 0.0

    def comfort(self, row: int, payload: bytes) -> None:
        """The peer pauses and describes its background: the first octet is its level in -dBov (RFC 3389 section 3.1)."""
        self._noise[row] = 10.0 ** (-(payload[0] & 0x7F) / 20.0) if payload else 0.0

    def talk(self, row: int) -> None:
        """The pause is over."""
        self._noise[row] = 0.0

    def fill(self, rows: Rows, frames: Floats, missing: NDArray[np.bool_]) -> None:
        """Set the frames that are missing; remember those that came."""
        if not missing.any():
            self._last[rows] = frames
            self._run[rows] = 0
            return
        came, lost = rows[~missing], rows[missing]
        self._last[came] = frames[~missing]
        self._run[came] = 0
        self._run[lost] += 1
        fade = np.maximum(0.0, 1.0 - 0.25 * self._run[lost]).astype(np.float32)
        filled = self._last[lost] * fade[:, None]
        level = self._noise[lost]
        if level.any():
            noisy = level > 0
            filled[noisy] = (
                self._random.standard_normal((int(noisy.sum()), FRAME), dtype=np.float32) * level[noisy][:, None]
            )
        frames[missing] = filled
