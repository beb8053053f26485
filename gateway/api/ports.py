"""What the REST API asks of the live part of the gateway, and the data that crosses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.ids import AccountSid, CallSid, ConferenceSid, QueueSid, RecordingSid
from gateway.twiml.control import MachineDetection, RecordingPlan, StatusCallback
from gateway.twiml.interpreter import DocumentRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """A call to be placed: all of `POST Calls.json`, checked."""

    sid: CallSid
    account_sid: AccountSid
    to: str
    """E.164, `sip:…` (with `?X-Header=value`) or `client:…`."""

    from_: str
    first: DocumentRequest
    created_at: datetime
    application_sid: str = ""
    caller_id: str = ""
    call_reason: str = ""
    status_callback: StatusCallback | None = None
    send_digits: str = ""
    timeout_s: int = 60
    time_limit_s: int = 14_400
    recording: RecordingPlan | None = None
    sip_username: str = ""
    sip_password: str = ""
    detection: MachineDetection | None = None
    detects_async: bool = False
    """The document does not wait for the verdict (`AsyncAmd`)."""

    extras: tuple[tuple[str, str], ...] = ()
    """Parameters on top of the call's own in all that its application is asked and told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingChange:
    """What is to become of a recording in progress: `paused`, `in-progress` or `stopped`."""

    status: str
    silence: bool = True
    """Goes on with silence while paused; else the time is skipped."""


class LiveCalls(Protocol):
    """Calls with a telephone. Every method returns at once; what comes of it shows in the rows."""

    def place(self, request: CallRequest, queue_time_ms: int) -> None:
        """Dial now. Whatever fails ends the call with its status."""
        ...

    def redirect(self, sid: CallSid, document: DocumentRequest) -> bool:
        """A new document for a call in progress, or for one that still rings. False: no such call."""
        ...

    def hang_up(self, sid: CallSid, *, canceled: bool) -> bool:
        """End it; *canceled* only while it is not answered. False: no such call."""
        ...

    def change(self, sid: CallSid, *, status_callback: StatusCallback | None, time_limit_s: int | None) -> bool:
        """New terms for a live call; None leaves them. False: no such call."""
        ...

    def annotate(self, sid: CallSid, extras: Sequence[tuple[str, str]]) -> None:
        """Put these among a live call's extras, in the place of those of the same name."""
        ...

    def record(self, sid: CallSid, plan: RecordingPlan) -> RecordingSid | None:
        """Start a recording of a call in progress. None: no such call."""
        ...

    def change_recording(self, call_sid: CallSid, sid: str, change: RecordingChange) -> RecordingSid | None:
        """*sid* may be `Twilio.CURRENT`. None: nothing like that is being recorded."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantView:
    """Who is in a conference, as the API shows it."""

    call_sid: CallSid
    label: str = ""
    muted: bool = False
    hold: bool = False
    coaching: bool = False
    call_sid_to_coach: str = ""
    start_conference_on_enter: bool = True
    end_conference_on_exit: bool = False
    early_media: bool = True
    """Whether the conference hears what its telephone says before it answers."""

    status: str = "connected"
    queue_time_ms: int = 0
    joined_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantChange:
    """What is to change; None leaves it."""

    muted: bool | None = None
    hold: bool | None = None
    hold_url: str = ""
    hold_method: str = "GET"
    announce_url: str = ""
    announce_method: str = "POST"
    wait_url: str | None = None
    """`""`: silence."""

    wait_method: str = "POST"
    beep_on_exit: bool | None = None
    end_conference_on_exit: bool | None = None
    coaching: bool | None = None
    call_sid_to_coach: str = ""


class LiveRooms(Protocol):
    """Conferences that go on."""

    def participants(self, sid: ConferenceSid) -> Sequence[ParticipantView]:
        """Who is in it, and who is dialled for it."""
        ...

    async def invite(
        self,
        account: AccountSid,
        name: str,
        sid: ConferenceSid,
        view: ParticipantView,
        callback: StatusCallback | None,
    ) -> ConferenceSid | None:
        """Somebody will be dialled for the conference of that name, which begins as *sid* where none goes on. None: no room."""
        ...

    def missed(self, call_sid: CallSid) -> None:
        """The call of one who was to be dialled was taken back."""
        ...

    def change(self, sid: ConferenceSid, call_sid: CallSid, change: ParticipantChange) -> bool: ...

    def kick(self, sid: ConferenceSid, call_sid: CallSid) -> bool: ...

    def change_recording(self, sid: ConferenceSid, recording_sid: str, change: RecordingChange) -> RecordingSid | None:
        """As of a call."""
        ...

    def announce(self, sid: ConferenceSid, url: str, method: str) -> bool: ...

    def end(self, sid: ConferenceSid) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """Who waits in a queue; the first is at the front."""

    call_sid: CallSid
    enqueued_at: datetime
    wait_s: int


class LiveQueues(Protocol):
    """Queues and who waits in them."""

    def members(self, sid: QueueSid) -> Sequence[MemberView]: ...

    def redirect(self, sid: QueueSid, call_sid: CallSid, document: DocumentRequest) -> bool:
        """Take a call out for another document. False: it does not wait there."""
        ...

    def changed(self, sid: QueueSid, name: str, max_size: int) -> None:
        """Another name, or room for another number."""
        ...

    def deleted(self, sid: QueueSid) -> None:
        """It is gone; nobody waited in it."""
        ...
