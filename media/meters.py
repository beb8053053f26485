"""How loud chosen legs are, a few times a second, for whoever watches calls; nobody watches: nothing is measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from media.events import Levels
from media.levels import decibels, power
from media.slots import Slots
from media.streams import Slot

Floats = NDArray[np.float32]

EVERY_TICKS = 10
"""A reading each 200 ms."""

MOST = 200
"""Legs that are measured at once; more than a page shows."""


class Meters:
    """Owns the set of measured rows and what they sum up between two readings."""

    def __init__(self) -> None:
        self._slots: list[Slot] = []
        self._rows: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._sums: Floats = np.zeros((2, 0), dtype=np.float32)
        self._ticks = 0

    def choose(self, wanted: Sequence[Slot], slots: Slots) -> None:
        """Measure these from now on and no others; what is not lent is left out."""
        self._slots = [slot for slot in dict.fromkeys(wanted) if slots.of(slot) is not None][:MOST]
        self._rows = np.array([slot.row for slot in self._slots], dtype=np.intp)
        self._sums = np.zeros((2, len(self._slots)), dtype=np.float32)
        self._ticks = 0

    def forget(self, slot: Slot, slots: Slots) -> None:
        """Its row is given back."""
        if slot in self._slots:
            self.choose([one for one in self._slots if one != slot], slots)

    def tick(self, heard: Floats, said: Floats) -> Levels | None:
        """Take 20 ms of every row; now and then a reading."""
        if not self._slots:
            return None
        self._sums[0] += power(heard[self._rows])
        self._sums[1] += power(said[self._rows])
        self._ticks += 1
        if self._ticks < EVERY_TICKS:
            return None
        means = self._sums / self._ticks
        reading = Levels(
            levels=tuple(
                (slot, round(decibels(float(means[0, at]))), round(decibels(float(means[1, at]))))
                for at, slot in enumerate(self._slots)
            )
        )
        self._sums[:] = 0.0
        self._ticks = 0
        return reading
