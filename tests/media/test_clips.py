"""Every kind of file that `<Play>` may be given comes out at the bus rate and as long as it is.

| file | how it is known |
|---|---|
| WAV, AIFF, MP3 | by its head |
| .ulaw, .au without a head, .gsm | by its name |
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from media.clips import decoded
from media.codecs.g711 import float_to_ulaw
from tests.peers.audio import audio_file

SAMPLES = (0.3 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 8_000)).astype(np.float32)
GSM_SILENCE = bytes.fromhex("d820a2e15a50004924924924500049249249245000492492492450004924924924")


@pytest.mark.parametrize(
    ("name", "rate_hz"), [("a.wav", 8_000), ("c.wav", 44_100), ("d.aiff", 22_050), ("e.mp3", 44_100), ("f.ulaw", 8_000)]
)
def test_a_file_is_as_long_and_as_loud_as_it_was_made(tmp_path: Path, name: str, rate_hz: int) -> None:
    (tmp_path / name).write_bytes(audio_file(name, rate_hz=rate_hz))
    found = np.concatenate(list(decoded(str(tmp_path / name))))
    assert len(found) == pytest.approx(len(SAMPLES), abs=1_200)
    assert np.abs(found).max() == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("name", ["a.ulaw", "a.au"])
def test_mu_law_without_a_head_is_played_sample_by_sample(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(float_to_ulaw(SAMPLES).tobytes())
    found = np.concatenate(list(decoded(str(tmp_path / name))))
    assert len(found) == len(SAMPLES)
    assert np.abs(found - SAMPLES).max() < 0.01


def test_gsm_frames_are_played_in_their_length(tmp_path: Path) -> None:
    (tmp_path / "a.gsm").write_bytes(GSM_SILENCE * 100)
    assert sum(len(piece) for piece in decoded(str(tmp_path / "a.gsm"))) == 100 * 160


def test_a_wav_under_a_bare_name_is_still_a_wav(tmp_path: Path) -> None:
    (tmp_path / "a.ulaw").write_bytes(audio_file("a.wav"))
    assert sum(len(piece) for piece in decoded(str(tmp_path / "a.ulaw"))) == len(SAMPLES)
