"""Requests to applications and their answers, kept for a call's Events."""

from __future__ import annotations

from gateway.errors import WebhookFault
from gateway.twiml.reply import Reply
from gateway.webhooks.client import Exchange, Fetch
from gateway.webhooks.journal import LONGEST_BODY, event_of

CALL = "CA" + "1" * 32
FETCH = Fetch(url="http://a/voice", method="GET", params=(("CallSid", CALL), ("From", "+1")))


def reply(body: bytes) -> Reply:
    return Reply(status=200, content_type="text/xml", body=body, url="http://a/voice")


def test_what_was_asked_and_said_is_kept() -> None:
    row = event_of(Exchange(fetch=FETCH, duration_ms=12, reply=reply(b"<Response/>")))
    assert row is not None
    assert row.call_sid == CALL
    assert row.request == {"method": "GET", "url": "http://a/voice", "parameters": {"CallSid": CALL, "From": "+1"}}
    date = row.response.pop("date_created")
    assert str(date).endswith("+0000")
    assert row.response == {
        "response_code": 200, "request_duration": 12, "content_type": "text/xml", "response_body": "<Response/>",
    }  # fmt: skip


def test_a_failure_is_kept_with_its_code() -> None:
    row = event_of(Exchange(fetch=FETCH, duration_ms=9, fault=WebhookFault(11200, "answered 500", status=500)))
    assert row is not None
    assert (row.response["response_code"], row.response["error_code"], row.response["error_message"]) == (
        500,
        11200,
        "answered 500",
    )
    assert row.response["response_body"] is None


def test_a_long_answer_is_cut_and_octets_that_are_no_text_do_no_harm() -> None:
    row = event_of(Exchange(fetch=FETCH, duration_ms=9, reply=reply(b"\xff" + b"a" * 100_000)))
    assert row is not None
    assert len(str(row.response["response_body"])) == LONGEST_BODY


def test_what_belongs_to_no_call_is_not_kept() -> None:
    assert event_of(Exchange(fetch=Fetch(url="http://a/"), duration_ms=1, reply=reply(b""))) is None
    forged = Fetch(url="http://a/", params=(("CallSid", "../CA"),))
    assert event_of(Exchange(fetch=forged, duration_ms=1, reply=reply(b""))) is None
