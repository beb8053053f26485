"""A recording as data: what the application knows of it, and the row that outlives a crash."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from gateway.ids import AccountSid, CallSid, ConferenceSid, RecordingSid
from gateway.storage.models import RecordingRow
from gateway.twiml.control import RecordingPlan, StatusCallback
from media.events import TapeEnded
from media.streams import RATE_HZ

SYSTEM_ERROR = 16_100
"""ErrorCode of a recording that could not be kept."""

UNFINISHED = ("in-progress", "paused", "processing")
"""Statuses of a recording whose file is not yet what it will be."""

Marks = tuple[tuple[float, str], ...]
"""What happened when: seconds from the recording's beginning, and a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording. `status`: in-progress, paused, processing, completed, absent or failed."""

    sid: RecordingSid
    account_sid: AccountSid
    call_sid: CallSid
    plan: RecordingPlan
    path: Path
    url: str
    """Without extension."""

    started_at: datetime
    channels: int
    status: str = "in-progress"
    samples: int = 0
    """In each channel."""
    error_code: int = 0
    conference_sid: ConferenceSid | None = None
    """The room that is recorded; `call_sid` is then its first member's."""
    marks: Marks = ()

    @property
    def duration_s(self) -> int:
        """RecordingDuration: whole seconds."""
        return int(self.samples / RATE_HZ + 0.5)


def url_of(public_url: str, account_sid: str, sid: str) -> str:
    """RecordingUrl."""
    return f"{public_url.rstrip('/')}/2010-04-01/Accounts/{account_sid}/Recordings/{sid}"


def finished(recording: Recording, ended: TapeEnded) -> Recording:
    """The recording after its tape: completed with its length, absent when it holds nothing, or failed."""
    if ended.cause == "failed":
        return replace(recording, status="failed", samples=ended.samples, error_code=SYSTEM_ERROR)
    return replace(recording, status="completed" if ended.samples else "absent", samples=ended.samples)


def trimmed(recording: Recording, first: int, samples: int) -> Recording:
    """The same after *first* samples were cut off its beginning and *samples* are left. Nothing left: absent."""
    cut_s = first / RATE_HZ
    marks = tuple((max(0.0, round(at - cut_s, 3)), word) for at, word in recording.marks)
    if not samples:
        return replace(recording, status="absent", samples=0, marks=())
    return replace(recording, samples=samples, marks=tuple(m for m in marks if m[0] <= samples / RATE_HZ))


def row_of(recording: Recording) -> RecordingRow:
    callback = recording.plan.callback
    return RecordingRow(
        sid=recording.sid,
        account_sid=recording.account_sid,
        call_sid=recording.call_sid,
        conference_sid=recording.conference_sid or "",
        status=recording.status,
        source=recording.plan.source,
        track=recording.plan.track,
        channels=recording.channels,
        duration_s=recording.duration_s,
        samples=recording.samples,
        error_code=recording.error_code,
        started_at=recording.started_at,
        updated_at=datetime.now(UTC),
        is_trimmed=recording.plan.trim,
        callback_url=callback.url if callback is not None else "",
        callback_method=callback.method if callback is not None else "",
        callback_events=" ".join(sorted(callback.events)) if callback is not None else "",
        marks=[list(mark) for mark in recording.marks],
    )


def recording_of(row: RecordingRow, path: Path, public_url: str) -> Recording:
    """What an earlier run was recording."""
    callback = None
    if row.callback_url:
        events = frozenset((row.callback_events or "").split())
        callback = StatusCallback(url=row.callback_url, method=row.callback_method or "POST", events=events)
    return Recording(
        sid=RecordingSid(row.sid),
        account_sid=AccountSid(row.account_sid),
        call_sid=CallSid(row.call_sid),
        conference_sid=ConferenceSid(row.conference_sid) if row.conference_sid else None,
        plan=RecordingPlan(
            channels=row.channels, track=row.track, trim=bool(row.is_trimmed), callback=callback, source=row.source
        ),
        path=path,
        url=url_of(public_url, row.account_sid, row.sid),
        started_at=row.started_at,
        channels=row.channels,
        status=row.status,
        samples=row.samples or 0,
        error_code=row.error_code,
        marks=tuple((float(str(at)), str(word)) for at, word in row.marks or ()),
    )
