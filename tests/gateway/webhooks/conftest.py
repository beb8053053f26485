"""An application and a client that may ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.bins import Bins
from gateway.webhooks.client import Exchange, WebhookClient
from gateway.webhooks.guard import Guard
from tests.fakes.twilio_app import TwilioApp

TOKEN = "token"
LOOPBACK = ("127.0.0.0/8",)


@pytest.fixture
async def app() -> AsyncIterator[TwilioApp]:
    async with TwilioApp(TOKEN) as app:
        yield app


@pytest.fixture
def exchanges() -> list[Exchange]:
    return []


@pytest.fixture
async def client(exchanges: list[Exchange]) -> AsyncIterator[WebhookClient]:
    bins = Bins({"hello": "<Response><Say>{{To}}</Say></Response>"})
    async with WebhookClient(
        auth_token=TOKEN, guard=Guard(LOOPBACK), bins=bins, on_exchange=exchanges.append
    ) as client:
        yield client
