"""Speech or not, and where it begins and ends, for the rows that somebody watches."""

from __future__ import annotations

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from media.levels import gain_of, to_pcm
from media.streams import RATE_HZ

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]

FAINT = gain_of(-52.0) ** 2
"""Mean square below which nothing is speech …"""
NEAR = gain_of(7.0) ** 2
"""… nor what is not so much above the row's own background."""
RISE = 1.01
"""How fast the background is believed to grow: 2 dB a second. It falls at once."""
STRICTNESS = 2

BEGINS, OF = 4, 6
"""Speech begins with so many frames of speech among so many: 80 ms, which a click or a cough's edge is not."""
HANGS = 25
"""… and ends after so many without any: half a second, more than a stop or a breath."""


class Detector:
    """Owns each watched row's background, its model and whether somebody speaks there."""

    def __init__(self, rows: int) -> None:
        self._floor = np.full(rows, 1.0, dtype=np.float32)
        self._recent = np.zeros(rows, dtype=np.int64)
        """The last frames, one bit each."""
        self._silent = np.zeros(rows, dtype=np.int64)
        self._speaking = np.zeros(rows, dtype=np.bool_)
        self._models: dict[int, webrtcvad.Vad] = {}

    def forget(self, row: int) -> None:
        self._floor[row] = 1.0
        self._recent[row] = self._silent[row] = 0
        self._speaking[row] = False
        self._models.pop(row, None)

    def listen(self, rows: Rows, heard: Floats) -> list[tuple[int, bool]]:
        """Take one tick of *rows*; answers (row, speaking) for each where that has changed."""
        speech = self.frames(rows, heard)
        recent = self._recent[rows] = (self._recent[rows] << 1 | speech) & ((1 << OF) - 1)
        silent = self._silent[rows] = np.where(speech, 0, self._silent[rows] + 1)
        count = np.array([bits.bit_count() for bits in recent.tolist()], dtype=np.int64)
        speaking = self._speaking[rows]
        begins = ~speaking & (count >= BEGINS)
        ends = speaking & (silent >= HANGS)
        changed = begins | ends
        if not changed.any():
            return []
        self._speaking[rows[changed]] = begins[changed]
        return [(row, bool(self._speaking[row])) for row in rows[changed].tolist()]

    def frames(self, rows: Rows, heard: Floats) -> NDArray[np.bool_]:
        """Which rows' frames are speech: near enough, above the background, and of its kind."""
        frames = heard[rows]
        power = np.einsum("ij,ij->i", frames, frames) / np.float32(frames.shape[1])
        floor = self._floor[rows] = np.maximum(np.minimum(power, self._floor[rows] * RISE), FAINT / NEAR)
        speech: NDArray[np.bool_] = power > np.maximum(FAINT, floor * NEAR)
        for place in np.flatnonzero(speech).tolist():
            row = int(rows[place])
            model = self._models.get(row)
            if model is None:
                model = self._models[row] = webrtcvad.Vad(STRICTNESS)
            speech[place] = model.is_speech(to_pcm(frames[place]).tobytes(), RATE_HZ)
        return speech
