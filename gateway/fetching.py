"""Documents by URL: a TwiML Bin of the configuration, or an application's webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.bins import Bins
from gateway.metrics import Metrics
from gateway.webhooks.client import Cookies, Reply, WebhookClient


class Documents:
    """What the interpreter fetches by. Owns nothing."""

    def __init__(self, client: WebhookClient, bins: Bins, metrics: Metrics) -> None:
        self._client = client
        self._bins = bins
        self._metrics = metrics

    async def fetch(self, url: str, method: str, params: Sequence[tuple[str, str]], cookies: Cookies) -> Reply:
        """Raises `WebhookFault`."""
        if url.startswith("bin:"):
            return self._bins.fetch(url, params)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await self._client.fetch(url, method, params, cookies)
        finally:
            self._metrics.webhook(loop.time() - began)
