"""From one sampling rate to another, as pieces come; the bus itself has one rate."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
import soxr
from numpy.typing import NDArray

from media.streams import RATE_HZ

Floats = NDArray[np.float32]

TAPS = 32
"""Length of the filter in samples of the lower rate: 2 ms of delay, half of it."""
CUT = 0.96


class Resampler:
    """Owns the memory between two pieces of one stream. Answers now fewer, now more samples than the ratio says."""

    def __init__(self, from_hz: int, to_hz: int = RATE_HZ, *, quality: str = "HQ") -> None:
        self._stream = (
            None if from_hz == to_hz else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality=quality)
        )

    def push(self, samples: Floats, *, last: bool = False) -> Floats:
        """The next samples at the other rate; `last` gives up what is still within."""
        if self._stream is None:
            return samples
        made: Floats = self._stream.resample_chunk(np.ascontiguousarray(samples, dtype=np.float32), last=last)
        return made


class Steady:
    """For codecs, where every frame must become a frame: so many samples in, exactly so many times the ratio out.

    A piece is a whole number of 10 ms. Each 10 ms are one product with a matrix that holds the filter once per sample it makes.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._block = from_hz // 100
        self._matrix = _matrix(from_hz, to_hz)
        self._memory = np.zeros(self._matrix.shape[0] - self._block, dtype=np.float32)

    def push(self, samples: Floats) -> Floats:
        """The next pieces at the other rate, some milliseconds late."""
        line = np.concatenate((self._memory, samples))
        reach, block = len(self._memory), self._block
        self._memory = line[len(samples) :]
        made = [line[at : at + reach + block] @ self._matrix for at in range(0, len(samples), block)]
        return made[0] if len(made) == 1 else np.concatenate(made) if made else samples


@lru_cache(maxsize=16)
def _matrix(from_hz: int, to_hz: int) -> Floats:
    """A windowed sinc, cut below the lower of both Nyquist rates, laid out so that memory and 10 ms times this are 10 ms of output.

    Raises ValueError where 10 ms are no whole number of samples.
    """
    if from_hz % 100 or to_hz % 100:
        raise ValueError(f"10 ms at {from_hz} or {to_hz} Hz are no whole number of samples")
    divisor = gcd(from_hz, to_hz)
    up, down = to_hz // divisor, from_hz // divisor
    span = TAPS * max(1, -(-down // up))
    at = np.arange(span * up) - (span * up - 1) / 2
    prototype = np.sinc(at / max(up, down) * CUT) * np.kaiser(span * up, 6.0)
    prototype *= up / prototype.sum()
    block, count = from_hz // 100, to_hz // 100
    matrix = np.zeros((span - 1 + block, count), dtype=np.float32)
    for made in range(count):
        newest, phase = divmod(made * down, up)
        taps = prototype[phase::up][::-1]
        matrix[newest : newest + len(taps), made] = taps
    return matrix
