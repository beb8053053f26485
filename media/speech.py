"""Samples that arrive in pieces (speech being made, a web socket) and leave by the tick."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from media.levels import from_pcm
from media.resample import Resampler

Floats = NDArray[np.float32]

EMPTY: Floats = np.zeros(0, dtype=np.float32)


class Line:
    """A queue of samples: pieces of any length go in, pieces of the asked length come out."""

    def __init__(self) -> None:
        self._pieces: deque[Floats] = deque()
        self._taken = 0
        self.waiting = 0
        """Samples within."""

    def put(self, samples: Floats) -> None:
        if len(samples):
            self._pieces.append(samples)
            self.waiting += len(samples)

    def take(self, count: int) -> Floats:
        """Up to *count* samples; fewer when there are no more."""
        count = min(count, self.waiting)
        self.waiting -= count
        made: list[Floats] = []
        while count:
            head = self._pieces[0]
            piece = head[self._taken : self._taken + count]
            made.append(piece)
            count -= len(piece)
            self._taken += len(piece)
            if self._taken == len(head):
                self._pieces.popleft()
                self._taken = 0
        if not made:
            return EMPTY
        return made[0] if len(made) == 1 else np.concatenate(made)


class Poured:
    """A `Feed` being played. Owns what came and was not played yet; an underrun is silence, not an end."""

    def __init__(self, rate_hz: int) -> None:
        self._resampler = Resampler(rate_hz)
        self._line = Line()
        self._odd = b""
        self._last = False
        self.error = ""

    def pour(self, pcm: bytes, last: bool) -> None:
        """Add 16-bit little-endian mono octets; a sample may be cut between two pieces."""
        if self._last:
            return
        pcm = self._odd + pcm
        whole = len(pcm) & ~1
        self._odd = pcm[whole:]
        self._line.put(self._resampler.push(from_pcm(pcm[:whole]), last=last))
        self._last = last

    def read(self, count: int) -> tuple[Floats, bool]:
        """Up to *count* samples, and whether these were the last."""
        samples = self._line.take(count)
        return samples, self._last and not self._line.waiting

    def close(self) -> None:
        """Nothing is held but samples."""
