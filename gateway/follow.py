"""`crosspoint call`: place a call through a running gateway's REST API and follow it until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

POLL_S = 0.5
FINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


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


async def place_and_follow(api: Api, *, to: str, from_: str, url: str, say: Callable[[str], None]) -> str:
    """The final status. Raises `NoAnswer`."""
    auth = aiohttp.BasicAuth(api.account_sid, api.auth_token)
    try:
        async with aiohttp.ClientSession(auth=auth, timeout=aiohttp.ClientTimeout(total=15)) as session:
            async with session.post(f"{api.calls}.json", data={"To": to, "From": from_, "Url": url}) as response:
                made = await response.json()
                if response.status != 201:
                    raise NoAnswer(f"{made.get('code', response.status)}: {made.get('message', response.reason)}")
            return await _follow(session, f"{api.calls}/{made['sid']}.json", made["sid"], say)
    except (aiohttp.ClientError, TimeoutError) as fault:
        raise NoAnswer(f"{api.url} does not answer ({fault}); is `crosspoint serve` running?") from fault


async def _follow(session: aiohttp.ClientSession, url: str, sid: str, say: Callable[[str], None]) -> str:
    """Tell every change of status."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    shown = ""
    while shown not in FINAL:
        async with session.get(url) as response:
            found = await response.json()
        status = str(found["status"])
        if status != shown:
            tail = f", {found['duration']} s" if status in FINAL and found.get("duration") else ""
            say(f"{loop.time() - began:6.1f} s  {sid}  {status}{tail}")
            shown = status
        if status not in FINAL:
            await asyncio.sleep(POLL_S)
    return shown
