"""The limiter: untouched within full scale, never clipped for long above it, no steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.commands import Record, Tap
from media.limiter import ATTACK, Limiter
from media.streams import FRAME, Slot
from media.tape import Tape
from tests.media.sounds import sine

Floats = NDArray[np.float32]
ROW = np.array([1], dtype=np.intp)


def through(sound: Floats, limiter: Limiter | None = None) -> Floats:
    """A sound in row 1, tick by tick, with a loud stranger in row 0 that nobody asked to limit."""
    limiter = limiter or Limiter(2)
    made = []
    for frame in sound[: len(sound) - len(sound) % FRAME].reshape(-1, FRAME):
        rows = np.stack([np.full(FRAME, 3.0, dtype=np.float32), frame.copy()])
        limiter.limit(rows, ROW)
        assert (rows[0] == 3.0).all()
        made.append(rows[1])
    return np.concatenate(made)


def test_what_is_within_full_scale_is_not_touched() -> None:
    sound = sine(440.0, 0.5, 0.95)
    assert (through(sound) == sound).all()


def test_ten_loud_voices_are_turned_down_and_not_clipped() -> None:
    sound = sum((sine(hz, 2.0, 0.4) for hz in range(300, 1300, 100)), np.zeros(16_000, dtype=np.float32))
    assert np.abs(sound).max() > 2.0
    made = through(sound)
    settled = made[8000:]
    over = np.abs(settled) > 1.0
    assert over.mean() < 0.001, "what is left for the encoder to clip"
    spectrum = np.abs(np.fft.rfft(settled * np.hanning(len(settled))))
    wanted = np.zeros(len(spectrum), dtype=np.bool_)
    for hz in range(300, 1300, 100):
        wanted[hz - 6 : hz + 7] = True
    distortion = (spectrum[~wanted] ** 2).sum() / (spectrum**2).sum()
    hard = np.abs(np.fft.rfft(np.clip(sound, -1.0, 1.0)[8000:] * np.hanning(len(settled))))
    clipped = (hard[~wanted] ** 2).sum() / (hard**2).sum()
    assert distortion < clipped / 10, (distortion, clipped)


def test_it_lets_up_again_without_a_step() -> None:
    sound = np.concatenate([sine(440.0, 0.5, 2.0), sine(440.0, 2.0, 0.5)])
    made = through(sound)
    quiet = made[4000:]
    assert np.abs(quiet[:FRAME]).max() < 0.3
    assert np.abs(made[-FRAME:]).max() > 0.49
    gains = np.abs(quiet.reshape(-1, FRAME)).max(axis=1)
    assert (np.diff(gains) > -0.01).all()
    assert np.abs(np.diff(gains)).max() < 0.03
    assert np.abs(made[ATTACK:]).max() < 1.2


def test_a_row_that_is_lent_again_begins_anew() -> None:
    limiter = Limiter(2)
    through(sine(440.0, 0.2, 3.0), limiter)
    limiter.forget(1)
    sound = sine(440.0, 0.1, 0.5)
    assert (through(sound, limiter) == sound).all()


def test_many_voices_on_one_channel_of_a_tape_are_not_clipped() -> None:
    slots = [Slot(row=row, generation=1) for row in range(8)]
    tape = Tape(Record(tape=24, path="x", taps=tuple(Tap(slot=slot) for slot in slots)))
    heard = np.zeros((8, FRAME), dtype=np.float32)
    pieces = []
    for tick in range(200):
        at = np.arange(tick * FRAME, (tick + 1) * FRAME) / 8000
        for row in range(8):
            heard[row] = 0.3 * np.sin(2 * np.pi * (300 + 50 * row) * at)
        if tape.push(heard, heard):
            pieces.append(tape.take())
    pcm = np.frombuffer(b"".join(pieces), dtype="<i2")
    assert (np.abs(pcm[8000:]) >= 32767).mean() < 0.002
    assert np.abs(pcm[8000:]).max() > 25_000
