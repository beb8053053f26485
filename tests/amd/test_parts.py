"""What makes and judges the labelled calls, without the packages that carry their voices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.amd import app_amd, packages, pictures
from tests.amd.corpus import MadeCall, make
from tests.amd.offline import judge_live
from tests.amd.scenarios import SCENARIOS
from tests.amd.score import Judged, Score, table
from tests.amd.voices import Split
from tests.media.sounds import sine

SILENT = np.zeros(8000, dtype=np.float32)


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packages, "PACKAGES", ())
    monkeypatch.setenv("CROSSPOINT_AMD_CACHE", str(tmp_path))
    packages.root.cache_clear()


def call(expected: str, *, hard: bool = False, beep: tuple[int, int] = (0, 0), about: str = "") -> MadeCall:
    return MadeCall(
        name="one",
        category=expected,
        expected=expected,
        accept=(expected,),
        ends=("machine_end_silence",),
        hard=hard,
        first_end_ms=1000,
        beep_from_ms=beep[0],
        beep_until_ms=beep[1],
        beep_about=about,
        sound=SILENT,
    )


def share(score: Score, name: str) -> float:
    return next(one.share for one in score.figures() if one.name.startswith(name))


@pytest.mark.usefixtures("no_packages")
@pytest.mark.parametrize(
    ("category", "got"),
    [
        ("fax_ced", "fax"),
        ("fax_ansam", "fax"),
        ("machine_special", "machine_start"),
        ("unknown_ringing", "unknown"),
        ("unknown_digital", "unknown"),
    ],
)
def test_a_call_is_made_the_same_by_its_number_and_is_what_it_says(category: str, got: str) -> None:
    made, again, held = (make(category, 1, split=split) for split in (Split.DEV, Split.DEV, Split.HELD))
    assert made is not None
    assert again is not None
    assert held is not None
    assert np.array_equal(made.sound, again.sound)
    assert category == "unknown_digital" or not np.array_equal(made.sound[:8000], held.sound[:8000])
    assert judge_live(made, message_end=False).answered_by == got


@pytest.mark.usefixtures("no_packages")
def test_a_call_whose_voices_cannot_be_had_is_left_out() -> None:
    assert make("human_hello", 0, split=Split.HELD) is None
    assert make("machine_read", 0, split=Split.DEV) is None


def test_a_set_has_four_hundred_calls_and_more() -> None:
    assert sum(count for count, _ in SCENARIOS.values()) >= 400


def test_figures_count_what_they_say() -> None:
    score = Score(
        [
            Judged(call=call("human"), got="human", ms=2300, end="human"),
            Judged(call=call("human"), got="machine_start", ms=2300, end="machine_end_beep"),
            Judged(call=call("human", hard=True), got="machine_start", ms=2300, end="machine_end_silence"),
            Judged(call=call("machine"), got="machine_start", ms=2300, end="machine_end_silence", end_ms=9000),
        ]
    )
    assert share(score, "human and machine right, all") == 50.0
    assert share(score, "human and machine right, not hard") == pytest.approx(66.7, abs=0.1)
    assert share(score, "human called machine") == 50.0
    assert share(score, "beep told of a person") == pytest.approx(33.3, abs=0.1)
    assert share(score, "person told within") == 100.0
    assert "| human | 1 | 2 | 0 | 0 |" in table(score)
    assert [one.got for one in score.wrong()] == ["machine_start", "machine_start"]


@pytest.mark.parametrize(
    ("end_ms", "about", "found"),
    [
        (5990, "single", True),
        (6700, "single", True),
        (6720, "single", False),
        (5600, "single", False),
        (5600, "double", True),
        (5300, "double", False),
    ],
)
def test_a_beep_is_found_soon_after_its_end(end_ms: int, about: str, found: bool) -> None:
    one = Judged(
        call=call("machine", beep=(5400, 6000), about=about),
        got="machine_start",
        ms=3000,
        end="machine_end_beep",
        end_ms=end_ms,
    )
    assert one.beep_found is found


def test_app_amd_counts_words_and_silence() -> None:
    word = sine(300, 0.3, 0.2)
    pause = np.zeros(800, dtype=np.float32)
    hello = np.concatenate([SILENT[:1600], word, SILENT, SILENT])
    talk = np.concatenate([SILENT[:1600], word, pause, word, pause, word, pause])
    assert app_amd.judge(hello) == ("human", 1300)
    assert app_amd.judge(talk)[0] == "machine"
    assert app_amd.judge(np.zeros(40_000, dtype=np.float32)) == ("machine", 2500)
    assert app_amd.judge(talk, app_amd.VICIDIAL)[0] == "human"


@pytest.mark.usefixtures("no_packages")
def test_a_picture_shows_both_verdicts_and_the_tones() -> None:
    made = make("fax_ced", 0, split=Split.DEV)
    assert made is not None
    picture = pictures.call(Judged(call=made, got="human", ms=2500, end="machine_end_beep", end_ms=4000))
    assert picture.count("<rect") > 2
    assert "human 2500 ms" in picture
    assert ">21" in picture
    assert "polyline" in pictures.curve([(1.0, 2.0, "2400"), (3.0, 1.0, "1000")], "a", "b")
