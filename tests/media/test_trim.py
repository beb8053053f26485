"""Silence at the ends of recordings: what is cut, what is not, and that nothing of what was said goes with it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from media.streams import FRAME, RATE_HZ
from media.trim import MARGIN, bounds, spoken
from tests.media.greetings import spoken as said

Shorts = NDArray[np.int16]
MARGIN_S = MARGIN * FRAME / RATE_HZ


def silence(seconds: float, level_db: float | None = None, seed: int = 1) -> Shorts:
    """Nothing, or noise of so many dBFS."""
    count = round(seconds * RATE_HZ)
    if level_db is None:
        return np.zeros(count, dtype=np.int16)
    rng = np.random.default_rng(seed)
    noise: Shorts = np.rint(rng.standard_normal(count) * 32768 * 10 ** (level_db / 20)).astype(np.int16)
    return noise


def tone(seconds: float, hertz: float = 440.0, amplitude: float = 0.3) -> Shorts:
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    samples: Shorts = np.rint(amplitude * 32767 * np.sin(2 * np.pi * hertz * at)).astype(np.int16)
    return samples


def kept(*channels: Shorts) -> tuple[float, float]:
    """What is left, in seconds from the beginning."""
    length = max(map(len, channels))
    pcm = np.stack([np.pad(one, (0, length - len(one))) for one in channels], axis=1)
    asked = []

    def read(start: int, count: int) -> Shorts:
        asked.append((start, count))
        assert 0 <= start <= start + count <= length
        return pcm[start : start + count]

    first, last = bounds(read, length)
    assert first % 1 == 0
    assert 0 <= first <= last <= length
    return first / RATE_HZ, last / RATE_HZ


@pytest.mark.parametrize("background_db", [None, -60.0, -45.0, -38.0])
def test_the_ends_go_and_a_margin_stays(background_db: float | None) -> None:
    voice = np.concatenate([silence(2.0), tone(1.0), silence(0.7), tone(0.5), silence(3.0)])
    noise = silence(len(voice) / RATE_HZ, background_db)
    first, last = kept((voice.astype(int) + noise).clip(-32768, 32767).astype(np.int16))
    assert first == pytest.approx(2.0 - MARGIN_S, abs=0.03)
    assert last == pytest.approx(4.2 + MARGIN_S, abs=0.03)


def test_both_channels_are_cut_where_the_first_of_them_begins_and_the_last_one_ends() -> None:
    caller = np.concatenate([silence(3.0), tone(1.0), silence(4.0)])
    called = np.concatenate([silence(1.5), tone(0.5, 1000), silence(3.5), tone(0.5, 1000), silence(2.0)])
    first, last = kept(caller, called)
    assert first == pytest.approx(1.5 - MARGIN_S, abs=0.021)
    assert last == pytest.approx(6.0 + MARGIN_S, abs=0.021)


@pytest.mark.parametrize("background_db", [None, -70.0, -55.0, -45.0])
def test_nothing_but_background_leaves_nothing(background_db: float | None) -> None:
    assert kept(silence(5.0, background_db)) == (0.0, 0.0)
    assert kept(silence(5.0, background_db), silence(5.0, background_db, seed=2)) == (0.0, 0.0)


def test_a_click_is_no_sound() -> None:
    click = silence(6.0)
    click[8000:8040] = 20_000
    assert kept(click) == (0.0, 0.0)
    click[16_000:24_000] = tone(1.0)
    first, last = kept(click)
    assert (first, last) == pytest.approx((2.0 - MARGIN_S, 3.0 + MARGIN_S), abs=0.021)


@pytest.mark.peers("espeak-ng")
@pytest.mark.parametrize(
    "text", ["Six small fish.", "Half of it", "Thirty-five", "Hush", "Fifth", "Chess", "Zoo", "Peace", "Yes"]
)
@pytest.mark.parametrize("level", [1.0, 0.2])
@pytest.mark.parametrize("background_db", [None, -55.0])
def test_no_consonant_is_cut(text: str, level: float, background_db: float | None) -> None:
    word: Shorts = np.rint(said(text) * level * 32767).astype(np.int16)
    loud = np.flatnonzero(np.abs(word.astype(int)) > 4)  # where the synthesizer begins and ends, breath included
    begin_s, end_s = loud[0] / RATE_HZ, loud[-1] / RATE_HZ
    voice = np.concatenate([silence(2.0), word, silence(2.0)])
    noise = silence(len(voice) / RATE_HZ, background_db)
    first, last = kept((voice.astype(int) + noise).clip(-32768, 32767).astype(np.int16))
    assert first <= 2.0 + begin_s, "its beginning is there"
    assert last >= 2.0 + end_s, "so is its end"
    assert first > 1.0
    assert last < 3.4 + end_s, "the silence is not"


def test_what_is_sound_from_end_to_end_stays_as_it_is() -> None:
    assert kept(tone(3.0)) == (0.0, 3.0)
    assert kept(tone(3.1234)) == pytest.approx((0.0, 3.1234), abs=1e-3)
    assert kept(tone(0.0)) == (0.0, 0.0)


def test_trimming_what_was_trimmed_changes_nothing() -> None:
    voice = np.concatenate([silence(2.0, -60), tone(1.0), silence(2.0, -60)])
    first, last = kept(voice)
    again = voice[round(first * RATE_HZ) : round(last * RATE_HZ)]
    assert kept(again) == (0.0, len(again) / RATE_HZ)


def test_sound_far_from_both_ends_is_found_and_what_lies_between_is_not_read() -> None:
    pcm = np.concatenate([silence(65.0), tone(1.0), silence(300.0), tone(1.0), silence(70.0)])[:, None]
    read_frames = []

    def read(start: int, count: int) -> Shorts:
        read_frames.append(count)
        part: Shorts = pcm[start : start + count]
        return part

    first, last = bounds(read, len(pcm))
    assert first / RATE_HZ == pytest.approx(65.0 - MARGIN_S, abs=0.021)
    assert last / RATE_HZ == pytest.approx(367.0 + MARGIN_S, abs=0.021)
    assert sum(read_frames) < 250 * RATE_HZ


def test_speech_is_marked_with_small_gaps_closed() -> None:
    voice = np.concatenate([silence(1.0), tone(1.0), silence(0.2), tone(1.0), silence(1.0), tone(0.5), silence(1.0)])
    spans = spoken(voice)
    assert [(round(a, 1), round(b, 1)) for a, b in spans] == [(1.0, 3.2), (4.2, 4.7)]
    assert spoken(silence(0.0)) == spoken(silence(1.0)) == []
