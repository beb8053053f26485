"""What a crash leaves behind: calls and recordings that the next start brings to an end."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import numpy as np

from gateway.calls.call import Call, Happening
from gateway.calls.recordings import Recordings
from gateway.calls.recovery import finish, recover
from gateway.ids import AccountSid, CallSid
from gateway.ledger import Ledger
from gateway.metrics import Metrics
from gateway.storage.media import Media
from gateway.storage.models import CallRow, ConferenceRow, DepartureRow, RecordingRow, TranscriptionRow
from gateway.storage.store import Store
from gateway.storage.workshop import Workshop
from gateway.twiml.control import StatusCallback
from gateway.webhooks.outbox import Outbox
from media.client import EngineClient
from media.wav import header
from tests.gateway.rows import ACCOUNT, NOON, call_row, conference_row, recording_row, transcription_row

UNKNOWN_LENGTH = 0
PUBLIC_URL = "http://gateway"


async def bring_to_an_end(store: Store, folder: Path) -> list[tuple[str, str, str]]:
    """What a start does; answers the callbacks that left: path of the URL, RecordingSid, RecordingStatus."""
    sent: list[tuple[str, str, str]] = []

    class Poster:
        async def post(self, url: str, method: str, params: Sequence[tuple[str, str]], token: str = "") -> int:
            values = dict(params)
            sent.append((url, values["RecordingSid"], values["RecordingStatus"]))
            return 200

    async with Workshop() as workshop, Outbox(store, Poster()) as outbox:
        media = Media(folder, workshop)
        ledger = Ledger(store, outbox, Metrics(), ACCOUNT, lambda sid: None)
        unfinished = await recover(store, media, PUBLIC_URL)
        engine = cast("EngineClient", None)
        house = Recordings(engine, media, PUBLIC_URL, on_change=ledger.recorded, spawn=lambda work, name: work.close())
        await finish(unfinished, house)
    return sent


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
        await bring_to_an_end(store, tmp_path)
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
        await bring_to_an_end(store, tmp_path)
        rows = [await store.get(RecordingRow, f"RE{number:032x}") for number in (1, 2, 3)]
    assert [(row.status, row.duration_s) for row in rows if row] == [("absent", 0)] * 3


async def test_unfinished_calls_end_but_not_those_that_still_wait_to_be_placed(tmp_path: Path) -> None:
    waiting = DepartureRow(id=7, call_sid=f"CA{3:032x}", request={}, created_at=NOON)
    async with Store(f"sqlite:///{tmp_path}/one.db") as store:
        await store.save(
            call_row(1, status="in-progress", answered_at=NOON), call_row(2, status="ringing"), call_row(4)
        )
        await store.save(call_row(3, status="queued"), waiting)
        await bring_to_an_end(store, tmp_path)
        rows = [await store.get(CallRow, f"CA{number:032x}") for number in (1, 2, 3, 4)]
    assert [row.status for row in rows if row] == ["completed", "failed", "queued", "completed"]
    assert [row.ended_at for row in rows if row][:3] == [NOON + timedelta(seconds=1), NOON + timedelta(seconds=2), None]
    assert [row.updated_at for row in rows if row][3] == NOON + timedelta(seconds=4), "what was finished is not touched"


async def test_conferences_that_were_left_open_are_completed(tmp_path: Path) -> None:
    async with Store(f"sqlite:///{tmp_path}/one.db") as store:
        await store.save(conference_row(1, status="in-progress"), conference_row(2, status="init"), conference_row(3))
        await bring_to_an_end(store, tmp_path)
        rows = [await store.get(ConferenceRow, f"CF{number:032x}") for number in (1, 2, 3)]
    assert [(row.status, row.reason_ended) for row in rows if row] == [
        ("completed", "last-participant-left"),
        ("completed", "last-participant-left"),
        ("completed", "conference-ended-via-api"),
    ]


async def test_what_a_crash_left_is_told_once_as_it_was_asked_for(tmp_path: Path) -> None:
    tape(tmp_path, 1, 2.0)
    tape(tmp_path, 2, 0.0)
    tape(tmp_path, 3, 1.0)
    asked = {"callback_url": "http://a/r", "callback_method": "POST"}
    async with Store(f"sqlite:///{tmp_path}/one.db") as store:
        await store.save(
            recording_row(1, status="in-progress", callback_events="completed", **asked),
            recording_row(2, status="paused", callback_events="absent completed", **asked),
            recording_row(3, status="processing", callback_events="in-progress", **asked),
            recording_row(4, status="completed", callback_events="completed", **asked),
        )
        told = await bring_to_an_end(store, tmp_path)
        again = await bring_to_an_end(store, tmp_path)
    sids = [f"RE{number:032x}" for number in (1, 2)]
    assert sorted(told) == [("http://a/r", sids[0], "completed"), ("http://a/r", sids[1], "absent")]
    assert again == []


async def test_a_crash_while_trimming_trims_anew(tmp_path: Path) -> None:
    path = tape(tmp_path, 1, 5.0, channels=1)
    at = np.arange(8000) / 8000
    samples = np.zeros(40_000, dtype="<i2")
    samples[16_000:24_000] = 9000 * np.sin(2 * np.pi * 440 * at)
    path.write_bytes(header(UNKNOWN_LENGTH, 1) + samples.tobytes())
    (tmp_path / f".{path.name}").write_bytes(b"half of what was being made")
    async with Store(f"sqlite:///{tmp_path}/one.db") as store:
        await store.save(recording_row(1, status="processing", is_trimmed=True, channels=1))
        await bring_to_an_end(store, tmp_path)
        row = await store.get(RecordingRow, f"RE{1:032x}")
    assert row is not None
    assert (row.status, row.samples) == ("completed", 8000 + 2 * 1600)
    assert not path.with_name(f".{path.name}").exists()


async def test_a_transcription_that_was_not_finished_has_failed(tmp_path: Path) -> None:
    async with Store(f"sqlite:///{tmp_path}/one.db") as store:
        await store.save(transcription_row(1, status="in-progress", text=""), transcription_row(2))
        await bring_to_an_end(store, tmp_path)
        rows = [await store.get(TranscriptionRow, f"TR{number:032x}") for number in (1, 2)]
    assert [row.status for row in rows if row] == ["failed", "completed"]


async def test_the_end_of_a_call_that_a_crash_cut_short_is_told_once(tmp_path: Path) -> None:
    told: list[dict[str, str]] = []

    class Poster:
        async def post(self, url: str, method: str, params: Sequence[tuple[str, str]], token: str = "") -> int:
            told.append(dict(params))
            return 200

    def call(number: int, events: str) -> Call:
        callback = StatusCallback(url="http://a/s", events=frozenset(events.split()))
        return Call(
            sid=CallSid(f"CA{number:032x}"),
            account_sid=AccountSid(ACCOUNT),
            direction="outbound-api",
            from_="sip:a@b",
            to="sip:c@d",
            status_callback=callback,
            created_at=NOON,
            watcher=ledger.happened,
        )

    url = f"sqlite:///{tmp_path}/one.db"
    async with Store(url) as store, Outbox(store, Poster()) as outbox:
        ledger = Ledger(store, outbox, Metrics(), ACCOUNT, lambda sid: None)
        talking, ringing, ended, deaf = (
            call(number, events) for number, events in enumerate(("initiated ringing completed",) * 3 + ("ringing",), 1)
        )
        for one in (talking, ringing, ended, deaf):
            one.happened(Happening.INITIATED)
            one.happened(Happening.RINGING)
        talking.happened(Happening.ANSWERED, datetime.now(UTC) - timedelta(seconds=61))
        ended.happened(Happening.BUSY)
    assert [one["CallStatus"] for one in told if one["CallSid"] == ended.sid] == ["initiated", "ringing", "busy"]
    for restart in range(2):
        told.clear()
        async with Store(url) as store, Workshop() as workshop:
            await recover(store, Media(tmp_path, workshop), PUBLIC_URL)
            async with Outbox(store, Poster()):
                pass
        told.sort(key=lambda one: one["CallSid"])
        assert [one["CallSid"] for one in told] == ([] if restart else [talking.sid, ringing.sid])
        if not restart:
            first, second = told
            assert (first["CallStatus"], first["CallDuration"], first["Duration"]) == ("completed", "61", "2")
            assert (second["CallStatus"], second["CallDuration"], second["SequenceNumber"]) == ("failed", "0", "2")
