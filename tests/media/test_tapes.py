"""Recordings: what is on the file, where it begins and ends, and that its end is told once whatever happens."""

from __future__ import annotations

import os
import threading
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from media.commands import PauseTape, Record, ResumeTape, Retap, Side, StopTape, Tap
from media.events import Event, TapeEnded, TapeStarted
from media.slots import Kind, Slots
from media.streams import FRAME, Slot
from media.tapes import Tapes
from media.wav import Append, Begin, Finish, Order, Written, header, repair
from media.writer import Writer

Floats = NDArray[np.float32]


class Disk:
    """A writer that works at once, in the order asked."""

    def __init__(self) -> None:
        self.writer = Writer()
        self.behind = 0

    def put(self, order: Order) -> None:
        self.writer.obey(order)

    def done(self) -> list[Written]:
        return self.writer.done()

    def close(self) -> None:
        self.writer.close()


class Studio:
    """Rows that each hold their own constant, and tapes on them."""

    def __init__(self) -> None:
        self.slots = Slots(8)
        self.disk = Disk()
        self.tapes = Tapes(self.disk)
        self.events: list[Event] = []
        self.heard = np.zeros((8, FRAME), dtype=np.float32)
        self.said = np.zeros((8, FRAME), dtype=np.float32)

    def leg(self, heard: float, said: float = 0.0) -> Slot:
        slot = self.slots.lend(Kind.LEG, "").slot
        self.heard[slot.row] = heard
        self.said[slot.row] = said
        return slot

    def do(self, command: Record | Retap | PauseTape | ResumeTape | StopTape) -> None:
        self.tapes.apply(command, self.slots, self.events.append)

    def run(self, ticks: int) -> None:
        for _ in range(ticks):
            self.tapes.push(self.heard, self.said, self.events.append)

    def ended(self) -> TapeEnded:
        (ended,) = [event for event in self.events if isinstance(event, TapeEnded)]
        return ended


@pytest.fixture
def studio() -> Studio:
    return Studio()


def read(path: Path) -> NDArray[np.int16]:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth()) == (8000, 2)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, file.getnchannels())


def test_each_tap_is_on_its_channel_and_taps_of_a_channel_are_summed(studio: Studio, tmp_path: Path) -> None:
    a, b, c = studio.leg(0.25, said=0.5), studio.leg(0.125), studio.leg(0.0625)
    taps = (Tap(slot=a, channel=0), Tap(slot=b, channel=1), Tap(slot=c, channel=1))
    studio.do(Record(tape=1, path=str(tmp_path / "new" / "t.wav"), taps=taps, channels=2))
    studio.run(30)
    studio.do(Retap(tape=1, add=(Tap(slot=a, side=Side.SAID, channel=1),), remove=(Tap(slot=b, channel=1),)))
    studio.run(30)
    studio.do(StopTape(tape=1))
    studio.run(1)
    assert studio.ended() == TapeEnded(tape=1, samples=60 * FRAME, channels=2, cause="stopped")
    samples = read(tmp_path / "new" / "t.wav")
    assert (samples[:, 0] == 8192).all()
    assert (samples[: 30 * FRAME, 1] == 6144).all()
    assert (samples[30 * FRAME :, 1] == 18432).all()
    assert studio.events[0] == TapeStarted(tape=1)


def test_a_limit_ends_a_tape_at_the_very_sample(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "t.wav"
    studio.do(Record(tape=1, path=str(path), taps=(Tap(slot=studio.leg(0.5)),), max_ms=1007))
    studio.run(100)
    assert studio.ended() == TapeEnded(tape=1, samples=8056, channels=1, cause="limit")
    assert len(read(path)) == 8056


def test_silence_ends_a_tape_and_a_steady_background_counts_as_silence(studio: Studio, tmp_path: Path) -> None:
    slot = studio.leg(0.0)
    rng = np.random.default_rng(1)
    studio.do(Record(tape=1, path=str(tmp_path / "t.wav"), taps=(Tap(slot=slot),), silence_ms=2000))
    for tick in range(400):
        loud = 0.2 if tick % 50 < 25 and tick < 250 else 0.0
        studio.heard[slot.row] = rng.standard_normal(FRAME) * (loud + 0.005)
        studio.run(1)
    ended = studio.ended()
    assert ended.cause == "silence"
    assert ended.samples == pytest.approx((225 + 100) * FRAME, abs=2 * FRAME)


def test_a_pause_is_silence_or_nothing(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "t.wav"
    studio.do(Record(tape=1, path=str(path), taps=(Tap(slot=studio.leg(0.5)),)))
    studio.run(10)
    studio.do(PauseTape(tape=1))
    studio.run(7)
    studio.do(ResumeTape(tape=1))
    studio.run(3)
    studio.do(PauseTape(tape=1, silence=False))
    studio.run(11)
    studio.do(ResumeTape(tape=1))
    studio.run(2)
    studio.do(StopTape(tape=1))
    studio.run(1)
    loud = (read(path)[:, 0] != 0).reshape(-1, FRAME)
    assert loud.all(axis=1).tolist() == [True] * 10 + [False] * 7 + [True] * 5
    assert (loud.any(axis=1) == loud.all(axis=1)).all()


def test_ticks_that_were_given_up_are_silence_so_that_the_tape_keeps_the_time(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "t.wav"
    studio.do(Record(tape=1, path=str(path), taps=(Tap(slot=studio.leg(0.5)),)))
    studio.run(20)
    studio.tapes.skip(100, studio.events.append)
    studio.run(20)
    studio.do(StopTape(tape=1))
    studio.run(1)
    loud = (read(path)[:, 0] != 0).reshape(-1, FRAME).all(axis=1)
    assert loud.tolist() == [True] * 20 + [False] * 100 + [True] * 20


def test_a_tape_ends_with_the_last_of_its_rows(studio: Studio, tmp_path: Path) -> None:
    a, b = studio.leg(0.5), studio.leg(0.5)
    studio.do(Record(tape=1, path=str(tmp_path / "t.wav"), taps=(Tap(slot=a), Tap(slot=b))))
    studio.run(5)
    studio.tapes.forget(a, studio.events.append)
    studio.run(5)
    assert not [event for event in studio.events if isinstance(event, TapeEnded)]
    studio.tapes.forget(b, studio.events.append)
    studio.run(1)
    assert studio.ended().cause == "closed"
    assert studio.ended().samples == 10 * FRAME


def test_a_tape_of_rows_that_are_gone_ends_at_once(studio: Studio, tmp_path: Path) -> None:
    studio.do(Record(tape=1, path=str(tmp_path / "t.wav"), taps=(Tap(slot=Slot(row=3, generation=9)),)))
    assert studio.ended().cause == "closed"
    assert not (tmp_path / "t.wav").exists()


def test_a_file_that_cant_be_made_fails_its_tape_alone(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    slot = studio.leg(0.5)
    studio.do(Record(tape=1, path=str(tmp_path / "file" / "t.wav"), taps=(Tap(slot=slot),)))
    studio.do(Record(tape=2, path=str(tmp_path / "t.wav"), taps=(Tap(slot=slot),)))
    studio.run(60)
    studio.do(StopTape(tape=1))
    ended = studio.ended()
    assert (ended.tape, ended.cause) == (1, "failed")
    assert ended.error == "File exists"
    studio.do(StopTape(tape=2))
    studio.run(1)
    assert [e.cause for e in studio.events if isinstance(e, TapeEnded) and e.tape == 2] == ["stopped"]


def test_a_disk_that_cant_keep_up_fails_the_tape(studio: Studio, tmp_path: Path) -> None:
    studio.do(Record(tape=1, path=str(tmp_path / "t.wav"), taps=(Tap(slot=studio.leg(0.5)),)))
    studio.disk.behind = 1 << 30
    studio.run(60)
    assert studio.ended().cause == "failed"
    assert studio.ended().error == "the disk is too slow"


def test_the_file_is_valid_before_it_is_finished_and_shutting_ends_every_tape(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "t.wav"
    studio.do(Record(tape=1, path=str(path), taps=(Tap(slot=studio.leg(0.5)),)))
    studio.run(99)
    assert 50 * FRAME <= len(read(path)) <= 99 * FRAME
    studio.tapes.shut(studio.events.append)
    assert studio.ended().samples == 99 * FRAME
    assert len(read(path)) == 99 * FRAME


def test_a_full_disk_is_told_and_leaves_a_valid_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os  # noqa: PLC0415  # the very function that the writer calls is made to fail

    real, room = os.pwrite, 44 + 1000

    def small(fd: int, data: memoryview, at: int) -> int:
        if at >= room:
            raise OSError(28, "No space left on device")
        return real(fd, data[: room - at], at)

    monkeypatch.setattr("media.wav.os.pwrite", small)
    path, writer = tmp_path / "t.wav", Writer()
    writer.obey(Begin(file=1, path=str(path), channels=1))
    writer.obey(Append(file=1, pcm=b"\1\0" * 300))
    writer.obey(Append(file=1, pcm=b"\2\0" * 300))
    writer.obey(Finish(file=1))
    assert writer.done() == [Written(file=1, samples=300, error="No space left on device")]
    assert (read(path) == 1).all()
    assert len(read(path)) == 300


def test_a_crash_between_samples_and_head_is_repaired(tmp_path: Path) -> None:
    path = tmp_path / "t.wav"
    path.write_bytes(header(8, 2) + b"\1\0" * 11)
    assert repair(path) == 5
    assert len(read(path)) == 5
    path.write_bytes(b"something else that is longer than a head of forty-four octets")
    with pytest.raises(ValueError, match="not a tape"):
        repair(path)


def test_the_writing_thread_finishes_what_it_was_given(tmp_path: Path) -> None:
    writer = Writer()
    writer.put(Begin(file=7, path=str(tmp_path / "t.wav"), channels=1))
    for value in range(20):
        writer.put(Append(file=7, pcm=value.to_bytes(2, "little") * 100))
    writer.put(Finish(file=7))
    writer.close()
    assert writer.done() == [Written(file=7, samples=2000)]
    assert writer.behind == 0
    assert (read(tmp_path / "t.wav")[:, 0] == np.repeat(np.arange(20), 100)).all()


def wait_for(writer: Writer, count: int, within_s: float = 5.0) -> list[Written]:
    """Ask as the engine does, every 20 ms, until so many files were told of."""
    told: list[Written] = []
    for _ in range(int(within_s / 0.02)):
        told += writer.done()
        if len(told) >= count:
            break
        time.sleep(0.02)
    return told


def test_a_file_that_hangs_fails_alone_and_all_others_are_written_meanwhile(tmp_path: Path) -> None:
    writer = Writer(slow_s=0.05, stalled_s=0.6)
    hung = [tmp_path / f"hung-{i}.wav" for i in range(3)]
    for number, path in enumerate(hung):
        os.mkfifo(path)  # opening it to write waits for a reader that never comes: a disk that does not answer
        writer.put(Begin(file=number, path=str(path), channels=1))
        writer.put(Append(file=number, pcm=b"\1\0" * 100))
    for number in range(10, 20):
        writer.put(Begin(file=number, path=str(tmp_path / f"{number}.wav"), channels=1))
        for _ in range(5):
            writer.put(Append(file=number, pcm=b"\2\0" * 400))
        writer.put(Finish(file=number))
    told = wait_for(writer, 13)
    assert sorted(one.file for one in told if not one.error) == list(range(10, 20))
    assert {one.samples for one in told if not one.error} == {2000}
    assert sorted((one.file, one.error) for one in told if one.error) == [
        (n, "the disk does not answer") for n in (0, 1, 2)
    ]
    assert told.index(next(one for one in told if one.error)) == 10, "the others did not wait for those that hang"
    writer.put(Append(file=0, pcm=b"\3\0"))
    assert writer.behind == 0, "what comes for a file that has failed is not kept"
    for path in hung:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    writer.close()
    assert writer.done() == [], "each end is told once"


def test_a_disk_that_stalls_and_comes_back_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, hangs = os.pwrite, threading.Event()

    def slow(fd: int, data: memoryview, at: int) -> int:
        hangs.wait(5.0)
        return real(fd, data, at)

    monkeypatch.setattr("media.wav.os.pwrite", slow)
    writer = Writer(slow_s=0.02, stalled_s=5.0, most_threads=4)
    for number in range(8):
        writer.put(Begin(file=number, path=str(tmp_path / f"{number}.wav"), channels=1))
        for value in range(10):
            writer.put(Append(file=number, pcm=value.to_bytes(2, "little") * 100))
        writer.put(Finish(file=number))
    assert wait_for(writer, 1, within_s=0.3) == []
    assert writer.behind > 0
    hangs.set()
    told = wait_for(writer, 8)
    assert sorted(told, key=lambda one: one.file) == [Written(file=number, samples=1000) for number in range(8)]
    for number in range(8):
        assert (read(tmp_path / f"{number}.wav")[:, 0] == np.repeat(np.arange(10), 100)).all()
    writer.close()


@pytest.mark.parametrize("seed", range(4))
def test_tapes_that_lie_in_the_bank_hold_what_they_would_hold_by_themselves(
    studio: Studio, tmp_path: Path, seed: int
) -> None:
    """Every second tape has a limit far away, which keeps it out of the bank; both get the same commands."""
    chance = np.random.default_rng(seed)
    legs = [studio.leg(0.0) for _ in range(4)]
    pairs = []
    for number in range(0, 24, 2):
        a, b = chance.choice(4, 2, replace=False).tolist()
        taps = (Tap(slot=legs[a]), Tap(slot=legs[b], side=Side.SAID, channel=1))[: 1 + number % 4 // 2]
        for tape, limit in ((number, None), (number + 1, 10_000_000)):
            path = str(tmp_path / f"{tape}.wav")
            studio.do(Record(tape=tape, path=path, taps=taps, channels=len(taps), max_ms=limit))
        pairs.append((number, taps))
    for at in range(130):
        studio.heard[:] = np.linspace(-0.5, 0.5, FRAME) * (at / 130)
        studio.heard += chance.random(studio.heard.shape).astype(np.float32) * 0.1
        studio.said[:] = studio.heard[::-1] * 0.5
        if chance.random() < 0.3:
            number, taps = pairs[int(chance.integers(len(pairs)))]
            for tape in (number, number + 1):
                for command in (
                    PauseTape(tape=tape, silence=at % 2 == 0), ResumeTape(tape=tape),
                    Retap(tape=tape, add=(Tap(slot=legs[at % 4]),), remove=taps[:1]), StopTape(tape=tape),
                )[at % 4 : at % 4 + 1]:  # fmt: skip
                    studio.do(command)
        if chance.random() < 0.05:
            studio.tapes.skip(3, studio.events.append)
        studio.run(1)
    studio.tapes.forget(legs[0], studio.events.append)
    studio.run(2)
    studio.tapes.shut(studio.events.append)
    ended = {event.tape: event for event in studio.events if isinstance(event, TapeEnded)}
    assert len(ended) == 24
    assert len([event for event in studio.events if isinstance(event, TapeStarted)]) == 24
    for number, _ in pairs:
        first, second = ((tmp_path / f"{tape}.wav").read_bytes() for tape in (number, number + 1))
        assert first == second
        assert ended[number].samples == ended[number + 1].samples
    assert len({(tmp_path / f"{number}.wav").stat().st_size for number, _ in pairs}) > 1
