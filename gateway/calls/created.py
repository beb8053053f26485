"""The call that a request of the REST API becomes."""

from __future__ import annotations

from collections.abc import Callable

from gateway.api.ports import CallRequest
from gateway.calls.call import Call, Happening


def call_of(
    request: CallRequest, queue_time_ms: int = 0, watcher: Callable[[Call, Happening], None] | None = None
) -> Call:
    return Call(
        sid=request.sid,
        account_sid=request.account_sid,
        direction="outbound-api",
        from_=request.caller_id or request.from_,
        to=request.to,
        reason=request.call_reason,
        status_callback=request.status_callback,
        application_sid=request.application_sid,
        created_at=request.created_at,
        queue_time_ms=queue_time_ms,
        extras=request.extras,
        watcher=watcher,
    )
