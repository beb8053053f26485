"""One recording in progress: what is tapped of the bus, as 16-bit samples whose channels never drift apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.commands import Record, Side, Tap
from media.levels import gain_of, to_pcm
from media.limiter import Limiter
from media.streams import FRAME, RATE_HZ, TICK_MS, Slot
from media.words import Word

Floats = NDArray[np.float32]

PIECE = 25
"""Ticks that leave for the disk together: half a second."""

FAINT = gain_of(-50.0) ** 2
LOUD = gain_of(-30.0) ** 2
ABOVE_FLOOR = gain_of(9.0) ** 2
"""Silence is what is hardly louder than the background, which is followed within these bounds (mean squares)."""
RISE = 1.02


class Cause(Word):
    """Why a tape ended."""

    STOPPED = "stopped"
    CLOSED = "closed"
    LIMIT = "limit"
    SILENCE = "silence"
    FAILED = "failed"


class Quiet:
    """How long nothing but background has been heard."""

    def __init__(self) -> None:
        self.ms = 0
        self._floor = LOUD

    def hear(self, frame: Floats) -> int:
        """Another frame; answers the milliseconds of silence up to now."""
        power = float(np.dot(frame, frame)) / len(frame)
        self._floor = min(max(power, FAINT / ABOVE_FLOOR), self._floor * RISE)
        self.ms = self.ms + TICK_MS if power < min(max(FAINT, self._floor * ABOVE_FLOOR), LOUD) else 0
        return self.ms


class Tape:
    """Owns the samples that have not left for the disk. `push` takes a tick; `take` gives what is to be written."""

    def __init__(self, record: Record) -> None:
        self.number = record.tape
        self.path = record.path
        self.channels = record.channels
        self.taps: list[Tap] = [tap for tap in record.taps if 0 <= tap.channel < record.channels]
        self.paused = False
        self.skips = False
        """While paused, time is left out; else it is kept as silence."""
        self.samples = 0
        self.cause: Cause | None = None
        self._limit = None if record.max_ms is None else record.max_ms * RATE_HZ // 1000
        self._silence_ms = record.silence_ms
        self._quiet = Quiet()
        self._buffer = np.zeros((PIECE * FRAME, record.channels), dtype=np.float32)
        self._filled = 0
        self._limiter = Limiter(record.channels)
        self._is_limited = False
        self._piece = FRAME * (
            1 + record.tape % PIECE
        )  # the first one is cut so that tapes do not all write in one tick
        self._compile()

    @property
    def is_plain(self) -> bool:
        """Whether it is nothing but rows of the bus, one for a channel, for as long as it runs: then a `Bank` may keep it."""
        return self._limit is None and self._silence_ms is None and not self.paused and not self._summed

    def push(self, heard: Floats, said: Floats) -> bool:
        """Take one tick; answers whether a piece is full. Sets `cause` when the limit or the silence is reached."""
        if self.paused and self.skips:
            return False
        part = self._buffer[self._filled : self._filled + FRAME]
        if not self.paused:
            for channel, rows in self._alone:
                part[:, channel] = (said if rows[1] else heard)[rows[0]]
            for channel, row, is_said in self._summed:
                part[:, channel] += (said if is_said else heard)[row]
            if self._silence_ms is not None and self._quiet.hear(part.sum(axis=1)) >= self._silence_ms:
                self.cause = Cause.SILENCE
        return self._advance(FRAME)

    def idle(self) -> bool:
        """A tick was given up after a stall: the tape keeps the time by silence. Answers as `push` does."""
        return False if self.paused and self.skips else self._advance(FRAME)

    def take(self) -> bytes:
        """What is to be written, channels interleaved; the buffer is empty afterwards."""
        self._limit_sums(self._buffer[: self._filled])
        pcm = to_pcm(self._buffer[: self._filled]).tobytes()
        self._buffer[: self._filled] = 0.0
        self._filled = 0
        self._piece = len(self._buffer)
        return pcm

    def _limit_sums(self, samples: Floats) -> None:
        """Many voices on one channel are turned down where they would be clipped."""
        if not self._is_limited and (not len(samples) or np.abs(samples).max() <= 1.0):
            return
        rows = np.arange(self.channels)
        for at in range(0, len(samples), FRAME):
            self._limiter.limit(samples[at : at + FRAME].T, rows)
        self._is_limited = self._limiter.is_at_work

    def retap(self, add: tuple[Tap, ...], remove: tuple[Tap, ...]) -> None:
        self.taps = [tap for tap in self.taps if tap not in remove]
        self.taps += [tap for tap in add if tap not in self.taps and 0 <= tap.channel < self.channels]
        self._compile()

    def forget(self, slot: Slot) -> None:
        """A row is given back; the last one ends the tape."""
        self.taps = [tap for tap in self.taps if tap.slot != slot]
        self._compile()
        if not self.taps and self.cause is None:
            self.cause = Cause.CLOSED

    def _advance(self, count: int) -> bool:
        if self._limit is not None and self.samples + count >= self._limit:
            count = self._limit - self.samples
            self._buffer[self._filled + count : self._filled + FRAME] = 0.0
            self.cause = Cause.LIMIT
        self.samples += count
        self._filled += count
        return self._filled > self._piece - FRAME

    def _compile(self) -> None:
        """A channel's first tap is copied, the others are added: the buffer need not be cleared for each tick."""
        self._alone: list[tuple[int, tuple[int, bool]]] = []
        self._summed: list[tuple[int, int, bool]] = []
        begun: set[int] = set()
        for tap in self.taps:
            row, is_said = tap.slot.row, tap.side is Side.SAID
            if tap.channel in begun:
                self._summed.append((tap.channel, row, is_said))
            else:
                begun.add(tap.channel)
                self._alone.append((tap.channel, (row, is_said)))
