"""L16: 16-bit samples in network order, at any rate that RFC 3551 names, mono or more (RFC 3551 section 4.5.11)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.resample import Steady
from media.streams import RATE_HZ

Floats = NDArray[np.float32]


class L16:
    """One leg's codec. Several channels are averaged when heard, and said alike."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        """Raises ValueError for a rate of which 10 ms are no whole number of samples."""
        self._channels = channels
        self._down = Steady(rate_hz, RATE_HZ) if rate_hz != RATE_HZ else None
        self._up = Steady(RATE_HZ, rate_hz) if rate_hz != RATE_HZ else None

    def decode(self, payload: bytes) -> Floats:
        count = len(payload) // (2 * self._channels) * self._channels
        samples = np.frombuffer(payload, dtype=">i2", count=count).astype(np.float32)
        samples *= np.float32(1.0 / 32768.0)
        if self._channels > 1:
            samples = samples.reshape(-1, self._channels).mean(axis=1)
        return self._down.push(samples) if self._down else samples

    def encode(self, samples: Floats) -> bytes:
        wide = (self._up.push(samples) if self._up else samples) * np.float32(32768.0)
        pcm = np.clip(wide, -32768.0, 32767.0).astype(">i2")
        return (np.repeat(pcm, self._channels) if self._channels > 1 else pcm).tobytes()

    def conceal(self, count: int) -> Floats | None:
        """It knows nothing of what was lost."""
        return None

    def recover(self, payload: bytes, count: int) -> Floats | None:
        return None
