"""What a call has had by GET is asked for again by its ETag or date (twiml.md section 2)."""

from __future__ import annotations

import pytest
from aiohttp import web

from gateway.errors import WebhookFault
from gateway.webhooks.client import Fetch, WebhookClient
from gateway.webhooks.visit import Visit
from tests.fakes.twilio_app import TwilioApp

DOCUMENT = "<Response/>"
PARAMS = (("CallSid", "CA1"),)


async def test_a_document_that_has_not_changed_is_not_sent_again_in_the_same_call(
    app: TwilioApp, client: WebhookClient
) -> None:
    """GET by ETag or date; POST never, another call never, `no-store` never."""

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        return web.Response(text=DOCUMENT, content_type="text/xml", headers={"ETag": '"1"', "Cache-Control": "private"})

    app.serves("/voice", serve)
    app.answers("/never", DOCUMENT, headers={"ETag": '"2"', "Cache-Control": "no-store"})
    one, other = Visit(), Visit()
    asked = [
        ("/voice", "GET", one, False),
        ("/voice", "GET", one, True),
        ("/voice", "GET", one, True),
        ("/voice?x=1", "GET", one, False),
        ("/voice", "POST", one, False),
        ("/voice", "GET", other, False),
        ("/never", "GET", one, False),
        ("/never", "GET", one, False),
    ]
    for path, method, visit, _ in asked:
        reply = await client.fetch(Fetch(url=app.url + path, method=method, params=PARAMS), visit)
        assert (reply.status, reply.body, reply.content_type) == (200, DOCUMENT.encode(), "text/xml")
        assert reply.url == app.url + path
    assert ["If-None-Match" in one.headers for one in app.asked] == [conditional for *_, conditional in asked]


async def test_a_304_that_nobody_asked_for_is_no_answer(app: TwilioApp, client: WebhookClient) -> None:
    app.answers("/voice", "", status=304)
    with pytest.raises(WebhookFault) as caught:
        await client.fetch(Fetch(url=app.url + "/voice", method="GET", params=PARAMS), Visit())
    assert caught.value.code == 11200
