"""The outgoing client as the parts of a call use it: documents for the interpreter, callbacks for the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from gateway.errors import WebhookFault
from gateway.metrics import Metrics
from gateway.twiml.control import CallControl
from gateway.twiml.interpreter import DocumentRequest
from gateway.twiml.reply import Reply
from gateway.webhooks.client import Fetch, WebhookClient
from gateway.webhooks.visit import Visit


class Documents:
    """What the interpreter fetches by. Owns what each call's requests remember (cookies, logins), as long as its control lives."""

    def __init__(self, client: WebhookClient, metrics: Metrics) -> None:
        self._client = client
        self._metrics = metrics
        self._visits: WeakKeyDictionary[CallControl, Visit] = WeakKeyDictionary()

    async def fetch(self, call: CallControl, request: DocumentRequest) -> Reply:
        """Raises `WebhookFault`."""
        visit = self._visits.setdefault(call, Visit())
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            params = (*call.parameters(), *request.params)
            return await self._client.fetch(Fetch(url=request.url, method=request.method, params=params), visit)
        finally:
            self._metrics.webhook(loop.time() - began)


class Callbacks:
    """What the outbox delivers by."""

    def __init__(self, client: WebhookClient) -> None:
        self._client = client

    async def post(self, url: str, method: str, params: Sequence[tuple[str, str]]) -> int:
        """The status that came back, whatever it says. Raises `WebhookFault` where none did."""
        try:
            reply = await self._client.fetch(Fetch(url=url, method=method, params=params))
        except WebhookFault as fault:
            if fault.status is None:
                raise
            return fault.status
        return reply.status
