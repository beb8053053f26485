"""The picture of a recording: well-formed, to scale, with labels that do not touch."""

from __future__ import annotations

import wave
from pathlib import Path
from xml.etree import ElementTree as Tree

import numpy as np
import pytest

from media.waveform import LEFT, PLOT, clock, draw, measure
from tests.media.sounds import sine

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Ten seconds: a loud first half on the left, a quiet second half on the right."""
    both = np.zeros((80_000, 2), dtype=np.float32)
    both[:40_000, 0] = sine(440, 5.0, 0.5)
    both[40_000:, 1] = sine(700, 5.0, 0.1)
    path = tmp_path / "r.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes((both * 32767).astype("<i2").tobytes())
    return path


def test_each_channel_is_measured_over_its_own_time(recording: Path) -> None:
    (left, right), seconds = measure(recording)
    assert seconds == 10.0
    half = PLOT // 2
    assert left.peak[5 : half - 5] == pytest.approx(0.5, abs=0.01)
    assert left.rms[5 : half - 5] == pytest.approx(0.354, abs=0.03)
    assert not left.peak[half + 5 :].any()
    assert right.peak[half + 5 :] == pytest.approx(0.1, abs=0.01)


def test_labels_say_what_was_asked_in_places_that_do_not_overlap(recording: Path) -> None:
    events = [
        (0.0, "a < b & c"),
        (0.1, "ringing"),
        (5.0, "answered"),
        (5.01, "bridged"),
        (5.02, "x" * 60),
        (99.0, "late"),
    ]
    root = Tree.fromstring(draw(recording, events, title='"Call" <1>', names=("alice", "bob")))
    texts = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert {"a < b & c", "ringing", "answered", "late", '"Call" <1>', "alice", "bob", "5 s"} <= set(texts)
    tags = [r for r in root.iter(f"{SVG}rect") if r.get("class") == "tag"]
    boxes = [
        (float(t.attrib["x"]), float(t.attrib["x"]) + float(t.attrib["width"]), float(t.attrib["y"])) for t in tags
    ]
    assert len(boxes) == len(events)
    for i, (left, right, line) in enumerate(boxes):
        assert left >= LEFT
        assert right <= 1000
        assert all(line != y or right < a or b < left for a, b, y in boxes[:i])


def test_an_event_stands_at_its_time(recording: Path) -> None:
    root = Tree.fromstring(draw(recording, [(2.5, "here")]))
    (mark,) = [line for line in root.iter(f"{SVG}line") if line.get("class") == "mark"]
    assert float(mark.attrib["x1"]) == pytest.approx(LEFT + PLOT / 4, abs=0.1)


def test_an_empty_recording_has_a_picture_too(tmp_path: Path) -> None:
    path = tmp_path / "e.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
    assert "silence" in draw(path)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"RIFF but no")
    with pytest.raises((wave.Error, EOFError)):
        draw(path)


@pytest.mark.parametrize(
    ("seconds", "step", "text"),
    [(0.5, 0.1, "0.5 s"), (12, 2, "12 s"), (65, 5, "1:05"), (120, 60, "2:00"), (3723, 300, "1:02:03")],
)
def test_times_read_as_people_write_them(seconds: float, step: float, text: str) -> None:
    assert clock(seconds, step) == text
