"""The tables (SQLAlchemy): bindings, calls, notifications, webhook events, recordings, and callbacks still to be delivered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, DateTime, Float, Index, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


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
    __table_args__ = (Index("calls_by_start", "account_sid", "created_at"),)
    sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    account_sid: Mapped[str] = mapped_column(String(34))
    parent_sid: Mapped[str] = mapped_column(String(34), default="", index=True)
    direction: Mapped[str] = mapped_column(String(16))
    from_: Mapped[str] = mapped_column("from", String(256))
    to: Mapped[str] = mapped_column(String(256))
    status: Mapped[str] = mapped_column(String(16), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
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
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class EventRow(Row):
    """One webhook of a call: what was asked, what came back."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    call_sid: Mapped[str] = mapped_column(String(34), index=True)
    request: Mapped[dict[str, object]] = mapped_column(JSON)
    response: Mapped[dict[str, object]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RecordingRow(Row):
    """A recording; its file is `<sid>.wav` in the folder of recordings."""

    __tablename__ = "recordings"
    sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    account_sid: Mapped[str] = mapped_column(String(34))
    call_sid: Mapped[str] = mapped_column(String(34), index=True)
    conference_sid: Mapped[str] = mapped_column(String(34), default="", index=True)
    status: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(32))
    track: Mapped[str] = mapped_column(String(16))
    channels: Mapped[int] = mapped_column(Integer)
    duration_s: Mapped[int] = mapped_column(Integer)
    error_code: Mapped[int] = mapped_column(Integer, default=0)
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class OutboxRow(Row):
    """A callback that was promised and not yet delivered."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    queue: Mapped[str] = mapped_column(String(64), index=True)
    """Callbacks of one queue (a call) leave in order."""

    url: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(String(8))
    params: Mapped[list[list[str]]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
