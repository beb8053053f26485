"""Payloads without a fixed size (Opus, L16, G.722): one leg's packets by play-out cell, decoded in order when they are due."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from media.codecs import Codec, codec_for
from media.jitter import CELL
from media.streams import StreamParams

Floats = NDArray[np.float32]

OPUS_MS = (10, 20, 40, 60) * 3 + (10, 20) * 2 + (2.5, 5, 10, 20) * 4
"""Length of one frame by the TOC's configuration number (RFC 6716 table 2)."""
REACH = 6
"""Cells that a packet may repair, and the longest gap that a codec is asked to guess: 60 ms."""


def opus_cells(payload: bytes) -> int:
    """Length of an Opus packet in cells of 10 ms; 0 where it has no such length (RFC 6716 section 3.1)."""
    if not payload:
        return 0
    code = payload[0] & 3
    count = (1, 2, 2)[code] if code < 3 else (payload[1] & 0x3F if len(payload) > 1 else 0)
    whole, part = divmod(OPUS_MS[payload[0] >> 3] * count, 10)
    return int(whole) if not part else 0


@dataclass(slots=True)
class Boxes:
    """Owns one leg's undecoded packets and the decoded cells that are not played yet."""

    coder: Codec
    octets: int
    """Octets of a cell; 0: Opus, the packet says."""
    repaired: int = 0
    """Ticks whose frame the codec itself had to make up, in whole or in part."""
    _packets: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    _cells: dict[int, Floats] = field(default_factory=dict)
    _carry: Floats = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    _last: tuple[int, Floats] | None = None
    _next: int | None = None
    """The cell after the last one decoded."""
    _gap: int = 0

    def length(self, payload: bytes) -> int:
        """Cells of a packet; 0 where it is none."""
        return len(payload) // self.octets if self.octets else opus_cells(payload)

    def put(self, first: int, count: int, payload: bytes) -> None:
        self._packets[first] = (count, payload)

    def clear(self) -> None:
        """Another stream begins."""
        self._packets.clear()
        self._cells.clear()
        self._next = self._last = None

    def pull(self, first: int) -> tuple[Floats, tuple[bool, bool]]:
        """The frame whose first cell is *first*, and which half of it is missing."""
        for start in sorted(start for start in self._packets if start < first + 2):
            self._decode(start, first)
        if any(self._absent(cell) for cell in (first, first + 1)):
            self._repair(first)
        else:
            self._gap = 0
        frame = np.zeros(2 * CELL, dtype=np.float32)
        missing = [False, False]
        for i in (0, 1):
            cell = self._cells.pop(first + i, None)
            if cell is None and self._last is not None and self._last[0] == first + i:
                cell = self._last[1]
            if cell is None:
                missing[i] = True
                continue
            frame[CELL * i : CELL * (i + 1)] = cell
            self._last = (first + i, cell)
        for old in [cell for cell in self._cells if cell < first]:
            del self._cells[old]
        return frame, (missing[0], missing[1])

    def _absent(self, cell: int) -> bool:
        return cell not in self._cells and (self._last is None or self._last[0] != cell)

    def _decode(self, start: int, first: int) -> None:
        """A resampler gives now fewer, now more samples than came: what is over waits for the next packet."""
        count, payload = self._packets.pop(start)
        if self._next is not None and 0 < start - max(self._next, first) <= REACH:
            hole = max(self._next, first)
            self._lay(hole, self.coder.recover(payload, (start - hole) * CELL))
        samples = np.concatenate((self._carry, self.coder.decode(payload)))
        wanted = count * CELL
        if len(samples) < wanted:
            samples = np.concatenate((np.zeros(wanted - len(samples), dtype=np.float32), samples))
        self._carry = samples[wanted : wanted + CELL]
        self._lay(start, samples[:wanted])

    def _lay(self, start: int, samples: Floats | None) -> bool:
        """Cut samples into cells from *start* on."""
        if samples is None:
            return False
        for i in range(len(samples) // CELL):
            self._cells[start + i] = samples[CELL * i : CELL * (i + 1)]
        self._next = start + len(samples) // CELL
        return len(samples) >= CELL

    def _repair(self, first: int) -> None:
        """Cells are due that did not come: the next packet may carry them, or the codec goes on by itself for a while."""
        self._gap += 1
        if self._next is None or self._gap * 2 > REACH:
            return
        hole = first if self._absent(first) else first + 1
        later = min(self._packets, default=hole)
        found = False
        if 0 < later - hole <= REACH:
            found = self._lay(hole, self.coder.recover(self._packets[later][1], (later - hole) * CELL))
        if not found:
            found = self._lay(hole, self.coder.conceal((first + 2 - hole) * CELL))
        self.repaired += found


def boxes_for(params: StreamParams) -> Boxes:
    """The packets and the codec of one leg. Raises `NoSuchCodec`."""
    coder, octets = codec_for(params)
    return Boxes(coder, octets)
