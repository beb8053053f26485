"""Rows for tests, with everything filled in that a test does not care for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.storage.models import CallRow, ConferenceRow, RecordingRow, TranscriptionRow

ACCOUNT = "AC" + "0" * 32
NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def call_row(number: int = 1, **changes: Any) -> CallRow:  # noqa: ANN401 - columns
    """Call *number*, created that many seconds after noon."""
    values: dict[str, Any] = {
        "sid": f"CA{number:032x}",
        "account_sid": ACCOUNT,
        "direction": "inbound",
        "from_": "+15550001",
        "to": "+15550002",
        "status": "completed",
        "created_at": NOON + timedelta(seconds=number),
        "started_at": NOON + timedelta(seconds=number),
        "updated_at": NOON + timedelta(seconds=number),
    }
    return CallRow(**values | changes)


def recording_row(number: int = 1, **changes: Any) -> RecordingRow:  # noqa: ANN401 - columns
    values: dict[str, Any] = {
        "sid": f"RE{number:032x}",
        "account_sid": ACCOUNT,
        "call_sid": f"CA{number:032x}",
        "status": "completed",
        "source": "DialVerb",
        "track": "both",
        "channels": 2,
        "duration_s": 7,
        "started_at": NOON + timedelta(seconds=number),
        "updated_at": NOON + timedelta(seconds=number),
    }
    return RecordingRow(**values | changes)


def transcription_row(number: int = 1, **changes: Any) -> TranscriptionRow:  # noqa: ANN401 - columns
    values: dict[str, Any] = {
        "sid": f"TR{number:032x}",
        "account_sid": ACCOUNT,
        "recording_sid": f"RE{number:032x}",
        "status": "completed",
        "text": "call me back",
        "duration_s": 7,
        "created_at": NOON + timedelta(seconds=number),
        "updated_at": NOON + timedelta(seconds=number),
    }
    return TranscriptionRow(**values | changes)


def conference_row(number: int = 1, **changes: Any) -> ConferenceRow:  # noqa: ANN401 - columns
    values: dict[str, Any] = {
        "sid": f"CF{number:032x}",
        "account_sid": ACCOUNT,
        "friendly_name": f"room {number}",
        "status": "completed",
        "reason_ended": "conference-ended-via-api" if "status" not in changes else "",
        "created_at": NOON + timedelta(seconds=number),
        "updated_at": NOON + timedelta(seconds=number),
    }
    return ConferenceRow(**values | changes)
