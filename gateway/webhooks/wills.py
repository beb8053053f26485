"""The last word about a call, should this process not live to say it: stored while the call goes on, told by the next start."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.calls.call import Call, Happening
from gateway.storage.models import CallRow, OutboxRow, next_id
from gateway.webhooks.params import duration_params, progress_params, timestamp
from gateway.webhooks.status import is_wanted


def will_key(call_sid: str) -> int:
    """Below nought, where no promised callback is: one will for each call."""
    return -1 - int(call_sid[-15:], 16)


def will_of(call: Call) -> OutboxRow | None:
    """The final status callback, but for how it ends. None: nobody wants one."""
    callback = call.status_callback
    if callback is None or not callback.url or not is_wanted(callback, Happening.COMPLETED):
        return None
    now = datetime.now(UTC)
    params = progress_params(call, Happening.RINGING, call.sequence, now)
    return OutboxRow(
        id=will_key(call.sid),
        queue=call.sid,
        url=callback.url,
        method=callback.method,
        params=[list(item) for item in params],
        created_at=now,
    )


def no_will(call_sid: str) -> OutboxRow:
    """What to drop when the last word has been said."""
    return OutboxRow(id=will_key(call_sid), queue=call_sid)


def executed(will: OutboxRow, call: CallRow) -> OutboxRow:
    """The callback that is told, now that it is known how the call has ended."""
    now = datetime.now(UTC)
    told = {"CallStatus": call.status, "Timestamp": timestamp(call.ended_at or now)}
    params = [[name, told.get(name, value)] for name, value in will.params]
    params += [list(item) for item in duration_params(call.duration_s or 0)]
    return OutboxRow(id=next_id(), queue=will.queue, url=will.url, method=will.method, params=params, created_at=now)
