"""All recordings in progress: started, retapped, paused and ended by command, each told to have ended exactly once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from media import commands as asked
from media.bank import Bank
from media.events import Event, TapeEnded, TapeStarted
from media.slots import Slots
from media.streams import Slot
from media.tape import Cause, Tape
from media.wav import Append, Begin, Finish, Order, Written
from media.writer import Writer

Floats = NDArray[np.float32]
Emit = Callable[[Event], None]
TapeCommand = asked.Record | asked.Retap | asked.PauseTape | asked.ResumeTape | asked.StopTape

MOST_BEHIND = 256 * 1024 * 1024
"""Octets that may wait for a slow disk; then tapes fail rather than fill the memory."""


class Sink(Protocol):
    """Who writes; see `media.writer.Writer`."""

    @property
    def behind(self) -> int: ...

    def put(self, order: Order) -> None: ...

    def done(self) -> list[Written]: ...

    def close(self) -> None: ...


class Tapes:
    """Owns the tapes. The files are the writer's, who tells when each is whole.

    A plain tape lies in the bank with all others of its kind until something happens to it; then it goes on by itself.
    """

    def __init__(self, sink: Sink | None = None) -> None:
        self._sink: Sink = sink or Writer()
        self._running: dict[int, Tape] = {}
        self._fresh: list[Tape] = []
        """Those that begin with the next tick."""
        self._alone: dict[int, Tape] = {}
        self._bank = Bank()
        self._ending: dict[int, Tape] = {}

    def __len__(self) -> int:
        return len(self._running) + len(self._ending)

    def apply(self, command: TapeCommand, slots: Slots, emit: Emit) -> None:
        """Carry out a command; one for a tape that is no more is ignored."""
        if isinstance(command, asked.Record):
            self._start(command, slots, emit)
            return
        tape = self._running.get(command.tape)
        if tape is None:
            return
        self._take_out(tape)
        match command:
            case asked.Retap(add=add, remove=remove):
                tape.retap(tuple(tap for tap in add if slots.of(tap.slot) is not None), remove)
            case asked.PauseTape(silence=silence):
                tape.paused, tape.skips = True, not silence
            case asked.ResumeTape():
                tape.paused = False
            case asked.StopTape():
                self._end(tape, Cause.STOPPED)

    def push(self, heard: Floats, said: Floats, emit: Emit) -> None:
        """Take one tick on every tape."""
        if self._fresh:
            self._begin(emit)
        for tape, pcm in self._bank.push(heard, said):
            self._append(tape, pcm, emit)
        for tape in tuple(self._alone.values()) if self._alone else ():
            self._after(tape, tape.push(heard, said), emit)
        if self._ending or self._running:
            self._reap(emit)

    def skip(self, ticks: int, emit: Emit) -> None:
        """Ticks were given up: every tape keeps the time."""
        for _ in range(ticks):
            for tape, pcm in self._bank.idle():
                self._append(tape, pcm, emit)
            for tape in tuple(self._alone.values()):
                self._after(tape, tape.idle(), emit)

    def _begin(self, emit: Emit) -> None:
        """What was started since the last tick."""
        fresh, self._fresh = self._fresh, []
        for tape in fresh:
            if self._running.get(tape.number) is not tape:
                continue
            emit(TapeStarted(tape=tape.number))
            if tape.is_plain:
                self._bank.join(tape)
            else:
                self._alone[tape.number] = tape

    def _take_out(self, tape: Tape) -> None:
        """Something happens to a tape: if it lay in the bank, it goes on by itself."""
        if tape in self._bank:
            if pcm := self._bank.leave(tape):
                self._sink.put(Append(file=tape.number, pcm=pcm))
            self._alone[tape.number] = tape

    def forget(self, slot: Slot, emit: Emit) -> None:
        """A row is given back: its taps go, and with its last one a tape ends."""
        for tape in list(self._running.values()):
            if any(tap.slot == slot for tap in tape.taps):
                self._take_out(tape)
                tape.forget(slot)
                if tape.cause is not None:
                    self._end(tape, tape.cause)
        self._reap(emit)

    def shut(self, emit: Emit) -> None:
        """End every tape and wait for the disk, as long as the writer does."""
        for tape in list(self._running.values()):
            self._end(tape, Cause.CLOSED)
        self._sink.close()
        self._reap(emit)
        for tape in list(self._ending.values()):
            self._tell(tape, tape.samples, "the disk does not answer", emit)

    def numbers_at(self, row: int) -> list[int]:
        return [tape.number for tape in self._running.values() if any(tap.slot.row == row for tap in tape.taps)]

    def _start(self, record: asked.Record, slots: Slots, emit: Emit) -> None:
        if record.tape in self._running or record.tape in self._ending:
            return
        tape = Tape(record)
        tape.taps = [tap for tap in tape.taps if slots.of(tap.slot) is not None]
        tape.retap((), ())
        if not tape.taps:
            emit(TapeEnded(tape=tape.number, samples=0, channels=tape.channels, cause=Cause.CLOSED.value))
            return
        self._running[tape.number] = tape
        self._fresh.append(tape)
        self._sink.put(Begin(file=tape.number, path=tape.path, channels=tape.channels))

    def _after(self, tape: Tape, full: bool, emit: Emit) -> None:
        """Write a piece that is full, or end a tape that has come to its end."""
        if tape.cause is not None:
            self._end(tape, tape.cause)
        elif full:
            self._append(tape, tape.take(), emit)

    def _append(self, tape: Tape, pcm: bytes, emit: Emit) -> None:
        if self._sink.behind > MOST_BEHIND:
            self._sink.put(Finish(file=tape.number))
            self._tell(tape, tape.samples, "the disk is too slow", emit)
        else:
            self._sink.put(Append(file=tape.number, pcm=pcm))

    def _end(self, tape: Tape, cause: Cause) -> None:
        """Send the rest to the disk; that it ended is told when the file is whole."""
        tape.cause = cause
        self._take_out(tape)
        del self._running[tape.number]
        self._alone.pop(tape.number, None)
        self._ending[tape.number] = tape
        if pcm := tape.take():
            self._sink.put(Append(file=tape.number, pcm=pcm))
        self._sink.put(Finish(file=tape.number))

    def _reap(self, emit: Emit) -> None:
        for written in self._sink.done():
            tape = self._ending.get(written.file) or self._running.get(written.file)
            if tape is not None:
                self._tell(tape, written.samples, written.error, emit)

    def _tell(self, tape: Tape, samples: int, error: str, emit: Emit) -> None:
        if tape in self._bank:
            self._bank.leave(tape)
        for there in (self._running, self._alone, self._ending):
            there.pop(tape.number, None)
        cause = Cause.FAILED if error or tape.cause is None else tape.cause
        emit(TapeEnded(tape=tape.number, samples=samples, channels=tape.channels, cause=cause.value, error=error))
