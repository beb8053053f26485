"""A call for programs: its SIP ladder as text and as a picture, and all of it as JSON: `/console/calls/CA….txt`, `.svg`, `.json`."""

from __future__ import annotations

from aiohttp import web

from gateway.console.gate import VISITOR
from gateway.console.history import History
from gateway.console.telling import Teller, summary
from gateway.ladder import draw_text
from gateway.ladder_svg import draw_svg


class Ladders:
    """Owns nothing: rows say which dialogs belong to a call and its children, the trace has their messages."""

    def __init__(self, history: History, teller: Teller) -> None:
        self._history, self._teller = history, teller

    def routes(self) -> list[web.RouteDef]:
        return [web.get(r"/calls/{sid:CA[0-9a-f]{32}}.{shape:txt|svg|json}", self.get)]

    async def get(self, request: web.Request) -> web.Response:
        sid, shape = request.match_info["sid"], request.match_info["shape"]
        if shape == "json":
            return await self._json(request, sid)
        ladder = self._teller.ladder(await self._history.family(request[VISITOR].account, sid))
        if not ladder.rungs:
            return web.Response(status=404, text="no message of this call is kept any more\n")
        if shape == "svg":
            return web.Response(text=draw_svg(ladder, sid), content_type="image/svg+xml")
        return web.Response(text=draw_text(ladder) + "\n")

    async def _json(self, request: web.Request, sid: str) -> web.Response:
        story = await self._history.story(request[VISITOR].account, sid)
        if story is None:
            return web.json_response({"message": "there is no such call"}, status=404)
        return web.json_response(summary(story, self._teller.ladder(story.family)))
