"""Who hears whom, as edges between rows, compiled to gathers and sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]

FEW = 4
"""A target with so many sources is summed source by source for all such targets at once; one with more (a room) by segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One source each of many targets."""

    source: Rows
    target: Rows | slice
    """A slice where the targets lie side by side, which is the usual case and three times as fast."""

    gain: Floats | None
    """One column; None where every gain is 1."""

    def lay(self, heard: Floats, said: Floats, *, first: bool) -> None:
        rows = heard.take(self.source, axis=0)
        if self.gain is not None:
            rows *= self.gain
        if first:
            said[self.target] = rows
        else:
            said[self.target] += rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Targets of few sources in `layers`; of many in edges sorted by target: *target[i]* is the sum of the sources from *starts[i]* on."""

    layers: tuple[Layer, ...]
    source: Rows
    gain: Floats | None
    starts: Rows
    target: Rows
    sums: Rows
    """The targets that have several sources: louder than any of them, perhaps."""

    @classmethod
    def of(cls, edges: Iterable[tuple[int, int, float]]) -> Plan:
        """Compile (source row, target row, gain)."""
        table = np.array(list(edges), dtype=np.float64).reshape(-1, 3)
        return cls.compiled(table[:, 0].astype(np.intp), table[:, 1].astype(np.intp), table[:, 2].astype(np.float32))

    @classmethod
    def compiled(cls, source: Rows, target: Rows, gain: Floats) -> Plan:
        """The same of columns: a thousand legs change who they hear without a late tick."""
        order = np.lexsort((source, -gain, target))
        source, target, gain = source[order], target[order], gain[order]
        rows, starts, counts = np.unique(target, return_index=True, return_counts=True)
        depth = np.arange(len(target)) - np.repeat(starts, counts)
        is_few = np.repeat(counts <= FEW, counts)
        layers = []
        for at in range(int(depth[is_few].max(initial=-1)) + 1):
            some = is_few & (depth == at)
            layers.append(Layer(source=source[some], target=_run(target[some]), gain=_gains(gain[some])))
        many = ~is_few
        wide, wide_starts = np.unique(target[many], return_index=True)
        return cls(
            layers=tuple(layers),
            source=source[many],
            gain=_gains(gain[many]),
            starts=wide_starts,
            target=wide,
            sums=rows[counts > 1],
        )

    def mix(self, heard: Floats, said: Floats) -> None:
        """Set each target row of *said* to the sum of its sources in *heard*: wide, clipped once by the encoder."""
        for depth, layer in enumerate(self.layers):
            layer.lay(heard, said, first=depth == 0)
        if not len(self.source):
            return
        rows = heard.take(self.source, axis=0)
        if self.gain is not None:
            rows *= self.gain
        said[self.target] = np.add.reduceat(rows, self.starts, axis=0)


def _run(target: Rows) -> Rows | slice:
    beside = len(target) and target[-1] - target[0] + 1 == len(target)
    return slice(int(target[0]), int(target[-1]) + 1) if beside else target


def _gains(gain: Floats) -> Floats | None:
    return None if np.all(gain == 1.0) else gain[:, None]


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
            count = len(self._gains)
            ends = np.fromiter((row for edge in self._gains for row in edge), dtype=np.intp, count=2 * count)
            source, target = ends[::2], ends[1::2]
            gain = np.fromiter(self._gains.values(), dtype=np.float32, count=count)
            inwards = np.isin(target, list(self._rooms))
            self._compiled = (
                Plan.compiled(source[inwards], target[inwards], gain[inwards]),
                Plan.compiled(source[~inwards], target[~inwards], gain[~inwards]),
            )
        return self._compiled

    def sources_of(self, row: int) -> list[tuple[int, float]]:
        return sorted((source, gain) for (source, target), gain in self._gains.items() if target == row)

    def targets_of(self, row: int) -> list[tuple[int, float]]:
        return sorted((target, gain) for (source, target), gain in self._gains.items() if source == row)
