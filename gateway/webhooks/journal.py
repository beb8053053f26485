"""What was asked of an application and what it said, as rows for `Calls/CA…/Events` and `Notifications`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from gateway.api.render import date
from gateway.ids import is_sid, new_notification_sid
from gateway.storage.models import EventRow, NotificationRow, next_id
from gateway.twilio_codes import is_error
from gateway.webhooks.client import Exchange
from gateway.webhooks.params import clean

LONGEST_BODY = 16_384
"""Characters of an answer that are kept."""


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")[:LONGEST_BODY]


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
        "response_body": _text(reply.body if reply is not None else fault.body if fault is not None else b"") or None,
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


def notification_row(
    account_sid: str, call_sid: str, code: int, message: str, asked: Exchange | None, url: str = ""
) -> NotificationRow:
    """A notification with the request that it came of: the last document's, unless *url* names another (an audio file)."""
    row = NotificationRow(
        sid=new_notification_sid(),
        account_sid=account_sid,
        call_sid=call_sid,
        code=int(code),
        log=0 if is_error(code) else 1,
        message=message,
        request_url=url,
        request_method="GET" if url else "",
        request_variables="",
        response_headers="",
        response_body="",
        created_at=datetime.now(UTC),
    )
    if asked is None:
        return row
    answer = asked.reply or asked.fault
    if url and url not in (asked.fetch.url, answer.url if answer is not None else ""):
        return row
    row.request_url, row.request_method = asked.fetch.url, asked.fetch.method
    row.request_variables = _form(asked.fetch.params)
    row.response_headers = _form(answer.headers) if answer is not None else ""
    row.response_body = _text(answer.body) if answer is not None else ""
    return row


def _form(pairs: Iterable[tuple[str, str]]) -> str:
    """As Twilio writes them in a notification: `Date=Tue%2C%2017%20Aug…&Server=Apache`."""
    return urlencode(clean(pairs), quote_via=quote, safe="")
