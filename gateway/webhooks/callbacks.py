"""The outgoing client as the outbox uses it."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import WebhookFault
from gateway.webhooks.client import Fetch, WebhookClient


class Callbacks:
    """What the outbox delivers by."""

    def __init__(self, client: WebhookClient) -> None:
        self._client = client

    async def post(self, url: str, method: str, params: Sequence[tuple[str, str]], token: str = "") -> int:
        """The status that came back, whatever it says. Raises `WebhookFault` where none did."""
        try:
            reply = await self._client.fetch(Fetch(url=url, method=method, params=params, token=token))
        except WebhookFault as fault:
            if fault.status is None:
                raise
            return fault.status
        return reply.status
