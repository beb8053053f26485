"""After a crash: what an earlier run left unfinished in storage is brought to an end, recordings with their true length."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import select

from gateway.calls.call import Status
from gateway.storage.models import CallRow, ConferenceRow, DepartureRow, RecordingRow
from gateway.storage.store import Store
from media.streams import RATE_HZ
from media.wav import repair

log = structlog.get_logger(__name__)

UNFINISHED_TAPE = ("in-progress", "paused")
UNFINISHED_CALL = (Status.QUEUED.value, Status.RINGING.value, Status.IN_PROGRESS.value)
LEFT = "last-participant-left"
"""reason_conference_ended of a room whose calls are all gone."""


async def recover(store: Store, folder: Path) -> None:
    """Before any call is taken. Calls that still wait to be placed are left alone. Raises one of `DATABASE_ERRORS`."""
    tapes = await store.all(select(RecordingRow).where(RecordingRow.status.in_(UNFINISHED_TAPE)))
    ends: dict[str, datetime] = {}
    for tape in tapes:
        samples = await asyncio.to_thread(_samples, folder / f"{tape.sid}.wav")
        tape.status, tape.duration_s = ("completed" if samples else "absent"), int(samples / RATE_HZ + 0.5)
        tape.updated_at = datetime.now(UTC)
        end = tape.started_at + timedelta(seconds=samples / RATE_HZ)
        ends[tape.call_sid] = max(end, ends.get(tape.call_sid, end))
    waiting = {row.call_sid for row in await store.all(select(DepartureRow))}
    found = await store.all(select(CallRow).where(CallRow.status.in_(UNFINISHED_CALL)))
    calls = [call for call in found if call.sid not in waiting]
    for call in calls:
        _end(call, max(call.updated_at, ends.get(call.sid, call.updated_at)))
    rooms = await store.all(select(ConferenceRow).where(ConferenceRow.status != "completed"))
    for room in rooms:
        room.status, room.reason_ended, room.updated_at = "completed", LEFT, datetime.now(UTC)
    if tapes or calls or rooms:
        await store.save(*tapes, *calls, *rooms)
        log.warning("an earlier run ended early", calls=len(calls), recordings=len(tapes), conferences=len(rooms))


def _samples(path: Path) -> int:
    """Samples a channel of a tape whose head is made good; 0 for one that holds nothing."""
    try:
        return repair(path)
    except (OSError, ValueError) as fault:
        log.warning("a recording is lost", file=path.name, fault=str(fault))
        return 0


def _end(call: CallRow, last_known: datetime) -> None:
    """At the last moment that is known of it: completed if it was answered, else failed."""
    answered = call.status == Status.IN_PROGRESS.value
    call.status = (Status.COMPLETED if answered else Status.FAILED).value
    call.ended_at, call.updated_at = last_known, datetime.now(UTC)
    seconds = (last_known - (call.answered_at or last_known)).total_seconds()
    call.duration_s = max(0, int(seconds + 0.5)) if answered else 0
