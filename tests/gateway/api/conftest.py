"""The REST API on a real socket with the genuine helper library before it, and live calls that only write down what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from twilio.rest import Client

from gateway.api.app import PREFIX, api_application
from gateway.api.auth import Gatekeeper
from gateway.api.departures import Departures
from gateway.api.ports import (
    CallRequest,
    MemberView,
    ParticipantChange,
    ParticipantView,
    RecordingChange,
)
from gateway.api.services import Services
from gateway.config import Config, parse
from gateway.directory.directory import Directory
from gateway.directory.keeper import Keeper
from gateway.http import HttpServer
from gateway.ids import AccountSid, CallSid, ConferenceSid, QueueSid, RecordingSid
from gateway.storage.media import Media
from gateway.storage.store import Store
from gateway.storage.workshop import Workshop
from gateway.twiml.control import RecordingPlan, StatusCallback
from gateway.twiml.interpreter import DocumentRequest
from tests.gateway.api.judge import Judge
from tests.gateway.rows import ACCOUNT

TOKEN = "the-token"
KEY, KEY_SECRET = "SK" + "1" * 32, "key-secret"
APPLICATION = "AP" + "2" * 32
RECORDING = RecordingSid("RE" + "9" * 32)

DOCUMENT: dict[str, Any] = {
    "account": {"sid": ACCOUNT, "auth_token": TOKEN},
    "sip": {"domain": "sip.example.org", "voice_url": "http://127.0.0.1:9000/voice"},
    "api_key": [{"sid": KEY, "secret": KEY_SECRET}],
    "phone": [{"username": "alice", "password": "wonderland"}, {"username": "bob", "password": "builder"}],
    "number": [
        {
            "number": "+14155550100",
            "voice_url": "http://127.0.0.1:9000/n",
            "status_callback": "http://127.0.0.1:9000/s",
        },
        {"number": "+442079460000", "voice_url": "bin:hello"},
    ],
    "trunk": [{"name": "carrier", "host": "127.0.0.1:6090", "allow": ["127.0.0.1/32", "10.1.0.0/16"]}],
    "application": [
        {"sid": APPLICATION, "voice_url": "http://127.0.0.1:9000/app", "status_callback": "http://127.0.0.1:9000/as"}
    ],
    "bin": [{"name": "hello", "twiml": "<Response/>"}],
    "limits": {"calls_per_second": 1000},
}


@dataclass
class Live:
    """Does what it is told about the calls in `there`, and keeps it."""

    there: set[str] = field(default_factory=set)
    told: list[tuple[Any, ...]] = field(default_factory=list)
    placed: asyncio.Queue[CallRequest] = field(default_factory=asyncio.Queue)
    queue_times_ms: list[int] = field(default_factory=list)
    people: dict[str, list[ParticipantView]] = field(default_factory=dict)
    lines: dict[str, list[MemberView]] = field(default_factory=dict)
    invited: list[tuple[str, ParticipantView, StatusCallback | None]] = field(default_factory=list)
    has_rooms: bool = True

    def place(self, request: CallRequest, queue_time_ms: int) -> None:
        self.there.add(request.sid)
        self.queue_times_ms.append(queue_time_ms)
        self.placed.put_nowait(request)

    def _is_told(self, sid: str, *what: Any) -> bool:  # noqa: ANN401
        if sid in self.there:
            self.told.append(what)
        return sid in self.there

    def redirect(self, sid: CallSid, document: DocumentRequest) -> bool:
        return self._is_told(sid, "redirect", sid, document)

    def hang_up(self, sid: CallSid, *, canceled: bool) -> bool:
        return self._is_told(sid, "hang up", sid, canceled)

    def change(self, sid: CallSid, *, status_callback: StatusCallback | None, time_limit_s: int | None) -> bool:
        return self._is_told(sid, "change", sid, status_callback, time_limit_s)

    def annotate(self, sid: CallSid, extras: Sequence[tuple[str, str]]) -> None:
        self._is_told(sid, "annotate", sid, extras)

    def record(self, sid: CallSid, plan: RecordingPlan) -> RecordingSid | None:
        return RECORDING if self._is_told(sid, "record", sid, plan) else None

    def change_recording(self, call_sid: CallSid, sid: str, change: RecordingChange) -> RecordingSid | None:
        known = sid in ("Twilio.CURRENT", RECORDING)
        return RECORDING if known and self._is_told(call_sid, "recording", sid, change) else None


@dataclass
class Rooms:
    live: Live

    def participants(self, sid: ConferenceSid) -> Sequence[ParticipantView]:
        return self.live.people.get(sid, [])

    async def invite(
        self,
        account: AccountSid,
        name: str,
        sid: ConferenceSid,
        view: ParticipantView,
        callback: StatusCallback | None,
    ) -> ConferenceSid | None:
        if not self.live.has_rooms:
            return None
        self.live.people.setdefault(sid, []).append(view)
        self.live.invited.append((name, view, callback))
        return sid

    def missed(self, call_sid: CallSid) -> None:
        self.live.told.append(("missed", call_sid))

    def _is_there(self, sid: str, call_sid: str) -> bool:
        return any(view.call_sid == call_sid for view in self.live.people.get(sid, []))

    def change(self, sid: ConferenceSid, call_sid: CallSid, change: ParticipantChange) -> bool:
        self.live.told.append(("participant", sid, call_sid, change))
        return self._is_there(sid, call_sid)

    def kick(self, sid: ConferenceSid, call_sid: CallSid) -> bool:
        self.live.told.append(("kick", sid, call_sid))
        return self._is_there(sid, call_sid)

    def change_recording(self, sid: ConferenceSid, recording_sid: str, change: RecordingChange) -> RecordingSid | None:
        self.live.told.append(("recording", sid, recording_sid, change))
        return RECORDING if recording_sid in ("Twilio.CURRENT", RECORDING) else None

    def announce(self, sid: ConferenceSid, url: str, method: str) -> bool:
        self.live.told.append(("announce", sid, url, method))
        return True

    def end(self, sid: ConferenceSid) -> bool:
        self.live.told.append(("end", sid))
        return True


@dataclass
class Queues:
    live: Live

    def members(self, sid: QueueSid) -> Sequence[MemberView]:
        return self.live.lines.get(sid, [])

    def redirect(self, sid: QueueSid, call_sid: CallSid, document: DocumentRequest) -> bool:
        self.live.told.append(("member", sid, call_sid, document))
        return True

    def changed(self, sid: QueueSid, name: str, max_size: int) -> None:
        self.live.told.append(("queue", sid, name, max_size))

    def deleted(self, sid: QueueSid) -> None:
        self.live.told.append(("no queue", sid))


@dataclass
class Gateway:
    """The API as a test sees it. Every answer is judged by Twilio's own description (`tests/gateway/api/judge.py`)."""

    config: Config
    directory: Directory
    store: Store
    live: Live
    departures: Departures
    folder: Path
    client: Client
    url: str
    judge: Judge
    application: web.Application

    async def ask(self, work: Callable[[Client], Any]) -> Any:  # noqa: ANN401 - whatever the library gives
        """Run the (blocking) library beside the loop."""
        return await asyncio.to_thread(work, self.client)

    async def raw(
        self,
        method: str,
        path: str,
        *,
        user: str = ACCOUNT,
        password: str = TOKEN,
        **more: Any,  # noqa: ANN401 - aiohttp's
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Below the account, without the library."""
        more.setdefault("headers", {}).update(
            {"Authorization": aiohttp.encode_basic_auth(user, password)} if user else {}
        )
        url = path if path.startswith("http") else f"{self.url}{PREFIX}/Accounts/{ACCOUNT}{path}"
        async with aiohttp.ClientSession() as session, session.request(method, url, **more) as response:
            is_json = response.content_type == "application/json"
            return response.status, await response.json() if is_json else await response.read(), response.headers


@pytest.fixture
async def gateway(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Gateway]:
    """`@pytest.mark.parametrize("gateway", [{…}], indirect=True)` adds tables of the configuration."""
    config = parse(DOCUMENT | getattr(request, "param", {}), {})
    live = Live()
    folder = tmp_path / "recordings"
    folder.mkdir()
    async with AsyncExitStack() as opened:
        store = await opened.enter_async_context(Store(f"sqlite:///{tmp_path}/gateway.db"))
        workshop = await opened.enter_async_context(Workshop(1))
        departures = await opened.enter_async_context(
            Departures(store, live, config.limits.calls_per_second, open_=lambda: True)
        )
        directory = Directory(config)
        keeper = Keeper(directory, store)
        await keeper.load()
        services = Services(
            config=config,
            store=store,
            directory=directory,
            keeper=keeper,
            calls=live,
            rooms=Rooms(live),
            queues=Queues(live),
            departures=departures,
            media=Media(folder, workshop),
        )
        http = HttpServer("127.0.0.1:0", ready=lambda: True, figures=lambda: b"", alive=lambda: True)
        gate = Gatekeeper(directory, asyncio.get_running_loop().time)
        http.mount(PREFIX, application := api_application(services, gate))
        judge = Judge()
        http.app.on_response_prepare.append(judge.see)
        await opened.enter_async_context(http)
        client = Client(ACCOUNT, TOKEN)
        client.api.base_url = f"http://{http.address}"
        opened.callback(client.http_client.session.close)
        yield Gateway(
            config, directory, store, live, departures, folder, client, f"http://{http.address}", judge, application
        )
    assert not judge.faults
