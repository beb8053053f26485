"""Where speech begins (5 of 10 frames) and ends (silence as long as asked for, or the limit). Frames of 30 ms."""

from __future__ import annotations

import pytest

from gateway.speech.endpoint import Endpoint, Heard


def hear(frames: str, *, end_silence_ms: float = 150.0, most_ms: float = 60_000.0) -> list[Heard]:
    """`x` is a frame with speech, `.` one without."""
    endpoint = Endpoint(frame_ms=30.0, end_silence_ms=end_silence_ms, most_ms=most_ms)
    return [endpoint.hear(frame == "x") for frame in frames]


def test_silence_is_nothing() -> None:
    assert set(hear("." * 100)) == {Heard.NOTHING}


def test_clicks_do_not_begin() -> None:
    assert set(hear("x..x..x..." * 10)) == {Heard.NOTHING}


@pytest.mark.parametrize(("frames", "at"), [("xxxxx", 4), ("....xxxxx", 8), ("x.x.x.x.x", 8)])
def test_enough_speech_begins_once(frames: str, at: int) -> None:
    found = hear(frames + "xxx")
    assert found.index(Heard.BEGAN) == at
    assert found.count(Heard.BEGAN) == 1


@pytest.mark.parametrize(("silence_ms", "frames"), [(30, 1), (150, 5), (1000, 34)])
def test_it_ends_after_the_silence_that_was_asked_for(silence_ms: float, frames: int) -> None:
    found = hear("xxxxxxx" + "." * 40, end_silence_ms=silence_ms)
    assert found.index(Heard.ENDED) == 7 + frames - 1


def test_a_pause_within_a_sentence_does_not_end_it() -> None:
    found = hear("xxxxx....xxxx....xxxx" + "." * 5)
    assert found.index(Heard.ENDED) == 25


def test_a_breath_does_not_put_off_the_end() -> None:
    found = hear("xxxxx" + "." * 12 + "x" + "." * 3, end_silence_ms=390)
    assert Heard.ENDED in found[:18]


def test_nobody_speaks_for_ever() -> None:
    found = hear("x" * 100, most_ms=600)
    assert found.index(Heard.ENDED) == 4 + 20
