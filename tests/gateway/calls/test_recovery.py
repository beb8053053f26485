"""What a crash leaves behind: calls and recordings that the next start brings to an end."""

from __future__ import annotations

import wave
from datetime import timedelta
from pathlib import Path

import numpy as np

from gateway.calls.recovery import recover
from gateway.storage.models import CallRow, ConferenceRow, DepartureRow, RecordingRow
from gateway.storage.store import Store
from media.wav import header
from tests.gateway.rows import NOON, call_row, conference_row, recording_row

UNKNOWN_LENGTH = 0


def tape(folder: Path, number: int, seconds: float, *, channels: int = 2, torn: bytes = b"") -> Path:
    """A file as a killed engine leaves it: samples behind a head that knows of none."""
    path = folder / f"RE{number:032x}.wav"
    samples = np.zeros(round(seconds * 8000) * channels, dtype="<i2")
    path.write_bytes(header(UNKNOWN_LENGTH, channels) + samples.tobytes() + torn)
    return path


async def test_a_recording_in_progress_is_completed_with_its_true_length(tmp_path: Path) -> None:
    path = tape(tmp_path, 1, 3.0, torn=b"\x01")
    async with Store(f"sqlite:///{tmp_path}/one.db") as store:
        await store.save(call_row(1, status="in-progress", answered_at=NOON), recording_row(1, status="in-progress"))
        await recover(store, tmp_path)
        row = await store.get(RecordingRow, f"RE{1:032x}")
        call = await store.get(CallRow, f"CA{1:032x}")
    assert row is not None
    assert (row.status, row.duration_s) == ("completed", 3)
    with wave.open(str(path)) as file:
        assert (file.getnframes(), file.getnchannels()) == (24_000, 2)
    assert call is not None
    assert (call.status, call.ended_at, call.duration_s) == ("completed", NOON + timedelta(seconds=4), 4)


async def test_a_recording_without_sound_or_file_is_absent(tmp_path: Path) -> None:
    tape(tmp_path, 1, 0.0)
    (tmp_path / f"RE{2:032x}.wav").write_bytes(b"RIF")
    async with Store(f"sqlite:///{tmp_path}/one.db") as store:
        await store.save(*(recording_row(number, status="in-progress") for number in (1, 2, 3)))
        await recover(store, tmp_path)
        rows = [await store.get(RecordingRow, f"RE{number:032x}") for number in (1, 2, 3)]
    assert [(row.status, row.duration_s) for row in rows if row] == [("absent", 0)] * 3


async def test_unfinished_calls_end_but_not_those_that_still_wait_to_be_placed(tmp_path: Path) -> None:
    waiting = DepartureRow(id=7, call_sid=f"CA{3:032x}", request={}, created_at=NOON)
    async with Store(f"sqlite:///{tmp_path}/one.db") as store:
        await store.save(
            call_row(1, status="in-progress", answered_at=NOON), call_row(2, status="ringing"), call_row(4)
        )
        await store.save(call_row(3, status="queued"), waiting)
        await recover(store, tmp_path)
        rows = [await store.get(CallRow, f"CA{number:032x}") for number in (1, 2, 3, 4)]
    assert [row.status for row in rows if row] == ["completed", "failed", "queued", "completed"]
    assert [row.ended_at for row in rows if row][:3] == [NOON + timedelta(seconds=1), NOON + timedelta(seconds=2), None]
    assert [row.updated_at for row in rows if row][3] == NOON + timedelta(seconds=4), "what was finished is not touched"


async def test_conferences_that_were_left_open_are_completed(tmp_path: Path) -> None:
    async with Store(f"sqlite:///{tmp_path}/one.db") as store:
        await store.save(conference_row(1, status="in-progress"), conference_row(2, status="init"), conference_row(3))
        await recover(store, tmp_path)
        rows = [await store.get(ConferenceRow, f"CF{number:032x}") for number in (1, 2, 3)]
    assert [(row.status, row.reason_ended) for row in rows if row] == [
        ("completed", "last-participant-left"),
        ("completed", "last-participant-left"),
        ("completed", "conference-ended-via-api"),
    ]
