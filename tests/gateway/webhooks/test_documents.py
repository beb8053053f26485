"""How documents are fetched for calls: the call's parameters, the request's own above them, the call's cookies."""

from __future__ import annotations

import pytest
from aiohttp import web

from gateway.errors import WebhookFault
from gateway.twiml.interpreter import DocumentRequest, Finish, Interpreter
from gateway.webhooks import documents
from gateway.webhooks.client import WebhookClient
from gateway.webhooks.documents import Documents
from gateway.webhooks.journal import notification_row
from tests.fakes.fake_call import FakeCall
from tests.fakes.twilio_app import TwilioApp


async def test_a_document_is_asked_with_the_calls_parameters(app: TwilioApp, client: WebhookClient) -> None:
    app.answers("/voice", "<Response><Redirect>next</Redirect></Response>")
    app.answers("/next", "<Response><Say>hi</Say></Response>")
    call = FakeCall()
    finish = await Interpreter(Documents(client)).run(call, DocumentRequest(url=app.url + "/voice"))
    assert finish is Finish.ENDED
    assert [one.params for one in app.asked] == [{"CallSid": "CA1", "CallStatus": "ringing"}] * 2
    assert all(one.is_signed for one in app.asked)


async def test_what_the_verb_says_stands_above_what_the_call_says(app: TwilioApp, client: WebhookClient) -> None:
    app.answers("/voice", "<Response/>")
    request = DocumentRequest(url=app.url + "/voice", params=(("CallStatus", "completed"), ("Digits", "1")))
    await Documents(client)(FakeCall(), request)
    assert app.asked[0].form.getall("CallStatus") == ["completed"]
    assert app.asked[0].params["Digits"] == "1"


async def test_a_call_keeps_its_cookies_until_it_is_forgotten(app: TwilioApp, client: WebhookClient) -> None:
    async def serve(request: web.Request) -> web.StreamResponse:
        response = web.Response(text="<Response/>", content_type="text/xml")
        response.set_cookie("session", "s1")
        return response

    app.serves("/voice", serve)
    asking = Documents(client)
    request = DocumentRequest(url=app.url + "/voice")
    await asking(FakeCall(), request)
    await asking(FakeCall(), request)
    asking.forget("CA1")
    await asking(FakeCall(), request)
    assert ["Cookie" in one.headers for one in app.asked] == [False, True, False]


def test_visits_are_bounded(client: WebhookClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_VISITS", 2)
    asking = Documents(client)
    first = asking.visit("CA1")
    assert asking.visit("CA1") is first
    asking.visit("CA2")
    asking.visit("CA3")
    assert asking.visit("CA1") is not first


async def test_the_whole_flow_of_a_fault(app: TwilioApp, client: WebhookClient) -> None:
    app.answers("/voice", "{}", content_type="application/json")
    app.answers("/fallback", "<Response><Hangup/></Response>")
    call = FakeCall()
    first = DocumentRequest(url=app.url + "/voice", fallback_url=app.url + "/fallback")
    assert await Interpreter(Documents(client)).run(call, first) is Finish.HUNG_UP
    (asked,) = app.of("/fallback")
    assert (asked.params["ErrorCode"], asked.params["ErrorUrl"]) == ("12300", app.url + "/voice")
    assert asked.is_signed


async def test_what_was_asked_last_is_known_until_the_call_is_forgotten(app: TwilioApp, client: WebhookClient) -> None:
    """So that a notification can tell of it: request, answer, also one that is none."""
    app.answers("/voice", "<Response/>" + " " * 30_000)
    app.answers("/broken", "sorry", status=503, content_type="text/plain")
    asking, call = Documents(client), FakeCall()
    await asking(call, DocumentRequest(url=app.url + "/voice", params=(("Digits", "1"),)))
    kept = asking.last("CA1")
    assert kept is not None
    assert kept.reply is not None
    assert (len(kept.reply.body), dict(kept.fetch.params)["Digits"]) == (16_384, "1")
    with pytest.raises(WebhookFault):
        await asking(call, DocumentRequest(url=app.url + "/broken"))
    row = notification_row("AC1", "CA1", 11200, "answered 503", asking.last("CA1"))
    assert (row.request_url, row.request_method, row.log) == (app.url + "/broken", "POST", 0)
    assert "CallSid=CA1" in row.request_variables
    assert "Content-Type=text%2Fplain" in row.response_headers
    assert row.response_body == "sorry"
    other = notification_row("AC1", "CA1", 13420, "no audio", asking.last("CA1"), "http://app.example/a.wav")
    assert (other.request_url, other.request_method, other.response_body) == ("http://app.example/a.wav", "GET", "")
    asking.forget("CA1")
    assert asking.last("CA1") is None
    assert notification_row("AC1", "CA1", 12200, "x", None).request_url == ""
