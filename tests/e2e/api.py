"""The genuine library as the API's client, beside the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from twilio.rest import Client

from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, Gateway


class Api:
    """`await api(lambda client: client.calls.list())`."""

    def __init__(self, gateway: Gateway) -> None:
        self._client = Client(ACCOUNT_SID, AUTH_TOKEN)
        self._client.api.base_url = gateway.public_url

    async def __call__(self, work: Callable[[Client], Any]) -> Any:  # noqa: ANN401 - whatever the library gives
        return await asyncio.to_thread(work, self._client)
