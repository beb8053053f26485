"""After a crash: what an earlier run left unfinished in storage is brought to an end, recordings with their true length."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import select

from gateway.calls.call import Status
from gateway.calls.recording import UNFINISHED, Recording, recording_of
from gateway.calls.recordings import Recordings, lost, samples_of
from gateway.storage.media import Media
from gateway.storage.models import CallRow, ConferenceRow, DepartureRow, OutboxRow, RecordingRow, TranscriptionRow
from gateway.storage.store import Store
from gateway.webhooks.wills import executed
from media.streams import RATE_HZ

log = structlog.get_logger(__name__)

UNFINISHED_CALL = (Status.QUEUED.value, Status.RINGING.value, Status.IN_PROGRESS.value)
LEFT = "last-participant-left"
"""reason_conference_ended of a room whose calls are all gone."""


async def recover(store: Store, media: Media, public_url: str) -> list[Recording]:
    """Before any call is taken and any callback leaves. Calls that still wait to be placed are left alone. Raises one of `DATABASE_ERRORS`.

    Answers the recordings to be finished (trimmed, told) once that can be done: their rows stay unfinished until then.
    """
    tapes = await store.all(select(RecordingRow).where(RecordingRow.status.in_(UNFINISHED)))
    ends: dict[str, datetime] = {}
    recordings = []
    for tape in tapes:
        path = await asyncio.to_thread(_where, media, tape)
        samples = await asyncio.to_thread(samples_of, path)
        end = tape.started_at + timedelta(seconds=samples / RATE_HZ)
        ends[tape.call_sid] = max(end, ends.get(tape.call_sid, end))
        recordings.append(recording_of(tape, path, public_url))
    waiting = {row.call_sid for row in await store.all(select(DepartureRow))}
    found = await store.all(select(CallRow).where(CallRow.status.in_(UNFINISHED_CALL)))
    calls = [call for call in found if call.sid not in waiting]
    for call in calls:
        _end(call, max(call.updated_at, ends.get(call.sid, call.updated_at)))
    rooms = await store.all(select(ConferenceRow).where(ConferenceRow.status != "completed"))
    for room in rooms:
        room.status, room.reason_ended, room.updated_at = "completed", LEFT, datetime.now(UTC)
    unwritten = await store.all(select(TranscriptionRow).where(TranscriptionRow.status == "in-progress"))
    for text in unwritten:
        text.status, text.updated_at = "failed", datetime.now(UTC)
    if unwritten:
        await store.save(*unwritten)
    wills = await store.all(select(OutboxRow).where(OutboxRow.id < 0))
    ended = {call.sid: call for call in calls}  # of any other call the last word was said, or it is still to leave
    await store.save(*calls, *rooms, *(executed(will, ended[will.queue]) for will in wills if will.queue in ended))
    await store.remove(*wills)
    if tapes or calls or rooms:
        log.warning("an earlier run ended early", calls=len(calls), recordings=len(tapes), conferences=len(rooms))
    return recordings


async def finish(recordings: Sequence[Recording], house: Recordings) -> None:
    """Bring to an end what an earlier run was recording: each is trimmed where that was asked, counted, and told once."""
    for recording in recordings:
        await house.finish(recording, lost(recording))


def _where(media: Media, row: RecordingRow) -> Path:
    """The file, by day or, of an earlier version, without."""
    path, old = media.path(row.sid, row.started_at), media.folder / f"{row.sid}.wav"
    return old if old.is_file() and not path.is_file() else path


def _end(call: CallRow, last_known: datetime) -> None:
    """At the last moment that is known of it: completed if it was answered, else failed."""
    answered = call.status == Status.IN_PROGRESS.value
    call.status = (Status.COMPLETED if answered else Status.FAILED).value
    call.ended_at, call.updated_at = last_known, datetime.now(UTC)
    seconds = (last_known - (call.answered_at or last_known)).total_seconds()
    call.duration_s = max(0, int(seconds + 0.5)) if answered else 0
