"""What was asked of an application and what it said, as rows for `Calls/CA…/Events`."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.api.render import date
from gateway.ids import is_sid
from gateway.storage.models import EventRow, next_id
from gateway.webhooks.client import Exchange

LONGEST_BODY = 16_384
"""Characters of an answer that are kept."""


def event_of(exchange: Exchange) -> EventRow | None:
    """The row of an exchange; None where it belongs to no call."""
    params = dict(exchange.fetch.params)
    call_sid = params.get("CallSid", "")
    if not is_sid(call_sid, "CA"):
        return None
    now = datetime.now(UTC)
    reply, fault = exchange.reply, exchange.fault
    response: dict[str, object] = {
        "response_code": reply.status if reply is not None else fault.status if fault is not None else None,
        "request_duration": exchange.duration_ms,
        "content_type": reply.content_type if reply is not None else None,
        "response_body": reply.body.decode("utf-8", "replace")[:LONGEST_BODY] if reply is not None else None,
        "date_created": date(now),
    }
    if fault is not None:
        response["error_code"], response["error_message"] = fault.code, fault.message
    return EventRow(
        id=next_id(),
        call_sid=call_sid,
        request={"method": exchange.fetch.method, "url": exchange.fetch.url, "parameters": params},
        response=response,
        created_at=now,
    )
