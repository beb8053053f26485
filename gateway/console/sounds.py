"""Recordings for the console's player, by the visitor's cookie: the same files that the REST API gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.api.errors import ApiError
from gateway.api.services import ACCOUNT
from gateway.console.gate import VISITOR
from gateway.storage.media import NoSuchMedia

Sound = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""`gateway.api.recordings.Recordings.sound`: whole or in part, WAV, MP3 or the picture."""


class Sounds:
    """Owns nothing."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound

    def routes(self) -> list[web.RouteDef]:
        return [web.get(r"/recordings/{recording_sid:RE[0-9a-f]{32}}{suffix:(\.wav|\.mp3|\.svg)}", self.get)]

    async def get(self, request: web.Request) -> web.StreamResponse:
        request[ACCOUNT] = request[VISITOR].account
        try:
            response = await self._sound(request)
        except NoSuchMedia as fault:
            raise web.HTTPNotFound(text="There is no such sound.") from fault
        except ApiError as fault:
            return fault.response()
        response.headers["Cache-Control"] = "private, no-cache"
        return response
