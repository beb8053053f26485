"""From one sampling rate to another, as pieces come; the bus itself has one rate."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
import soxr
from numpy.typing import NDArray

from media.streams import RATE_HZ

Floats = NDArray[np.float32]


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


class Polyphase:
    """A streaming resampler that gives exactly `len * to / from` samples for each piece of a whole ratio, with a delay of `taps / 2`.

    For codecs, where every frame must become a frame. A piece's length times `to_hz` must be a multiple of `from_hz`.
    """

    def __init__(self, from_hz: int, to_hz: int, *, taps_per_phase: int = 24) -> None:
        divisor = gcd(from_hz, to_hz)
        self._up, self._down = to_hz // divisor, from_hz // divisor
        self._bank = _bank(self._up, self._down, taps_per_phase)
        self._memory = np.zeros(self._bank.shape[1] - 1, dtype=np.float32)

    def push(self, samples: Floats) -> Floats:
        """The next piece at the other rate."""
        line = np.concatenate((self._memory, samples))
        span = self._bank.shape[1]
        self._memory = line[len(samples) :]
        count = len(samples) * self._up // self._down
        windows = np.lib.stride_tricks.sliding_window_view(line, span)
        if self._up == 1:
            made: Floats = windows[self._down - 1 :: self._down][:count] @ self._bank[0]
            return made
        if self._down == 1:
            made = (windows @ self._bank.T).reshape(-1)
            return made
        at = np.arange(count) * self._down
        made = np.einsum("ij,ij->i", windows[at // self._up], self._bank[at % self._up])
        return made


@lru_cache(maxsize=16)
def _bank(up: int, down: int, taps_per_phase: int) -> Floats:
    """A windowed sinc, cut at the lower of both Nyquist rates, as one row of coefficients per phase, newest sample last."""
    wide = max(up, down)
    span = taps_per_phase * (1 if up >= down else -(-down // up))
    length = span * up
    t = np.arange(length) - (length - 1) / 2
    prototype = np.sinc(t / wide * 0.92) * np.kaiser(length, 7.0)
    prototype *= up / prototype.sum()
    return np.ascontiguousarray(prototype.reshape(span, up).T[:, ::-1], dtype=np.float32)
