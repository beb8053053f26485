"""Tones among other sounds: what is followed as one, and what it means."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from media.beep import Kind, Sorter, Sound
from media.sines import Run, Tones
from media.streams import FRAME
from tests.media.sounds import sine

Floats = NDArray[np.float32]


def glide(begin_hz: float, end_hz: float, seconds: float, amplitude: float = 0.2) -> Floats:
    turns = np.cumsum(np.linspace(begin_hz, end_hz, round(seconds * 8000))) / 8000
    return (amplitude * np.sin(2 * np.pi * turns)).astype(np.float32)


def placed(*sounds: tuple[int, Floats], ms: int = 4000, noise: float = 0.001) -> Floats:
    line = (np.random.default_rng(2).standard_normal(ms * 8) * noise).astype(np.float32)
    for at, sound in sounds:
        line[at * 8 : at * 8 + len(sound)] += sound
    return line


def runs(line: Floats) -> list[Run]:
    tones = Tones()
    found = [tones.hear(line[at : at + FRAME])[1] for at in range(0, len(line), FRAME)]
    return [run for run in found if run is not None]


def heard(line: Floats, spoken_until_ms: int = 0) -> list[Sound]:
    """What a sorter tells of it; somebody speaks at first."""
    tones, sorter = Tones(), Sorter()
    found: list[Sound] = []
    for number in range(-(spoken_until_ms // 20), len(line) // FRAME):
        speaks = number < 0
        frame = line[number * FRAME : (number + 1) * FRAME] if not speaks else np.full(FRAME, 1e-6, dtype=np.float32)
        sines, run = tones.hear(frame)
        found += sorter.hear(tones.run, run, float(speaks), -20.0 if speaks else sines.level_dbov)
    return found


def kinds(line: Floats) -> list[Kind]:
    return [sound.kind for sound in heard(line, spoken_until_ms=1000)]


@pytest.mark.parametrize(("begin_hz", "end_hz", "seconds"), [(1900, 1300, 0.2), (1400, 800, 0.4), (900, 1800, 0.3)])
def test_a_fast_glide_is_one_tone_and_a_beep(begin_hz: float, end_hz: float, seconds: float) -> None:
    line = placed((500, glide(begin_hz, end_hz, seconds)))
    (run,) = runs(line)
    assert run.glides
    assert abs(run.ms - seconds * 1000) <= 40
    assert kinds(line) == [Kind.BEEP]


def test_a_lost_packet_does_not_cut_a_tone_in_two() -> None:
    line = placed((500, sine(1000, 0.5, 0.2)))
    line[700 * 8 : 720 * 8] = 0.0
    assert len(runs(line)) == 1


def test_a_tone_that_comes_up_beside_another_is_another() -> None:
    line = placed((500, sine(466, 0.4, 0.01)), (900, sine(1413, 0.12, 0.06) + sine(466, 0.12, 0.01)))
    assert [round(run.hz[0], -1) for run in runs(line)] == [470, 1410]


def test_a_beep_that_comes_twice_is_one_and_one_that_goes_on_coming_is_a_cadence() -> None:
    one = sine(1000, 0.2, 0.2)
    assert kinds(placed((500, one), (800, one))) == [Kind.BEEP]
    assert kinds(placed(*((at, one) for at in range(500, 3500, 300)))) == []


def test_a_beep_over_softer_music_is_found_and_the_music_is_none() -> None:
    notes = [(500 + 250 * n, sine(392 * 2 ** (n * 5 % 12 / 12), 0.25, 0.02)) for n in range(10)]
    assert kinds(placed(*notes)) == []
    found = heard(placed((1400, sine(1000, 0.3, 0.2)), *notes), spoken_until_ms=1000)
    assert [sound.kind for sound in found] == [Kind.BEEP]


def test_two_harmonics_of_a_voice_are_no_beep_however_still() -> None:
    tones, sorter = Tones(), Sorter()
    line = placed((200, sine(456, 0.2, 0.2) + sine(568, 0.2, 0.15)))
    found = []
    for at in range(0, len(line), FRAME):
        sines, run = tones.hear(line[at : at + FRAME])
        found += sorter.hear(tones.run, run, 0.9 if 200 * 8 <= at < 420 * 8 else 0.0, sines.level_dbov)
    assert found == []


def test_a_tone_much_softer_than_the_speech_before_it_is_no_beep() -> None:
    assert kinds(placed((500, sine(1000, 0.3, 0.012)), noise=0.0002)) == []
    assert kinds(placed((500, sine(1000, 0.3, 0.05)), noise=0.0002)) == [Kind.BEEP]


def test_before_anybody_has_spoken_a_tone_at_ringing_pitch_is_the_network() -> None:
    for hz, spoken_until_ms, expected in ((440, 0, Kind.NETWORK), (440, 1000, Kind.BEEP), (800, 0, Kind.BEEP)):
        found = heard(placed((700, sine(hz, 0.25, 0.2))), spoken_until_ms=spoken_until_ms)
        assert [sound.kind for sound in found] == [expected]


def test_a_tone_without_end_is_no_beep() -> None:
    assert set(kinds(placed((300, sine(1004, 3.0, 0.2))))) == {Kind.NETWORK}


@pytest.mark.parametrize("gap_ms", [0, 60])
def test_the_special_tones_are_known_in_both_lengths(gap_ms: int) -> None:
    for ms in (276, 380):
        parts = [(300 + n * (ms + gap_ms), sine(hz, ms / 1000, 0.2)) for n, hz in enumerate((950.0, 1400.0, 1776.7))]
        assert [sound.kind for sound in heard(placed(*parts))] == [Kind.SPECIAL]
