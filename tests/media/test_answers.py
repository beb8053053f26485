"""The detections of many legs in one engine: each hears all since its answer, together they never take more than a tick can spare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from media import answers
from media.amd import Detector, Verdict
from media.answers import KEPT, MOST_A_TICK, Answers
from media.commands import Detect
from media.events import Event
from media.events import Verdict as Judged
from media.streams import FRAME, Slot
from tests.media.greetings import call
from tests.media.sounds import voice

Floats = NDArray[np.float32]
SILENT = np.zeros((200, FRAME), dtype=np.float32)


def slot(row: int) -> Slot:
    return Slot(row=row, generation=1)


@pytest.fixture
def told() -> list[Event]:
    return []


def test_each_verdict_is_told_once_also_that_of_a_leg_that_closes(told: list[Event]) -> None:
    some = Answers(told.append)
    some.detect(Detect(slot=slot(0), silence_ms=2000))
    some.detect(Detect(slot=slot(1)))
    for tick in range(200):
        some.listen(SILENT, tick * 0.02)
    assert told == [Judged(slot=slot(0), answered_by="unknown", ms=2020)]
    some.forget(slot(1))
    some.forget(slot(0))
    assert told[1:] == [Judged(slot=slot(1), answered_by="unknown", ms=4000)]


@pytest.mark.parametrize(("late_ticks", "missed_ms"), [(0, 0), (35, 0), (KEPT - 2, 0), (KEPT + 10, 10 * 20)])
def test_an_armed_leg_is_heard_from_its_answer_however_late_it_is_asked_about(
    told: list[Event], late_ticks: int, missed_ms: int
) -> None:
    """Ringing before the answer is not heard."""
    some = Answers(told.append)
    some.arm(slot(0))
    sound = np.full(FRAME, 0.01, dtype=np.float32)[None]
    answered = 100
    for tick in range(600):
        if tick == answered + 1 + late_ticks:
            some.detect(Detect(slot=slot(0), silence_ms=4000, since=answered * 0.02 + 0.001))
        some.listen(sound, tick * 0.02)
        if told:
            break
    ticks = tick - answered
    assert isinstance(told[0], Judged)
    assert told[0].ms == 4020
    assert ticks * 20 == 4020 + missed_ms


def test_without_arming_it_begins_with_the_next_frame(told: list[Event]) -> None:
    some = Answers(told.append)
    some.detect(Detect(slot=slot(0), timeout_ms=40, since=5.0))
    some.listen(SILENT, 9.0)
    assert not told
    some.listen(SILENT, 9.02)
    assert [event.ms for event in told if isinstance(event, Judged)] == [40]


def test_a_second_question_begins_anew_and_a_leg_that_closes_is_disarmed(told: list[Event]) -> None:
    some = Answers(told.append)
    some.detect(Detect(slot=slot(0), timeout_ms=100))
    some.listen(SILENT, 0.0)
    some.detect(Detect(slot=slot(0), timeout_ms=60))
    for tick in range(5):
        some.listen(SILENT, tick * 0.02)
    assert told == [Judged(slot=slot(0), answered_by="unknown", ms=60)]
    some.arm(slot(1))
    some.forget(slot(1))
    some.detect(Detect(slot=slot(1), timeout_ms=20, since=0.001))
    some.listen(SILENT, 1.0)
    assert told[1:] == [Judged(slot=slot(1), answered_by="unknown", ms=20)]


def test_no_tick_judges_more_than_it_can_spare_and_those_wait_that_come_later(
    told: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []

    def count(detectors: Sequence[Detector], frames: Sequence[Floats]) -> list[Verdict | None]:
        heard[-1] += len(frames)
        return [one.gone() if one.verdict is None and len(heard) > 9 else None for one in detectors]

    monkeypatch.setattr(answers, "hear_all", count)
    some = Answers(told.append)
    for row in range(200):
        some.detect(Detect(slot=slot(row)))
    for tick in range(60):
        heard.append(0)
        some.listen(SILENT, tick * 0.02)
    assert max(heard) == MOST_A_TICK
    assert heard[:9] == [MOST_A_TICK] * 9
    assert len(told) == 200, "all are told in the end"
    assert heard[-1] == 0


def test_a_leg_that_closes_is_still_heard_to_its_end(told: list[Event]) -> None:
    some = Answers(told.append)
    some.arm(slot(0))
    for tick in range(100):
        some.listen(SILENT, tick * 0.02)
    some.detect(Detect(slot=slot(0), silence_ms=2000, since=0.001))
    some.forget(slot(0))
    assert not told
    for tick in range(100, 103):
        some.listen(SILENT, tick * 0.02)
    assert [(event.answered_by, event.ms) for event in told if isinstance(event, Judged)] == [("unknown", 1980)]


def test_calls_judged_together_have_the_verdicts_that_each_has_alone(told: list[Event]) -> None:
    greetings = (voice(0.7), voice(4.0), np.zeros(800, dtype=np.float32), voice(2.0))
    sounds = [call(sound, lead_ms=300 + 130 * at, ms=9000) for at, sound in enumerate(greetings)]
    some = Answers(told.append)
    for row in range(len(sounds)):
        some.detect(Detect(slot=slot(row)))
    for at in range(0, 9000 * 8, FRAME):
        some.listen(np.stack([sound[at : at + FRAME] for sound in sounds]), at / 8000)
    together = {event.slot.row: (event.answered_by, event.ms) for event in told if isinstance(event, Judged)}
    for row, sound in enumerate(sounds):
        told.clear()
        alone = Answers(told.append)
        alone.detect(Detect(slot=slot(0)))
        for at in range(0, 9000 * 8, FRAME):
            alone.listen(sound[None, at : at + FRAME], at / 8000)
        assert [(event.answered_by, event.ms) for event in told if isinstance(event, Judged)] == [together[row]]
