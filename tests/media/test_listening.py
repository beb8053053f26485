"""Speech on watched rows, and what fills the gaps of a stream."""

from __future__ import annotations

import numpy as np
import pytest

from media.conceal import Concealer
from media.streams import FRAME
from media.vad import HANGS, Detector
from tests.media.sounds import sine, snr_db, voice

ROWS = np.array([0, 2])


def changes(samples: np.typing.NDArray[np.float32]) -> list[tuple[int, int, bool]]:
    """(tick, row, speaking) with the samples on row 2 and silence on row 0."""
    detector, told = Detector(3), []
    for tick in range(len(samples) // FRAME):
        rows = np.zeros((3, FRAME), dtype=np.float32)
        rows[2] = samples[tick * FRAME : (tick + 1) * FRAME]
        told += [(tick, row, speaking) for row, speaking in detector.listen(ROWS, rows)]
    return told


def test_speech_begins_soon_and_ends_after_its_hangover() -> None:
    line = np.zeros(8 * 8000, dtype=np.float32)
    line[2 * 8000 : 5 * 8000] = voice(3.0)
    line += np.random.default_rng(0).standard_normal(len(line)).astype(np.float32) * 0.001
    (begins, row, on), (ends, _, off) = changes(line)
    assert (row, on, off) == (2, True, False)
    assert 100 <= begins <= 112
    assert 250 + HANGS - 12 <= ends <= 250 + HANGS + 12


def test_a_click_a_hum_and_noise_are_no_speech() -> None:
    rng = np.random.default_rng(1)
    line = (rng.standard_normal(10 * 8000) * 0.01).astype(np.float32)
    line[8000:8160] += 0.5
    line += sine(50, 10.0, 0.02)
    assert changes(line) == []


def run(frames: np.typing.NDArray[np.float32], lost: set[int]) -> np.typing.NDArray[np.float32]:
    concealer, made = Concealer(4), []
    for tick, frame in enumerate(frames):
        rows = np.stack([np.zeros(FRAME, np.float32), frame])
        missing = np.array([False, tick in lost])
        rows[missing] = 0.0
        concealer.fill(np.array([1, 3]), rows, missing)
        assert not rows[0].any()
        made.append(rows[1])
    return np.concatenate(made)


@pytest.mark.parametrize("hz", [90, 125, 210])
def test_a_lost_frame_of_a_steady_voice_goes_on_with_its_period(hz: float) -> None:
    line = np.stack([sine(hz * k, 0.4, 0.2 / k) for k in range(1, 8)]).sum(axis=0)
    made = run(line.reshape(-1, FRAME), {10})
    gap = slice(10 * FRAME, 11 * FRAME)
    assert snr_db(line[gap], made[gap]) > 8
    assert np.abs(np.diff(made)).max() < 2 * np.abs(np.diff(line)).max()


def test_a_long_gap_fades_to_silence_and_the_voice_comes_back() -> None:
    line = voice(1.0)
    made = run(line.reshape(-1, FRAME), set(range(20, 30)))
    assert not made[24 * FRAME : 30 * FRAME].any()
    assert (made[30 * FRAME + 40 : 50 * FRAME] == line[30 * FRAME + 40 :]).all()
    assert np.abs(made[20 * FRAME : 21 * FRAME]).max() > 0.01


def test_an_announced_pause_is_noise_of_the_announced_level_until_there_is_talk() -> None:
    concealer = Concealer(1)
    rows, missing = np.array([0]), np.array([True])
    concealer.comfort(0, bytes([50]))
    levels = []
    for tick in range(60):
        if tick == 50:
            concealer.talk(0)
        frames = np.zeros((1, FRAME), dtype=np.float32)
        concealer.fill(rows, frames, missing)
        levels.append(float(np.sqrt(np.mean(frames**2))))
    assert 20 * np.log10(np.mean(levels[5:50])) == pytest.approx(-50, abs=0.5)
    assert levels[55] == 0.0
