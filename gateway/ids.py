"""Twilio's identifiers: two letters and 32 hexadecimal digits."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import NewType

AccountSid = NewType("AccountSid", str)
CallSid = NewType("CallSid", str)
RecordingSid = NewType("RecordingSid", str)
ConferenceSid = NewType("ConferenceSid", str)
QueueSid = NewType("QueueSid", str)
NotificationSid = NewType("NotificationSid", str)
TranscriptionSid = NewType("TranscriptionSid", str)

_SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")


def new_sid(prefix: str) -> str:
    return prefix + secrets.token_hex(16)


def made_sid(prefix: str, *parts: str) -> str:
    """A stable identifier for something of the configuration that has none of its own."""
    return prefix + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def new_call_sid() -> CallSid:
    return CallSid(new_sid("CA"))


def new_recording_sid() -> RecordingSid:
    return RecordingSid(new_sid("RE"))


def new_conference_sid() -> ConferenceSid:
    return ConferenceSid(new_sid("CF"))


def new_queue_sid() -> QueueSid:
    return QueueSid(new_sid("QU"))


def new_notification_sid() -> NotificationSid:
    return NotificationSid(new_sid("NO"))


def new_transcription_sid() -> TranscriptionSid:
    return TranscriptionSid(new_sid("TR"))


def is_sid(text: str, prefix: str) -> bool:
    """Whether *text* is a whole identifier of this kind; nothing else reaches a path or a query."""
    return text.startswith(prefix) and _SID.fullmatch(text) is not None
