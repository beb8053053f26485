"""Who hears whom, as edges between rows, compiled to gathers and segment sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Edges sorted by target: row *target[i]* is the sum of the sources from *starts[i]* on, each times its gain."""

    source: Rows
    gain: Floats | None
    """One column; None where every gain is 1."""
    starts: Rows
    target: Rows
    sums: Rows
    """The targets that have several sources: louder than any of them, perhaps."""

    @classmethod
    def of(cls, edges: Iterable[tuple[int, int, float]]) -> Plan:
        """Compile (source row, target row, gain)."""
        ordered = sorted(edges, key=lambda edge: (edge[1], edge[0]))
        sources = np.array([edge[0] for edge in ordered], dtype=np.intp)
        targets = np.array([edge[1] for edge in ordered], dtype=np.intp)
        gains = np.array([edge[2] for edge in ordered], dtype=np.float32)
        target, starts = np.unique(targets, return_index=True)
        unity = bool(np.all(gains == 1.0))
        several = np.diff(starts, append=len(sources)) > 1
        return cls(
            source=sources,
            gain=None if unity else gains[:, None],
            starts=starts,
            target=target,
            sums=target[several],
        )

    def mix(self, heard: Floats, said: Floats) -> None:
        """Set each target row of *said* to the sum of its sources in *heard*: wide, clipped once by the encoder."""
        if not len(self.source):
            return
        rows = heard[self.source]
        if self.gain is not None:
            rows *= self.gain
        said[self.target] = rows if len(self.target) == len(rows) else np.add.reduceat(rows, self.starts, axis=0)


@dataclass(slots=True)
class Routes:
    """Owns all edges. A room's sum is made before what legs are told, so that a room costs no extra tick."""

    _gains: dict[tuple[int, int], float] = field(default_factory=dict)
    _rooms: set[int] = field(default_factory=set)
    _compiled: tuple[Plan, Plan] | None = None

    def add_room(self, row: int) -> None:
        self._rooms.add(row)

    def add(self, source: int, target: int, gain: float) -> None:
        self._gains[source, target] = gain
        self._compiled = None

    def remove(self, source: int, target: int) -> None:
        if self._gains.pop((source, target), None) is not None:
            self._compiled = None

    def forget(self, row: int) -> None:
        """Withdraw every edge from and to a row that is given back."""
        self._rooms.discard(row)
        for edge in [edge for edge in self._gains if row in edge]:
            del self._gains[edge]
            self._compiled = None

    def plans(self) -> tuple[Plan, Plan]:
        """(into rooms, to legs), compiled once per change."""
        if self._compiled is None:
            edges = [(source, target, gain) for (source, target), gain in self._gains.items()]
            self._compiled = (
                Plan.of(edge for edge in edges if edge[1] in self._rooms),
                Plan.of(edge for edge in edges if edge[1] not in self._rooms),
            )
        return self._compiled

    def sources_of(self, row: int) -> list[tuple[int, float]]:
        return sorted((source, gain) for (source, target), gain in self._gains.items() if target == row)

    def targets_of(self, row: int) -> list[tuple[int, float]]:
        return sorted((target, gain) for (source, target), gain in self._gains.items() if source == row)
