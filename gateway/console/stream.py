"""`/console/stream`: server-sent events that tell an open page to look again, and how loud its calls are."""

from __future__ import annotations

import asyncio
import secrets

from aiohttp import web

from gateway.console.gate import VISITOR, Door
from gateway.console.history import History
from gateway.console.pulse import MOST, TOPICS, Pulse, Watcher
from gateway.ids import is_sid

PING_S = 15.0
"""So often at least something is sent, so that nobody on the way gives the connection up."""

STEP_S = 1.0
"""How soon it is noticed that a page has gone."""

SLOW_S = 10.0
"""A reader that takes nothing for so long is let go; its browser comes back by itself."""

ERA = secrets.token_hex(8)
"""Another one after a restart: pages that were open look again."""


class Stream:
    """Owns nothing; each connection is a watcher of the pulse."""

    def __init__(self, pulse: Pulse, door: Door, history: History) -> None:
        self._pulse, self._door, self._history = pulse, door, history

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/stream", self.get)]

    async def get(self, request: web.Request) -> web.StreamResponse:
        topic, sid = request.query.get("topic", "live"), request.query.get("sid", "")
        if topic not in TOPICS or (topic == "call") != is_sid(sid, "CA"):
            raise web.HTTPBadRequest(text="Ask for a topic of the console; for a call with its SID.")
        if len(self._pulse) >= MOST or self._pulse.closing:
            raise web.HTTPServiceUnavailable(text="Too many pages are open.", headers={"Retry-After": "10"})
        account = request[VISITOR].account
        family = await self._history.family(account, sid) if sid else ()
        if sid and not family:
            raise web.HTTPNotFound(text="There is no call with this SID in your account.")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        watcher = Watcher(account=account, topic=topic, sid=sid, family={row.sid for row in family})
        with self._pulse.watching(watcher):
            await response.prepare(request)
            try:
                await self._send(request, response, watcher)
            except (ConnectionError, TimeoutError):
                request.protocol.force_close()
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse, watcher: Watcher) -> None:
        """Until the page or the gateway goes. Raises `ConnectionError`, `TimeoutError`."""
        loop = asyncio.get_running_loop()
        text, checked_at = f"retry: 2000\nevent: hello\ndata: {ERA}\n\n", loop.time()
        while not self._pulse.closing:
            if text:
                async with asyncio.timeout(SLOW_S):
                    await response.write(text.encode())
            text = await self._next(watcher)
            if request.transport is None or request.transport.is_closing():
                return
            if loop.time() - checked_at > PING_S:
                if not self._door.still_knows(request):
                    return
                text, checked_at = text or ": still here\n\n", loop.time()

    async def _next(self, watcher: Watcher) -> str:
        """What there is to tell; `""` after a while."""
        try:
            async with asyncio.timeout(STEP_S):
                await watcher.wake.wait()
        except TimeoutError:
            return ""
        return watcher.take()
