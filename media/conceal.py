"""What is heard where nothing came: the voice's last period going on and fading, or the comfort noise that the peer asked for.

After ITU-T G.711 appendix I, simplified so that all rows of a tick are filled at once and nothing is delayed.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from media.streams import FRAME

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]

KEPT = 3
"""Frames of history: two of the longest periods and what they are compared by."""
SHORTEST, LONGEST = 32, 160
"""Periods looked for, in samples: 250 to 50 Hz."""
COMPARED = 160
SLOPE = 8
"""A likeness is above its threshold so many lags before its top, at most."""
STEADY = 80
"""Samples (10 ms) before a repeated voice begins to fade …"""
GONE = 480
"""… and after which (60 ms) it is gone: what is repeated longer is a buzz."""
SEARCHED = 48
"""Rows whose period is looked for in one tick; when more are lost at once it is our own stall, which a search would only lengthen."""
BLEND = 32
"""Samples (4 ms) over which the real voice takes over again."""

_RISE = (np.arange(BLEND, dtype=np.float32) + 0.5) / BLEND
_LAGS = np.arange(SHORTEST, LONGEST + 1)


class Concealer:
    """Owns each row's last frames, and of those that miss something the period that is repeated."""

    def __init__(self, rows: int) -> None:
        self._frames = np.zeros((KEPT, rows, FRAME), dtype=np.float32)
        self._at = 0
        self._run = np.zeros(rows, dtype=np.int64)
        """Frames missing up to now."""
        self._periods = np.zeros((rows, LONGEST), dtype=np.float32)
        self._length = np.full(rows, LONGEST, dtype=np.int64)
        self._noise = np.zeros(rows, dtype=np.float32)
        self._random = np.random.default_rng(0)

    def forget(self, row: int) -> None:
        self._frames[:, row] = 0.0
        self._run[row] = 0
        self._noise[row] = 0.0

    def comfort(self, row: int, payload: bytes) -> None:
        """The peer pauses and describes its background: the first octet is its level in -dBov (RFC 3389 section 3.1)."""
        self._noise[row] = 10.0 ** (-(payload[0] & 0x7F) / 20.0) if payload else 0.0

    def talk(self, row: int) -> None:
        """The pause is over: what is missing from now on is lost."""
        self._noise[row] = 0.0

    def fill(self, rows: Rows, frames: Floats, missing: NDArray[np.bool_]) -> None:
        """Set the frames of *rows* that are *missing*, lead back to those that came again, and remember all."""
        run = self._run[rows]
        if run.any():
            self._lead_back(rows, frames, ~missing & (run > 0))
        if missing.any():
            lost = rows[missing]
            self._run[rows[~missing]] = 0
            self._begin(lost[self._run[lost] == 0])
            frames[missing] = self._guess(lost, FRAME)
            self._run[lost] += 1
        else:
            self._run[rows] = 0
        self._at = (self._at + 1) % KEPT
        self._frames[self._at][rows] = frames

    def _lead_back(self, rows: Rows, frames: Floats, again: NDArray[np.bool_]) -> None:
        """The first milliseconds after a gap grow out of what filled it."""
        if not again.any():
            return
        back = rows[again]
        ghost = self._guess(back, BLEND)
        frames[again, :BLEND] = frames[again, :BLEND] * _RISE + ghost * (1.0 - _RISE)

    def _begin(self, rows: Rows) -> None:
        """Find the period of each row's voice and keep it as a loop without a seam."""
        if not len(rows):
            return
        order = [(self._at + 1 + i) % KEPT for i in range(KEPT)]
        past = np.concatenate([self._frames[i][rows] for i in order], axis=1)
        self._periods[rows] = past[:, -LONGEST:]
        self._length[rows] = LONGEST
        rows, past = rows[:SEARCHED], past[:SEARCHED]
        lengths = _periods(past)
        self._length[rows] = lengths
        for row, line, length in zip(rows.tolist(), past, lengths.tolist(), strict=True):
            period = line[-length:].copy()
            seam = length // 4
            rise = (np.arange(seam, dtype=np.float32) + 0.5) / seam
            period[-seam:] = period[-seam:] * (1.0 - rise) + line[-length - seam : -length] * rise
            self._periods[row, :length] = period

    def _guess(self, rows: Rows, count: int) -> Floats:
        """The next samples of each row's gap: its period fading, or noise."""
        since = self._run[rows][:, None] * FRAME + np.arange(count)
        fade = np.clip((GONE - since) / (GONE - STEADY), 0.0, 1.0).astype(np.float32)
        made: Floats = self._periods[rows[:, None], since % self._length[rows][:, None]] * fade
        level = self._noise[rows]
        if level.any():
            noisy = level > 0
            shape = (int(noisy.sum()), count)
            made[noisy] = self._random.standard_normal(shape, dtype=np.float32) * level[noisy][:, None]
        return made


def _periods(past: Floats) -> NDArray[np.int64]:
    """For each row of samples the lag at which its end is most like what was before, normalised; the shorter of equals."""
    end = past[:, -COMPARED:]
    before = sliding_window_view(past[:, -COMPARED - LONGEST : -SHORTEST], COMPARED, axis=1)[:, ::-1]
    likeness = np.einsum("rlk,rk->rl", before, end)
    energy = np.einsum("rlk,rlk->rl", before, before)
    score = np.maximum(likeness, 0.0) / np.sqrt(energy + 1e-9)
    near = (score >= 0.97 * score.max(axis=1, keepdims=True)).argmax(axis=1)
    around = np.minimum(near[:, None] + np.arange(SLOPE), len(_LAGS) - 1)
    top = np.take_along_axis(score, around, axis=1).argmax(axis=1)
    lags: NDArray[np.int64] = _LAGS[np.minimum(near + top, len(_LAGS) - 1)]
    return lags
