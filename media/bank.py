"""The samples of many plain tapes: each channel is one row of the bus, so one step copies them all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from media.commands import Side
from media.levels import to_pcm
from media.streams import FRAME
from media.tape import PIECE, Tape

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]

SHELF = 128
"""Tapes whose samples lie together."""


class Bank:
    """Owns what its tapes have not sent to the disk: rings of half a second. Each tape leaves a full ring at a tick of its own."""

    def __init__(self) -> None:
        self._ticks = 0
        self._shelves: list[_Shelf] = []
        self._places: dict[int, tuple[_Shelf, int]] = {}
        self._since: dict[int, int] = {}
        self._due: list[dict[int, Tape]] = [{} for _ in range(PIECE)]

    def __contains__(self, tape: Tape) -> bool:
        return tape.number in self._places

    def join(self, tape: Tape) -> None:
        """Take a tape that `is_plain` up, from the next tick on."""
        shelf = next((one for one in self._shelves if one.channels == tape.channels and one.free), None)
        if shelf is None:
            shelf = _Shelf(tape.channels)
            self._shelves.append(shelf)
        self._places[tape.number] = shelf, shelf.put(tape)
        self._since[tape.number] = self._ticks
        # the first piece is cut so that tapes do not all write in one tick
        self._due[(self._ticks + 1 + tape.number % PIECE) % PIECE][tape.number] = tape

    def leave(self, tape: Tape) -> bytes:
        """Let a tape go; answers what it has left."""
        pcm = self._take(tape)
        shelf, place = self._places.pop(tape.number)
        shelf.drop(place)
        del self._since[tape.number]
        for due in self._due:
            due.pop(tape.number, None)
        return pcm

    def push(self, heard: Floats, said: Floats) -> Iterator[tuple[Tape, bytes]]:
        """Take one tick; answers the pieces that are full, channels interleaved."""
        at = self._ticks % PIECE * FRAME
        for shelf in self._shelves:
            shelf.copy(at, heard, said)
        return self._advance()

    def idle(self) -> Iterator[tuple[Tape, bytes]]:
        """A tick was given up: the tapes keep the time by silence."""
        at = self._ticks % PIECE * FRAME
        for shelf in self._shelves:
            shelf.cells[:, at : at + FRAME] = 0
        return self._advance()

    def _advance(self) -> Iterator[tuple[Tape, bytes]]:
        self._ticks += 1
        due = self._due[self._ticks % PIECE]
        return ((tape, self._take(tape)) for tape in tuple(due.values())) if due else iter(())

    def _take(self, tape: Tape) -> bytes:
        shelf, place = self._places[tape.number]
        count = self._ticks - self._since[tape.number]
        self._since[tape.number] = self._ticks
        tape.samples += count * FRAME
        end = (self._ticks - 1) % PIECE + 1
        cells = shelf.cells[place]
        older: bytes = cells[(end - count) * FRAME :].tobytes() if end < count else b""
        newer: bytes = cells[max(0, end - count) * FRAME : end * FRAME].tobytes()
        return older + newer


class _Shelf:
    """Owns the rings of up to `SHELF` tapes of as many channels."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.cells = np.zeros((SHELF, PIECE * FRAME, channels), dtype="<i2")
        self.free = list(range(SHELF - 1, -1, -1))
        self._tapes: dict[int, Tape] = {}
        self._steps: list[tuple[int, bool, Rows, Rows]] | None = []
        """Channel, whether it is of what is said, places, rows of the bus. None: to be compiled anew."""

    def put(self, tape: Tape) -> int:
        place = self.free.pop()
        self._tapes[place] = tape
        self.cells[place] = 0  # a channel that nothing is tapped to stays so
        self._steps = None
        return place

    def drop(self, place: int) -> None:
        del self._tapes[place]
        self.free.append(place)
        self._steps = None

    def copy(self, at: int, heard: Floats, said: Floats) -> None:
        """One tick of all, at a place in their rings."""
        steps = self._steps
        if steps is None:
            steps = self._steps = self._compile()
        for channel, is_said, places, rows in steps:
            self.cells[places, at : at + FRAME, channel] = to_pcm((said if is_said else heard)[rows])

    def _compile(self) -> list[tuple[int, bool, Rows, Rows]]:
        found: dict[tuple[int, bool], list[tuple[int, int]]] = {}
        for place, tape in self._tapes.items():
            for tap in tape.taps:
                found.setdefault((tap.channel, tap.side is Side.SAID), []).append((place, tap.slot.row))
        return [
            (channel, is_said, np.array([place for place, _ in pairs]), np.array([row for _, row in pairs]))
            for (channel, is_said), pairs in found.items()
        ]
