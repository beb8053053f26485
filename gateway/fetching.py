"""Documents by URL: a TwiML Bin of the configuration, or an application's webhook."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from gateway.bins import Bins
from gateway.metrics import Metrics
from gateway.twiml.control import CallControl
from gateway.twiml.interpreter import DocumentRequest
from gateway.twiml.reply import Reply
from gateway.webhooks.client import Cookies, WebhookClient


class Documents:
    """What the interpreter fetches by. Owns the cookies of each call's control, as long as that lives."""

    def __init__(self, client: WebhookClient, bins: Bins, metrics: Metrics) -> None:
        self._client = client
        self._bins = bins
        self._metrics = metrics
        self._cookies: WeakKeyDictionary[CallControl, Cookies] = WeakKeyDictionary()

    async def fetch(self, call: CallControl, request: DocumentRequest) -> Reply:
        """Raises `WebhookFault`."""
        params = [*call.parameters(), *request.params]
        if request.url.startswith("bin:"):
            return self._bins.fetch(request.url, params)
        cookies = self._cookies.setdefault(call, self._client.new_cookies())
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await self._client.fetch(request.url, request.method, params, cookies)
        finally:
            self._metrics.webhook(loop.time() - began)
