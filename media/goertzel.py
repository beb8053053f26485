"""Digits in the audio itself (ITU-T Q.23, Q.24), of any number of rows at once: the energy at 24 frequencies by one matrix product."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.levels import gain_of
from media.streams import FRAME, RATE_HZ
from media.tones import HIGH_HZ, KEYS, LOW_HZ

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Rows = NDArray[np.intp]

WINDOW = FRAME
HOP = FRAME // 2
"""Windows of 20 ms each 10 ms: a digit of 40 ms, the shortest that Q.24 wants heard, fills at least two of them."""
OFF_NOMINAL = (0.988, 1.0, 1.012)
"""Each tone is looked for beside its nominal frequency too: 1.5 % must be tolerated, and 20 ms resolve 50 Hz."""

FAINT = gain_of(-42.0) ** 2
"""Mean square below which nothing is looked for."""
MOST = 0.80
BEGINS = 0.60
HOLDS = 0.40
"""Share of a window's energy at the two tones: once within a digit, in each window until it counts, and while it lasts."""
REVERSE_TWIST = gain_of(10.0) ** 2
TWIST = gain_of(7.0) ** 2
"""How much stronger the lower tone, or the higher, may be (Q.24 has 8 and 4 dB; lines add some)."""
COUNTS = 3
"""Windows in a row that make a digit; so many without it end it, and a gap of 10 ms does not."""
ENDS = 2


def energy_bank(frequencies: tuple[float, ...], window: int = WINDOW) -> Floats:
    """Columns of cosines, then of sines: a window times this, squared and summed pairwise, is each frequency's share of the energy.

    A steady sine of one of the frequencies gives the sum of the window's squares there.
    """
    turns = 2.0 * np.pi * np.arange(window)[:, None] * np.array(frequencies)[None, :] / RATE_HZ
    bank = np.concatenate((np.cos(turns), np.sin(turns)), axis=1) * np.sqrt(2.0 / window)
    return np.ascontiguousarray(bank, dtype=np.float32)


def energies(windows: Floats, bank: Floats) -> Floats:
    """Energy of each window at each of the bank's frequencies."""
    parts = windows @ bank
    parts *= parts
    half = bank.shape[1] // 2
    made: Floats = parts[:, :half] + parts[:, half:]
    return made


_BANK = energy_bank(tuple(hz * off for hz in (*LOW_HZ, *HIGH_HZ) for off in OFF_NOMINAL))


class Detector:
    """Owns, for each row, the half frame before and the digit that lasts."""

    def __init__(self, rows: int) -> None:
        self._before = np.zeros((rows, HOP), dtype=np.float32)
        self._key = np.full(rows, -1, dtype=np.int64)
        self._run = np.zeros(rows, dtype=np.int64)
        self._best = np.zeros(rows, dtype=np.float32)
        self._misses = np.zeros(rows, dtype=np.int64)
        self._told = np.zeros(rows, dtype=np.bool_)

    def forget(self, row: int) -> None:
        self._before[row] = 0.0
        self._key[row] = -1
        self._run[row] = self._misses[row] = 0
        self._told[row] = False

    def listen(self, rows: Rows, heard: Floats) -> list[tuple[int, str]]:
        """Take one tick of *rows*; answers (row, digit) for each that has begun."""
        frames = heard[rows]
        begun = self._window(rows, np.concatenate((self._before[rows], frames[:, :HOP]), axis=1))
        begun += self._window(rows, frames)
        self._before[rows] = frames[:, HOP:]
        return begun

    def _window(self, rows: Rows, windows: Floats) -> list[tuple[int, str]]:
        total = np.einsum("ij,ij->i", windows, windows)
        key = np.full(len(rows), -1, dtype=np.int64)
        share = np.zeros(len(rows), dtype=np.float32)
        loud = np.flatnonzero(total > FAINT * WINDOW)
        if len(loud):
            key[loud], share[loud] = _keys(windows[loud], total[loud])
        elif not self._key[rows].max(initial=-1) >= 0:
            return []
        return self._follow(rows, key, share)

    def _follow(self, rows: Rows, key: Ints, share: Floats) -> list[tuple[int, str]]:
        """Step every row's digit: it goes on, another may begin, or it is missed once more."""
        goes_on = (key == self._key[rows]) & (share >= HOLDS) & (key >= 0)
        goes_on &= self._told[rows] | (share >= BEGINS)
        anew = ~goes_on & (key >= 0) & (share >= BEGINS)
        miss = ~goes_on & ~anew
        on, new, off = rows[goes_on], rows[anew], rows[miss]
        self._run[on] += 1
        self._misses[on] = 0
        self._best[on] = np.maximum(self._best[on], share[goes_on])
        self._key[new] = key[anew]
        self._run[new], self._misses[new], self._told[new] = 1, 0, False
        self._best[new] = share[anew]
        self._misses[off] += 1
        over = off[(self._misses[off] >= ENDS) | ~self._told[off]]
        self._key[over] = -1
        self._run[over] = 0
        self._told[over] = False
        begun = on[(self._run[on] >= COUNTS) & (self._best[on] >= MOST) & ~self._told[on]]
        self._told[begun] = True
        return [(row, KEYS[self._key[row]]) for row in begun.tolist()]


def _keys(windows: Floats, total: Floats) -> tuple[Ints, Floats]:
    """For each window the key whose two tones hold most of its energy, and their share; -1: its tones are too unequal."""
    found = energies(windows, _BANK).reshape(len(windows), 8, len(OFF_NOMINAL)).max(axis=2)
    low, high = found[:, :4].argmax(axis=1), found[:, 4:].argmax(axis=1)
    every = np.arange(len(windows))
    low_energy, high_energy = found[every, low], found[every, 4 + high]
    share: Floats = (low_energy + high_energy) / total
    balanced = (low_energy < high_energy * REVERSE_TWIST) & (high_energy < low_energy * TWIST)
    return np.where(balanced, low * 4 + high, -1), share
