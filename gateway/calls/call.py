"""The Call resource: its status machine as a table, its times and its place in the family of calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from gateway.ids import AccountSid, CallSid
from gateway.twiml.control import StatusCallback


class Status(StrEnum):
    """CallStatus as the REST API words it."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        return self not in (Status.QUEUED, Status.RINGING, Status.IN_PROGRESS)


class Happening(StrEnum):
    """What moves a call on. The first four are also the names of StatusCallbackEvent."""

    INITIATED = "initiated"
    RINGING = "ringing"
    ANSWERED = "answered"
    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"


_ENDS = {
    Happening.COMPLETED: Status.COMPLETED,
    Happening.BUSY: Status.BUSY,
    Happening.FAILED: Status.FAILED,
    Happening.NO_ANSWER: Status.NO_ANSWER,
    Happening.CANCELED: Status.CANCELED,
}
_UNANSWERED = (Status.QUEUED, Status.RINGING)

TABLE: dict[tuple[Status, Happening], Status] = {
    (Status.QUEUED, Happening.INITIATED): Status.QUEUED,
    (Status.QUEUED, Happening.RINGING): Status.RINGING,
    (Status.QUEUED, Happening.ANSWERED): Status.IN_PROGRESS,
    (Status.RINGING, Happening.ANSWERED): Status.IN_PROGRESS,
    # an unanswered call that is simply over was not answered
    **{(status, what): end for status in _UNANSWERED for what, end in _ENDS.items()},
    **{(status, Happening.COMPLETED): Status.NO_ANSWER for status in _UNANSWERED},
    # an answered call can only be completed, whatever ends it
    **{(Status.IN_PROGRESS, what): Status.COMPLETED for what in _ENDS},
}
"""A missing pair is absorbed: a second end, a 180 after the answer."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(eq=False, slots=True, kw_only=True)
class Call:
    """One leg as the application knows it. Owns status, times and counters; not the telephone and not the documents."""

    sid: CallSid
    account_sid: AccountSid
    direction: str
    """inbound, outbound-api or outbound-dial."""

    from_: str
    to: str
    parent: Call | None = None
    status: Status = Status.QUEUED
    status_callback: StatusCallback | None = None
    application_sid: str = ""
    sip_call_id: str = ""
    sip_response_code: int | None = None
    forwarded_from: str = ""
    caller_name: str = ""
    tells_caller_name: bool = True
    """Webhooks say it, as of a number with VoiceCallerIdLookup; a SIP domain's never do (twiml.md section 3)."""

    hops: int = 70
    """How often it may still be passed on (Max-Forwards): a number that dials itself does not do so for ever (RFC 7332)."""

    reason: str = ""
    """Why it is made (`callReason`): shown by the called telephone."""

    referred_by: str = ""
    """Who transferred somebody here: shown by the called telephone (RFC 3892)."""

    answered_by: str = ""
    machine_detection_ms: int | None = None
    extras: tuple[tuple[str, str], ...] = ()
    """Parameters that every webhook of this call carries besides the standard ones: the SIP extras, StirVerstat …"""

    created_at: datetime = field(default_factory=utc_now)
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    queue_time_ms: int = 0
    sequence: int = 0
    """SequenceNumber of the next status callback."""

    recording: tuple[tuple[str, str], ...] = ()
    """RecordingUrl, RecordingSid, RecordingDuration for the final callback, where the call is recorded."""

    watcher: Callable[[Call, Happening], None] | None = None

    def happened(self, what: Happening, at: datetime | None = None) -> bool:
        """Move on by the table; tell the watcher. *at*: when it was, if not now. False: absorbed."""
        after = TABLE.get((self.status, what))
        if after is None:
            return False
        now = at or utc_now()
        self.status = after
        if what in (Happening.INITIATED, Happening.RINGING) and self.started_at is None:
            self.started_at = now
        if after is Status.IN_PROGRESS:
            self.started_at = self.started_at or now
            self.answered_at = now
        if after.is_final:
            self.ended_at = now
        if self.watcher is not None:
            self.watcher(self, what)
        return True

    def status_after(self, what: Happening) -> Status:
        """What it will be by then: a call whose end is told later, after its recording, is over all the same."""
        return TABLE.get((self.status, what), self.status)

    def answered_with(self, headers: Sequence[tuple[str, str]]) -> None:
        """X- headers of the response that answered: each webhook of this call has them from now on."""
        self.extras = (*self.extras, *((f"SipHeader_{name}", value) for name, value in headers))

    @property
    def duration_s(self) -> int:
        """Whole seconds from the answer to the end (or now); 0 for a call that was never answered."""
        if self.answered_at is None:
            return 0
        return int(((self.ended_at or utc_now()) - self.answered_at).total_seconds() + 0.5)
