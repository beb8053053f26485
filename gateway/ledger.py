"""What becomes of everything that happens to calls: rows, status callbacks, figures and log lines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from sqlalchemy import select

from gateway.calls.call import Call, Happening
from gateway.calls.line import Line
from gateway.calls.queues import Place
from gateway.calls.recording import UNFINISHED, Recording, row_of
from gateway.calls.room import Room
from gateway.ids import AccountSid, CallSid, QueueSid
from gateway.metrics import Metrics
from gateway.storage.models import CallRow, ConferenceRow, OutboxRow, QueueRow, RecordingRow, TranscriptionRow
from gateway.storage.store import DATABASE_ERRORS, Store
from gateway.twilio_codes import is_error
from gateway.twiml.control import StatusCallback
from gateway.webhooks.client import Exchange, Fetch
from gateway.webhooks.journal import notification_row
from gateway.webhooks.outbox import Outbox, Undelivered
from gateway.webhooks.params import progress_params, timestamp
from gateway.webhooks.status import is_wanted
from gateway.webhooks.wills import no_will, will_of

log = structlog.get_logger(__name__)


class Ledger:
    """Knows which calls go on; hands what happens to storage, outbox and metrics."""

    def __init__(
        self,
        store: Store,
        outbox: Outbox,
        metrics: Metrics,
        account_sid: str,
        asked: Callable[[str], Exchange | None] = lambda call_sid: None,
    ) -> None:
        """*asked* gives the last request of a call, which its notifications tell of."""
        self._store = store
        self._asked = asked
        self._account_sid = account_sid
        self._outbox = outbox
        self._metrics = metrics
        self.live: dict[CallSid, Call] = {}
        """Every call that has not ended, from its first moment: ringing ones too."""

    def happened(self, call: Call, what: Happening) -> None:
        log.info("call", call_sid=call.sid, what=what.value, status=call.status.value)
        if call.status.is_final:
            self.live.pop(call.sid, None)
        else:
            self.live[call.sid] = call
        self._store.put(call_row(call))
        self._metrics.call(call, what)
        callback = call.status_callback
        if callback is not None and callback.url and is_wanted(callback, what):
            params = progress_params(call, what, call.sequence, datetime.now(UTC))
            call.sequence += 1
            self._outbox.post(call.sid, callback.url, callback.method, params)
        self.keep_will(call)

    def keep_will(self, call: Call) -> None:
        """What is to be told of a call that goes on, should we not see its end; it goes in one with the last word itself."""
        will = None if call.status.is_final else will_of(call)
        if will is not None:
            self._store.put(will)
        elif call.status_callback is not None:
            self._store.drop(no_will(call.sid))

    def notified(self, call: Call, code: int, message: str, url: str = "") -> None:
        report = log.error if is_error(code) else log.warning
        report("notification", call_sid=call.sid, code=int(code), message=message)
        self._metrics.notification(code)
        self._store.put(notification_row(call.account_sid, call.sid, code, message, self._asked(call.sid), url))

    def callback_failed(self, what: Undelivered) -> None:
        """A callback was not taken: the application finds it among the call's notifications."""
        log.warning("callback failed", call_sid=what.call_sid, code=what.code, message=what.message)
        self._metrics.notification(what.code)
        asked = Exchange(fetch=Fetch(url=what.url, method=what.method, params=what.params), duration_ms=0)
        self._store.put(notification_row(self._account_sid, what.call_sid, what.code, what.message, asked))

    def detected(self, call: Call, callback: StatusCallback | None) -> None:
        """It is known who answered: the row, then the callback of answering-machine detection."""
        self._store.put(call_row(call))
        if callback is not None and callback.url:
            self._outbox.post(call.sid, callback.url, callback.method, detection_params(call))

    def room_changed(self, room: Room) -> None:
        self._store.put(
            ConferenceRow(
                sid=room.sid,
                account_sid=room.account_sid,
                friendly_name=room.name,
                status=room.status,
                reason_ended=room.reason_ended,
                call_sid_ending=room.ended_by,
                created_at=room.created_at,
                updated_at=datetime.now(UTC),
            )
        )

    def line_made(self, line: Line[Place]) -> None:
        self._store.put(
            QueueRow(
                sid=line.sid,
                account_sid=line.account_sid,
                friendly_name=line.name,
                max_size=line.max_size,
                created_at=line.created_at,
                updated_at=datetime.now(UTC),
            )
        )

    async def line_kept(self, account: AccountSid, name: str) -> Line[Place] | None:
        """A database that does not answer knows of no line: the caller waits in one all the same."""
        query = select(QueueRow).where(QueueRow.account_sid == account, QueueRow.friendly_name == name)
        try:
            rows = await self._store.all(query.order_by(QueueRow.created_at).limit(1))
        except DATABASE_ERRORS as fault:
            log.warning("queues can't be read", name=name, fault=str(fault))
            return None
        return next((line_of(row) for row in rows), None)

    def tell(self, queue: str, callback: StatusCallback, params: list[tuple[str, str]]) -> None:
        """A callback of a room: those of one *queue* leave in order."""
        self._outbox.post(queue, callback.url, callback.method, params)

    async def recorded(self, recording: Recording, event: str) -> None:
        """Something has become of a recording: its row and the promise of its callback are written together, then it is told."""
        callback, told = recording.plan.callback, None
        if callback is not None and callback.url and event in _wanted(callback.events):
            params = recording_params(recording)
            told = self._outbox.promise(recording.call_sid, callback.url, callback.method, params)
        await self._written(row_of(recording), told, is_final=recording.status not in UNFINISHED)

    async def transcribed(
        self, row: TranscriptionRow, lane: str, callback: StatusCallback | None, params: list[tuple[str, str]]
    ) -> None:
        """The same for a transcription; *callback* None: nobody is told, or it goes on."""
        told = self._outbox.promise(lane, callback.url, callback.method, params) if callback is not None else None
        await self._written(row, told, is_final=row.status != "in-progress")

    async def _written(self, row: RecordingRow | TranscriptionRow, told: OutboxRow | None, *, is_final: bool) -> None:
        for one in (row, told):
            if one is not None:
                self._store.put(one)
        if is_final:
            try:
                await self._store.flush()
            except DATABASE_ERRORS as fault:  # the rows wait for the database; the callback does not
                log.warning("a row has to wait for the database", sid=row.sid, fault=str(fault))
        if told is not None:
            self._outbox.send(told)


def _wanted(events: frozenset[str]) -> frozenset[str]:
    """A recording that failed is told to whoever wants to hear of the end; participants call the beginning `started`."""
    found = events | {"failed"} if "completed" in events else events
    return found | {"in-progress"} if "started" in events else found


def detection_params(call: Call) -> list[tuple[str, str]]:
    """What the callback of answering-machine detection carries."""
    return [
        ("CallSid", str(call.sid)),
        ("AccountSid", str(call.account_sid)),
        ("AnsweredBy", call.answered_by),
        ("MachineDetectionDuration", str(call.machine_detection_ms or 0)),
    ]


def recording_params(recording: Recording) -> list[tuple[str, str]]:
    """The recording status callback (callbacks.md section 3)."""
    params = [
        ("AccountSid", str(recording.account_sid)),
        ("ConferenceSid", str(recording.conference_sid))
        if recording.conference_sid is not None
        else ("CallSid", str(recording.call_sid)),
        ("RecordingSid", str(recording.sid)),
        ("RecordingUrl", recording.url),
        ("RecordingStatus", recording.status),
        ("RecordingChannels", str(recording.channels)),
        ("RecordingStartTime", timestamp(recording.started_at)),
        ("RecordingSource", recording.plan.source),
        ("RecordingTrack", recording.plan.track),
        ("ErrorCode", str(recording.error_code)),
    ]
    if recording.status == "completed":
        params.append(("RecordingDuration", str(recording.duration_s)))
    return params


def line_of(row: QueueRow) -> Line[Place]:
    return Line(
        sid=QueueSid(row.sid),
        account_sid=AccountSid(row.account_sid),
        name=row.friendly_name,
        created_at=row.created_at,
        max_size=row.max_size,
    )


def call_row(call: Call) -> CallRow:
    return CallRow(
        sid=call.sid,
        account_sid=call.account_sid,
        parent_sid=call.parent.sid if call.parent is not None else "",
        direction=call.direction,
        from_=call.from_[:256],
        to=call.to[:256],
        status=call.status.value,
        created_at=call.created_at,
        started_at=call.started_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        updated_at=datetime.now(UTC),
        duration_s=call.duration_s if call.status.is_final else None,
        answered_by=call.answered_by,
        forwarded_from=call.forwarded_from[:256],
        caller_name=call.caller_name[:256],
        sip_call_id=call.sip_call_id[:512],
        sip_response_code=call.sip_response_code,
        queue_time_ms=call.queue_time_ms,
    )
