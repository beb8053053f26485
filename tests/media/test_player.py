"""Playings: tones, clips and feeds are exact to the sample, add up, and each has one end."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from media.clips import AHEAD, ClipReader, Clips, reason_of
from media.commands import Clip, Feed, Tone
from media.events import Dry, Event, NotPlayed, Playing
from media.player import Player
from media.ringtones import DEFAULT_RINGTONE, RINGTONES
from media.streams import FRAME
from media.tones import BEEP, DIAL, KEYS, SILENCE, digits_tone, key_hz, render, tone
from tests.media.sounds import share, sine

Floats = NDArray[np.float32]


class Inline(Clips):
    """A decoder that works when it is asked, in the caller's own thread."""

    def open(self, path: str, loops: int = 1) -> ClipReader:
        reader = ClipReader(self, path, loops)
        self.serve(reader)
        return reader

    def ask(self, reader: ClipReader) -> None:
        self.serve(reader)


class Stage:
    """Four rows and a player, run tick by tick."""

    def __init__(self) -> None:
        self.clips = Inline()
        self.player = Player(self.clips)
        self.events: list[tuple[int, Event]] = []

    def run(self, ticks: int) -> Floats:
        rows = []
        for tick in range(ticks):
            matrix = np.zeros((4, FRAME), dtype=np.float32)
            self.events += [(tick, event) for event in self.player.pull(matrix)]
            rows.append(matrix)
        return np.concatenate(rows, axis=1)

    def told(self) -> list[Event]:
        return [event for _, event in self.events]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def save(path: Path, samples: Floats, *, rate_hz: int = 8000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate_hz, 0, "NONE", ""))
        file.writeframes((np.repeat(samples, channels) * 32767).astype("<i2").tobytes())
    return path


def test_a_cadence_is_on_and_off_to_the_sample_and_comes_round(stage: Stage) -> None:
    stage.player.start(1, 0, tone(((440.0,), 50, 30), cycles=3))
    loud = stage.run(20)[0] != 0
    on, off = [True] * 400, [False] * 240
    assert (loud == np.array((on + off) * 3 + [False] * (20 * FRAME - 1920))).mean() > 0.99
    assert stage.events == [(0, Playing(playing=1)), (11, Dry(playing=1))]


def test_a_steady_tone_has_no_seam(stage: Stage) -> None:
    stage.player.start(1, 2, DIAL)
    samples = stage.run(200)[2]
    assert np.abs(np.diff(samples)).max() < 0.12
    assert share(samples, 350) + share(samples, 440) > 0.999


def test_the_beep_ends_and_silence_does_not(stage: Stage) -> None:
    stage.player.start(1, 0, BEEP)
    stage.player.start(2, 1, SILENCE)
    samples = stage.run(100)
    assert stage.told() == [Playing(playing=1), Playing(playing=2), Dry(playing=1)]
    assert share(samples[0][:3200], 1000) > 0.98
    assert not samples[1].any()


def test_playings_on_a_row_add_up_each_with_its_gain(stage: Stage) -> None:
    stage.player.start(1, 0, Tone(segments=(((500.0,), 1000, 0),), level_dbm0=-10))
    stage.player.start(2, 0, Tone(segments=(((1200.0,), 1000, 0),), level_dbm0=-10), gain=0.5)
    samples = stage.run(50)[0]
    assert share(samples, 500) == pytest.approx(0.8, abs=0.01)
    assert share(samples, 1200) == pytest.approx(0.2, abs=0.01)


def test_a_stopped_playing_is_silent_and_says_nothing_more(stage: Stage) -> None:
    stage.player.start(1, 0, BEEP)
    stage.run(2)
    stage.player.stop(1)
    assert not stage.run(40).any()
    assert stage.told() == [Playing(playing=1)]


def test_a_row_that_is_given_back_ends_what_plays_there(stage: Stage) -> None:
    stage.player.start(1, 0, BEEP)
    stage.player.start(2, 1, BEEP)
    stage.player.drop(0)
    stage.run(1)
    assert stage.told() == [NotPlayed(playing=1, reason="its target is gone"), Playing(playing=2)]
    assert stage.player.numbers_at(1) == [2]


def test_a_feed_plays_pieces_of_any_length_waits_when_it_is_dry_and_ends_when_told(stage: Stage) -> None:
    pcm = (sine(300, 0.1) * 32767).astype("<i2").tobytes()
    stage.player.start(1, 0, Feed())
    stage.player.pour(1, pcm[:333], False)
    first = stage.run(3)[0]
    stage.player.pour(1, pcm[333:], True)
    stage.player.pour(1, b"\1\1" * 99, False)
    second = stage.run(10)[0]
    assert np.flatnonzero(first)[-1] <= 166
    played = np.concatenate([first[:166], second[:634]])
    assert np.abs(played - sine(300, 0.1)).max() < 1e-3
    assert stage.told() == [Playing(playing=1), Dry(playing=1)]


@pytest.mark.parametrize("rate_hz", [16000, 24000, 48000])
def test_a_feed_of_another_rate_keeps_its_pitch_and_length(stage: Stage, rate_hz: int) -> None:
    stage.player.start(1, 0, Feed(rate_hz=rate_hz))
    pcm = (sine(600, 1.0, rate_hz=rate_hz) * 32767).astype("<i2").tobytes()
    for at in range(0, len(pcm), 1001):
        stage.player.pour(1, pcm[at : at + 1001], at + 1001 >= len(pcm))
    samples = stage.run(55)[0]
    assert share(samples[200:7800], 600) > 0.999
    assert stage.events[-1] == (49, Dry(playing=1))


def test_a_clip_is_played_whole_and_as_often_as_asked(stage: Stage, tmp_path: Path) -> None:
    clip = sine(700, 0.25, amplitude=0.4)
    path = save(tmp_path / "a.wav", clip)
    stage.player.start(1, 0, Clip(path=str(path), loops=3))
    samples = stage.run(60)[0]
    assert np.abs(samples[:6000] - np.tile(clip, 3)).max() < 2e-4
    assert not samples[6000:].any()
    assert stage.events == [(0, Playing(playing=1)), (37, Dry(playing=1))]


def test_a_stereo_clip_of_another_rate_is_averaged_and_resampled(stage: Stage, tmp_path: Path) -> None:
    path = save(tmp_path / "a.wav", sine(440, 2.0, rate_hz=44100), rate_hz=44100, channels=2)
    stage.player.start(1, 0, Clip(path=str(path)))
    samples = stage.run(110)[0]
    assert share(samples[400:15600], 440) > 0.999
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.01)
    assert len(np.flatnonzero(np.abs(samples) > 0.01)) == pytest.approx(16000, rel=0.03)


def test_a_long_clip_is_read_as_it_is_played(stage: Stage, tmp_path: Path) -> None:
    path = save(tmp_path / "long.wav", sine(440, 20.0))
    reader = stage.clips.open(str(path))
    most = 0
    total = 0
    while True:
        samples, last = reader.read(FRAME)
        total += len(samples)
        most = max(most, reader.ahead)
        if last:
            break
    assert total == 160_000
    assert most < AHEAD + 2 * 8000


def test_a_short_clip_is_kept_until_its_file_is_another(stage: Stage, tmp_path: Path) -> None:
    path = save(tmp_path / "a.wav", sine(440, 0.5))
    kept = [stage.clips.open(str(path)) for _ in range(2)]
    for reader in kept:
        while not reader.read(FRAME)[1]:
            pass
    again = stage.clips.open(str(path))
    assert again.pieces[0].base is None
    assert not again.pieces[0].flags.writeable
    save(path, sine(880, 0.75))
    os.utime(path, ns=(1, 1))
    fresh = stage.clips.open(str(path))
    total = sum(len(fresh.read(FRAME)[0]) for _ in range(60))
    assert total == 6000


def test_an_endless_clip_goes_on(stage: Stage, tmp_path: Path) -> None:
    path = save(tmp_path / "a.wav", sine(500, 0.1))
    stage.player.start(1, 0, Clip(path=str(path), loops=0))
    samples = stage.run(500)[0]
    assert np.abs(samples[-8000:] - np.tile(sine(500, 0.1), 10)).max() < 2e-4


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "x.wav: no such file"),
        (b"not a sound at all, only words that go on for a while", "is no sound file"),
        (b"#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "x.wav: "),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "x.wav: "),
    ],
)
def test_what_cant_be_played_says_why(stage: Stage, tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "x.wav"
    if content is not None:
        path.write_bytes(content)
    stage.player.start(1, 0, Clip(path=str(path)))
    stage.run(1)
    (event,) = stage.told()
    assert isinstance(event, NotPlayed)
    assert reason in event.reason


def test_a_file_that_may_not_be_read_is_told_as_such() -> None:
    assert reason_of("/a/b.wav", PermissionError(13, "Permission denied")) == "b.wav: may not be read"


def test_a_clip_given_up_is_closed_by_the_decoder(stage: Stage, tmp_path: Path) -> None:
    path = save(tmp_path / "long.wav", sine(440, 90.0))
    before = len(os.listdir("/proc/self/fd"))
    stage.player.start(1, 0, Clip(path=str(path)))
    stage.run(1)
    assert len(os.listdir("/proc/self/fd")) == before + 1
    stage.player.stop(1)
    assert len(os.listdir("/proc/self/fd")) == before


def test_every_country_of_the_attribute_rings_at_a_sensible_level() -> None:
    assert len(RINGTONES) == 40
    assert DEFAULT_RINGTONE in RINGTONES
    for ring in RINGTONES.values():
        cycle = render(ring)
        assert 2400 <= len(cycle) / 8 <= 6000
        assert 0.08 < np.abs(cycle).max() < 0.4
        assert ring.cycles == 0


def test_the_american_ring_is_two_seconds_of_440_and_480_and_four_of_silence() -> None:
    cycle = render(RINGTONES["us"])
    assert len(cycle) == 48_000
    assert share(cycle[:16_000], 440) + share(cycle[:16_000], 480) > 0.99
    assert not cycle[16_000:].any()


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_two_tones(key: str) -> None:
    cycle = render(digits_tone(key))
    low, high = key_hz(key)
    assert share(cycle[:800], low) + share(cycle[:800], high) > 0.97


def test_waits_and_strangers_among_digits() -> None:
    assert len(render(digits_tone("1w2W?3"))) == 8 * (3 * 180 + 1500)
