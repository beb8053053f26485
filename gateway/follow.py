"""`crosspoint call`: place a call through a running gateway's REST API and follow it until it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from gateway.follow_view import FINAL, Story, story_of

POLL_S = 0.5
LAST_WORD_S = 1.0
"""So long after the end the last messages, the recording and the last callback may still come."""

HANG_UP_S = 6.0
SILENT_S = 40.0
"""The stream says something every 15 s; one that is silent for longer has died."""

See = Callable[[Story, Mapping[str, tuple[int, int]]], None]
"""Is shown the call each time that something has changed: all about it, and how loud each leg is (heard, said; dBov)."""


class NoAnswer(Exception):
    """The gateway can't be asked, or says no; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Where a gateway is, and who we are there."""

    url: str
    account_sid: str
    auth_token: str

    @property
    def calls(self) -> str:
        return f"{self.url.rstrip('/')}/2010-04-01/Accounts/{self.account_sid}/Calls"

    def console(self, path: str) -> str:
        return f"{self.url.rstrip('/')}/console/{path}"


async def place_and_follow(
    api: Api, *, to: str, from_: str, see: See, stop: asyncio.Event, url: str = "", twiml: str = ""
) -> str:
    """The final status. *stop*, once set, hangs up. Raises `NoAnswer`."""
    headers = {"Authorization": aiohttp.encode_basic_auth(api.account_sid, api.auth_token)}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=SILENT_S)
    form = {"To": to, "From": from_, **({"Twiml": twiml} if twiml else {"Url": url})}
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            made = await _asked(session, api, "POST", f"{api.calls}.json", form)
            return await _Following(session, api, str(made["sid"]), see, stop).run()
    except (aiohttp.ClientError, TimeoutError) as fault:
        words = fault.strerror if isinstance(fault, aiohttp.ClientConnectorError) else str(fault)
        raise NoAnswer(
            f"{api.url} does not answer: {words or 'timeout'}. Is `crosspoint serve` running there?"
        ) from fault


async def _asked(
    session: aiohttp.ClientSession, api: Api, method: str, url: str, form: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What the REST API answers. Raises `NoAnswer`, `ClientError`, `TimeoutError`."""
    async with asyncio.timeout(15), session.request(method, url, data=form) as response:
        try:
            found = json.loads(await response.text())
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise NoAnswer(
                f"{api.url} is no Crosspoint gateway: it answers {response.status} without JSON. "
                "Name the gateway by --config FILE or --gateway URL."
            )
        if response.status == 401:
            raise NoAnswer(f"{api.url} does not know {api.account_sid}, or its token is another (401).")
        if response.status >= 400:
            raise NoAnswer(f"{found.get('code', response.status)}: {found.get('message', response.reason)}")
        return found


class _Following:
    """Owns one call's following: by the console's stream, or by asking again and again where that is not to be had."""

    def __init__(self, session: aiohttp.ClientSession, api: Api, sid: str, see: See, stop: asyncio.Event) -> None:
        self._session, self._api, self._sid = session, api, sid
        self._see, self._stop = see, stop
        self._story = Story(sid=sid, status="queued")
        self._levels: dict[str, tuple[int, int]] = {}

    async def run(self) -> str:
        """The final status."""
        hang_up = asyncio.create_task(self._hang_up_when_asked())
        try:
            await self._look()
            follow = asyncio.create_task(self._follow())
            await asyncio.wait((follow, hang_up), return_when=asyncio.FIRST_COMPLETED)
            if not follow.done():  # hung up: its end is still to be seen
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(HANG_UP_S):
                        await asyncio.shield(follow)
            follow.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await follow
        finally:
            hang_up.cancel()
        return self._story.status

    async def _hang_up_when_asked(self) -> None:
        await self._stop.wait()
        await _asked(self._session, self._api, "POST", f"{self._api.calls}/{self._sid}.json", {"Status": "completed"})

    async def _follow(self) -> None:
        if not await self._by_stream():
            while self._story.status not in FINAL:
                await asyncio.sleep(POLL_S)
                await self._look()
        ended_at = asyncio.get_running_loop().time()
        while not self._story.is_whole and asyncio.get_running_loop().time() < ended_at + LAST_WORD_S:
            await asyncio.sleep(POLL_S / 2)
            await self._look()

    async def _by_stream(self) -> bool:
        """Follow to the end by server-sent events. False: this gateway, or what stands before it, gives none."""
        url = self._api.console(f"stream?topic=call&sid={self._sid}")
        try:
            async with self._session.get(url) as response:
                if response.status != 200 or response.content_type != "text/event-stream":
                    return False
                async for name, data in events(response.content):
                    if name == "levels":
                        self._levels = {sid: (pair[0], pair[1]) for sid, pair in json.loads(data).items()}
                        self._see(self._story, self._levels)
                    else:
                        await self._look()
                    if self._story.status in FINAL:
                        return True
        except (aiohttp.ClientError, TimeoutError):
            pass
        return False

    async def _look(self) -> None:
        """Fetch the call as it is now. Raises `NoAnswer`, `ClientError`, `TimeoutError`."""
        try:
            found = await _asked(self._session, self._api, "GET", self._api.console(f"calls/{self._sid}.json"))
        except NoAnswer:  # no console there: what the REST API has
            found = await _asked(self._session, self._api, "GET", f"{self._api.calls}/{self._sid}.json")
        self._story = story_of(found)
        if self._story.status in FINAL:
            self._levels = {}
        self._see(self._story, self._levels)


async def events(stream: aiohttp.StreamReader) -> AsyncIterator[tuple[str, str]]:
    """Server-sent events as (name, data); comments are passed over."""
    name, data = "", ""
    async for line in stream:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        field, _, value = text.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            data += value
        elif not text and name:
            yield name, data
            name, data = "", ""


def origin(url: str) -> str:
    """`http://host:port` of an address of this machine; `""` for any other: nobody else is shown our token unasked."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_here = host in {"localhost", "::1"} or re.fullmatch(r"127\.\d+\.\d+\.\d+", host) is not None
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and is_here else ""
