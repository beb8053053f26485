"""Rows of the bus, lent and returned: a slot is a row with a generation, so that an old handle never reaches a new leg."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import Enum

from media.errors import NoRowLeft
from media.streams import Slot


class Kind(Enum):
    LEG = "leg"
    ROOM = "room"


@dataclass(slots=True, kw_only=True)
class Lent:
    """Who has a row at present."""

    slot: Slot
    kind: Kind
    label: str
    port: int = 0


class Slots:
    """Owns which rows are lent; the lowest free row goes first, so that the used part of the bus stays small."""

    def __init__(self, rows: int) -> None:
        self._free = list(range(rows))
        self._generations = [0] * rows
        self._lent: dict[int, Lent] = {}

    def __len__(self) -> int:
        return len(self._lent)

    def lend(self, kind: Kind, label: str) -> Lent:
        if not self._free:
            raise NoRowLeft("every row is lent")
        row = heapq.heappop(self._free)
        self._generations[row] += 1
        lent = Lent(slot=Slot(row=row, generation=self._generations[row]), kind=kind, label=label)
        self._lent[row] = lent
        return lent

    def give_back(self, slot: Slot) -> Lent | None:
        """Take a row back; None where the handle is old."""
        lent = self.of(slot)
        if lent is not None:
            del self._lent[slot.row]
            heapq.heappush(self._free, slot.row)
        return lent

    def of(self, slot: Slot) -> Lent | None:
        lent = self._lent.get(slot.row)
        return lent if lent is not None and lent.slot == slot else None

    def at(self, row: int) -> Lent:
        return self._lent[row]

    def all(self) -> list[Lent]:
        return [self._lent[row] for row in sorted(self._lent)]

    @property
    def top(self) -> int:
        """One above the highest lent row."""
        return max(self._lent, default=-1) + 1
