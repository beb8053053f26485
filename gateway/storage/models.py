"""The tables (SQLAlchemy): bindings, calls and what belongs to them, rooms and lines, and callbacks still to be delivered."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime

from sqlalchemy import JSON, BigInteger, Boolean, DateTime, Dialect, Float, Index, Integer, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_ids = itertools.count(time.time_ns() // 1000)


def next_id() -> int:
    """A key that rises, over restarts too: microseconds since 1970, then one more each."""
    return next(_ids)


class UtcDateTime(TypeDecorator[datetime]):
    """Moments in UTC, aware on every database: SQLite itself keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Row(DeclarativeBase):
    """Base of every table."""


class BindingRow(Row):
    """A registered telephone. `expires_at` in wall-clock seconds (Unix time), so that it survives a restart."""

    __tablename__ = "bindings"
    user: Mapped[str] = mapped_column(String(128), primary_key=True)
    key: Mapped[str] = mapped_column(String(512), primary_key=True)
    contact: Mapped[str] = mapped_column(String(512))
    call_id: Mapped[str] = mapped_column(String(512))
    cseq: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[float] = mapped_column(Float)
    flow: Mapped[dict[str, object]] = mapped_column(JSON)
    instance: Mapped[str] = mapped_column(String(256), default="")
    q: Mapped[float] = mapped_column(Float, default=1.0)
    user_agent: Mapped[str] = mapped_column(String(256), default="")


class CallRow(Row):
    """A call as the REST API shows it."""

    __tablename__ = "calls"
    __table_args__ = (
        Index("calls_by_start", "account_sid", "created_at"),
        Index("calls_by_to", "account_sid", "to", "created_at"),
        Index("calls_by_from", "account_sid", "from", "created_at"),
    )
    sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    account_sid: Mapped[str] = mapped_column(String(34))
    parent_sid: Mapped[str] = mapped_column(String(34), default="", index=True)
    direction: Mapped[str] = mapped_column(String(16))
    from_: Mapped[str] = mapped_column("from", String(256))
    to: Mapped[str] = mapped_column(String(256))
    status: Mapped[str] = mapped_column(String(16), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    duration_s: Mapped[int | None] = mapped_column(Integer)
    answered_by: Mapped[str] = mapped_column(String(32), default="")
    forwarded_from: Mapped[str] = mapped_column(String(256), default="")
    caller_name: Mapped[str] = mapped_column(String(256), default="")
    sip_call_id: Mapped[str] = mapped_column(String(512), default="")
    sip_response_code: Mapped[int | None] = mapped_column(Integer)
    queue_time_ms: Mapped[int] = mapped_column(Integer, default=0)


class NotificationRow(Row):
    """A warning (log 1) or an error (log 0) of a call, with Twilio's code."""

    __tablename__ = "notifications"
    sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    account_sid: Mapped[str] = mapped_column(String(34))
    call_sid: Mapped[str] = mapped_column(String(34), index=True)
    code: Mapped[int] = mapped_column(Integer)
    log: Mapped[int] = mapped_column(Integer)
    message: Mapped[str] = mapped_column(Text)
    request_url: Mapped[str] = mapped_column(Text, default="")
    request_method: Mapped[str] = mapped_column(String(8), default="")
    request_variables: Mapped[str] = mapped_column(Text, default="")
    response_headers: Mapped[str] = mapped_column(Text, default="")
    response_body: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TranscriptionRow(Row):
    """What was said in a recording, written down; `status` in-progress, completed or failed."""

    __tablename__ = "transcriptions"
    __table_args__ = (Index("transcriptions_by_start", "account_sid", "created_at"),)
    sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    account_sid: Mapped[str] = mapped_column(String(34))
    recording_sid: Mapped[str] = mapped_column(String(34), index=True)
    status: Mapped[str] = mapped_column(String(16), index=True)
    text: Mapped[str] = mapped_column(Text, default="")
    duration_s: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class EventRow(Row):
    """One webhook of a call: what was asked (method, url, parameters), what came back (response_code, request_duration …)."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    call_sid: Mapped[str] = mapped_column(String(34), index=True)
    request: Mapped[dict[str, object]] = mapped_column(JSON)
    response: Mapped[dict[str, object]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecordingRow(Row):
    """A recording, and what it was asked for; its file is `<year>/<month>/<day>/<sid>.wav` by the day it began (UTC)."""

    __tablename__ = "recordings"
    __table_args__ = (Index("recordings_by_start", "account_sid", "started_at"),)
    sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    account_sid: Mapped[str] = mapped_column(String(34))
    call_sid: Mapped[str] = mapped_column(String(34), index=True)
    conference_sid: Mapped[str] = mapped_column(String(34), default="", index=True)
    status: Mapped[str] = mapped_column(String(16), index=True)
    source: Mapped[str] = mapped_column(String(32))
    track: Mapped[str] = mapped_column(String(16))
    channels: Mapped[int] = mapped_column(Integer)
    duration_s: Mapped[int] = mapped_column(Integer)
    error_code: Mapped[int] = mapped_column(Integer, default=0)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When its sound was deleted; what is known of it stays for a while (`IncludeSoftDeleted`)."""

    is_trimmed: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether silence is to be cut off its ends."""

    callback_url: Mapped[str] = mapped_column(Text, default="")
    callback_method: Mapped[str] = mapped_column(String(8), default="")
    callback_events: Mapped[str] = mapped_column(String(128), default="")
    """Words with a space between."""

    kept: Mapped[str] = mapped_column(String(8), default="")
    """Where its sound is: `""` in the folder, `objects` in the object store, `removed` no more."""

    samples: Mapped[int] = mapped_column(BigInteger, default=0)
    marks: Mapped[list[list[object]]] = mapped_column(JSON, default=[])
    """What happened when: [seconds, word]."""


class ConferenceRow(Row):
    """A conference. `status`: init, in-progress or completed."""

    __tablename__ = "conferences"
    __table_args__ = (Index("conferences_by_name", "account_sid", "friendly_name"),)
    sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    account_sid: Mapped[str] = mapped_column(String(34))
    friendly_name: Mapped[str] = mapped_column(String(256))
    status: Mapped[str] = mapped_column(String(16), index=True)
    reason_ended: Mapped[str] = mapped_column(String(64), default="")
    call_sid_ending: Mapped[str] = mapped_column(String(34), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class QueueRow(Row):
    """A queue of waiting calls; who waits in it is known to the live part only."""

    __tablename__ = "queues"
    sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    account_sid: Mapped[str] = mapped_column(String(34))
    friendly_name: Mapped[str] = mapped_column(String(64), index=True)
    max_size: Mapped[int] = mapped_column(Integer, default=1000)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DepartureRow(Row):
    """A call that the REST API created and that has not left yet; gone before it is dialled, so that none leaves twice."""

    __tablename__ = "departures"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    call_sid: Mapped[str] = mapped_column(String(34), index=True)
    request: Mapped[dict[str, object]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OutboxRow(Row):
    """A callback that was promised and not yet delivered; with an `id` below nought the will of a call that goes on."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    queue: Mapped[str] = mapped_column(String(64), index=True)
    """Callbacks of one queue (a call) leave in order."""

    url: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(String(8))
    params: Mapped[list[list[str]]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
