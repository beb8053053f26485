"""The console on a real socket, over a house whose calls a test puts there by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from gateway.api.auth import Gatekeeper
from gateway.calls.call import Call
from gateway.calls.room import Room
from gateway.config import Config, parse
from gateway.console.app import PREFIX, Parts, console_application
from gateway.console.gate import VISITOR
from gateway.console.live import Booked, Bound, House, Line
from gateway.directory.directory import Directory
from gateway.http import HttpServer
from gateway.ids import CallSid
from gateway.storage.models import CallRow
from gateway.storage.resources import NumberRow
from gateway.storage.store import Store
from gateway.trace import Trace
from media.client import EngineClient
from media.commands import Command
from media.events import Levels
from media.streams import Slot
from tests.gateway.rows import ACCOUNT

TOKEN = "the-token"
KEY, SECRET = "SK" + "1" * 32, "key-secret"
DOCUMENT: dict[str, Any] = {
    "account": {"sid": ACCOUNT, "auth_token": TOKEN},
    "api_key": [{"sid": KEY, "secret": SECRET}],
    "sip": {"voice_url": "bin:hello"},
    "phone": [{"username": "alice", "password": "wonderland"}, {"username": "bob", "password": "builder"}],
    "number": [{"number": "+15550100", "voice_url": "http://127.0.0.1:9000/<b>number"}],
    "trunk": [{"name": "carrier", "host": "127.0.0.1:6090", "allow": ["127.0.0.1/32"], "keep_alive_s": 30}],
    "route": [{"prefix": "+", "trunk": "carrier"}],
    "bin": [{"name": "hello", "twiml": "<Response/>"}],
}
HTML = {"Accept": "text/html"}


@dataclass
class Engine:
    """Keeps what it is told."""

    told: list[Command] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.on_levels = lambda levels: None

    def send(self, command: Command) -> None:
        self.told.append(command)

    def measure(self, *levels: tuple[Slot, int, int]) -> None:
        cast("Any", self.on_levels)(Levels(levels=levels))


@dataclass
class Site:
    """A console, the house behind it, and how to ask it."""

    config: Config
    store: Store
    url: str
    trace: Trace = field(default_factory=Trace)
    engine: Engine = field(default_factory=Engine)
    calls: dict[CallSid, Call] = field(default_factory=dict)
    slots: dict[CallSid, Slot] = field(default_factory=dict)
    booked: list[Booked] = field(default_factory=list)
    rooms: list[Room] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    telephones: dict[str, list[Bound]] = field(default_factory=dict)
    up: dict[str, bool] = field(default_factory=dict)
    ended: list[tuple[str, str]] = field(default_factory=list)
    now: float = 1000.0
    http: HttpServer | None = None

    async def get(self, path: str = "", *, user: str = ACCOUNT, password: str = TOKEN) -> tuple[int, str]:
        """A page as a browser gets it, by HTTP Basic."""
        headers = {**HTML, "Authorization": aiohttp.encode_basic_auth(user, password)}
        async with aiohttp.ClientSession() as session, session.get(self.url + path, headers=headers) as response:
            return response.status, await response.text()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    config = parse(dict(DOCUMENT), {})
    async with AsyncExitStack() as opened:
        store = await opened.enter_async_context(Store(f"sqlite:///{tmp_path}/gateway.db"))
        one = Site(config, store, "")

        async def end(row: CallRow, status: str) -> None:
            one.ended.append((row.sid, status))

        async def sound(request: web.Request) -> web.Response:
            return web.Response(text=f"{request[VISITOR].account} {request.match_info['suffix']}")

        directory = Directory(config)
        house = House(
            config=config,
            calls=one.calls,
            booked=lambda: one.booked,
            rooms=lambda: one.rooms,
            lines=lambda: one.lines,
            telephones=lambda user: one.telephones.get(user, []),
            trunks=lambda: one.up,
            numbers=lambda account: directory.all(NumberRow, account),
        )
        http = HttpServer("127.0.0.1:0", ready=lambda: True, figures=lambda: b"", alive=lambda: True)
        http.mount(
            PREFIX,
            console_application(
                Parts(
                    house=house,
                    store=store,
                    trace=one.trace,
                    engine=cast("EngineClient", one.engine),
                    gate=Gatekeeper(directory, lambda: one.now),
                    slots=lambda: one.slots,
                    end=end,
                    sound=sound,
                    clock=lambda: one.now,
                )
            ),
        )
        await opened.enter_async_context(http)
        one.url, one.http = f"http://{http.address}{PREFIX}", http
        yield one
        await asyncio.sleep(0)
