"""A recording as data: its length is what was recorded, whatever the wall clock does; its row holds all that its end needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.calls.recording import Recording, finished, recording_of, row_of, trimmed
from gateway.ids import AccountSid, CallSid, RecordingSid
from gateway.ledger import recording_params
from gateway.twiml.control import RecordingPlan, StatusCallback
from media.events import TapeEnded
from tests.gateway.rows import ACCOUNT

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SID = RecordingSid("RE" + "1" * 32)


def recording(**changes: object) -> Recording:
    values: dict[str, object] = {
        "sid": SID,
        "account_sid": AccountSid(ACCOUNT),
        "call_sid": CallSid("CA" + "2" * 32),
        "plan": RecordingPlan(
            channels=2,
            trim=True,
            callback=StatusCallback(url="http://a/r", method="GET", events=frozenset({"completed", "absent"})),
        ),
        "path": Path("x.wav"),
        "url": f"http://g/2010-04-01/Accounts/{ACCOUNT}/Recordings/{SID}",
        "started_at": NOW,
        "channels": 2,
    }
    return Recording(**values | changes)  # type: ignore[arg-type]


def ended(samples: int, cause: str = "stopped") -> TapeEnded:
    return TapeEnded(tape=1, samples=samples, channels=2, cause=cause, error="full" if cause == "failed" else "")


@pytest.mark.parametrize("jump", [timedelta(hours=-3), timedelta(days=400)])
def test_a_clock_that_jumps_changes_neither_length_nor_folder(jump: timedelta) -> None:
    done = finished(recording(started_at=NOW + jump), ended(20_000))
    assert (done.status, done.duration_s, done.samples) == ("completed", 3, 20_000)
    assert row_of(done).started_at == NOW + jump


@pytest.mark.parametrize(("samples", "seconds"), [(1, 0), (3_999, 0), (4_000, 1), (11_999, 1), (12_000, 2)])
def test_a_duration_is_whole_seconds(samples: int, seconds: int) -> None:
    assert finished(recording(), ended(samples)).duration_s == seconds


def test_an_end_is_completed_absent_or_failed() -> None:
    assert finished(recording(), ended(0)).status == "absent"
    failed = finished(recording(), ended(800, "failed"))
    assert (failed.status, failed.error_code > 0) == ("failed", True)
    params = dict(recording_params(failed))
    assert (params["RecordingStatus"], params["ErrorCode"]) == ("failed", str(failed.error_code))
    assert "RecordingDuration" not in params


def test_trimming_moves_what_was_noted_and_leaves_nothing_of_silence() -> None:
    noted = recording(samples=80_000, status="completed", marks=((0.5, "ringing"), (2.0, "key 1"), (9.9, "key 2")))
    done = trimmed(noted, 8_000, 40_000)
    assert (done.samples, done.duration_s) == (40_000, 5)
    assert done.marks == ((0.0, "ringing"), (1.0, "key 1"))
    assert trimmed(noted, 0, 0).status == "absent"


def test_a_row_gives_back_the_recording_with_all_that_it_was_asked_for() -> None:
    one = recording(samples=16_000, status="paused", marks=((0.25, "answered"),))
    row = row_of(one)
    again = recording_of(row, one.path, "http://g/")
    assert again == one
    assert dict(recording_params(again))["RecordingUrl"] == one.url
    silent = recording(plan=RecordingPlan(channels=1, source="RecordVerb"), channels=1)
    assert recording_of(row_of(silent), silent.path, "http://g").plan.callback is None
