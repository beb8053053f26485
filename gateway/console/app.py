"""The console as one application, to be mounted at `/console`: its parts, its door and what every answer carries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.api.auth import Gatekeeper
from gateway.api.errors import ApiError
from gateway.calls.calls import Calls
from gateway.console.gate import OPEN, VISITOR, Door
from gateway.console.history import History
from gateway.console.ladders import Ladders
from gateway.console.live import House, Line, Waiter, far_end
from gateway.console.pages import End, Pages
from gateway.console.pulse import Pulse
from gateway.console.render import HEADERS, page, static, warm
from gateway.console.sounds import Sound, Sounds
from gateway.console.stream import Stream
from gateway.console.telling import Teller
from gateway.storage.store import DATABASE_ERRORS, Store
from gateway.trace import Trace
from media.client import EngineClient

if TYPE_CHECKING:
    from gateway.ids import CallSid
    from media.streams import Slot

log = structlog.get_logger(__name__)

PREFIX = "/console"
WAITERS = 20
"""Places of a waiting line that are shown."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_TITLES = {400: "That can't be read", 403: "Not from here", 404: "Not here", 405: "Not like this", 503: "Not now"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the console is made from; it changes none of it but by *end*."""

    house: House
    store: Store
    trace: Trace
    engine: EngineClient
    gate: Gatekeeper
    slots: Callable[[], dict[CallSid, Slot]]
    end: End
    sound: Sound
    clock: Callable[[], float]
    """Seconds that only go forward: how long a sign-in lasts."""


def console_application(parts: Parts) -> web.Application:
    """With its routes, its door and its end."""
    door = Door(parts.gate, parts.clock, parts.house.config.http.public_url)
    history, teller = History(parts.store, parts.gate.may_see), Teller(parts.trace)
    pulse = Pulse(parts.house, parts.store, parts.trace, parts.engine, parts.slots)
    application = web.Application(middlewares=[_admission(door)])
    application.add_routes(
        [
            web.get("/login", door.get_login, name=OPEN),
            web.post("/login", door.post_login, name=f"{OPEN}-door"),
            web.post("/logout", _sign_out(door)),
            web.get("/static/{name}", _get_static, name=f"{OPEN}-static"),
        ]
    )
    rooms = (Pages(parts.house, pulse, history, teller, parts.end, door), Ladders(history, teller), Sounds(parts.sound))
    for part in (*rooms, Stream(pulse, door, history)):
        application.add_routes(part.routes())
    application.on_response_prepare.append(_add_headers)

    async def close(_: web.Application) -> None:
        pulse.close()

    application.on_shutdown.append(close)
    return application


def _admission(door: Door) -> Middleware:
    @web.middleware
    async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
        await warm()
        try:
            if not (request.match_info.route.name or "").startswith(OPEN):
                visitor = door.visitor(request)
                if visitor is None:
                    return door.challenge(request)
                request[VISITOR] = visitor
            return await handler(request)
        except web.HTTPException as fault:
            return _trouble(request, fault.status, fault.text or "", dict(fault.headers))
        except ApiError as fault:
            return _trouble(request, fault.status, fault.message, fault.headers)
        except DATABASE_ERRORS as fault:
            log.warning("the database failed the console", path=request.path, fault=str(fault))
            text = "The storage does not answer. Calls go on; this page comes back by itself."
            return _trouble(request, 503, text, {"Retry-After": "2"})

    return admitted


def _trouble(request: web.Request, status: int, text: str, headers: dict[str, str]) -> web.Response:
    """A page for people, a line for programs."""
    kept = {name: value for name, value in headers.items() if name in ("Allow", "Retry-After", "WWW-Authenticate")}
    if "text/html" in request.headers.get("Accept", "") and VISITOR in request:
        frame = {"visitor": request[VISITOR], "topic": "", "sid": "", "query": request.query}
        response = page(
            "message.html", {**frame, "title": _TITLES.get(status, "That went wrong"), "text": text}, status=status
        )
    else:
        response = web.Response(status=status, text=f"{text}\n")
    response.headers.update(kept)
    return response


def _sign_out(door: Door) -> Handler:
    async def post(request: web.Request) -> web.StreamResponse:
        await door.check_form(request)
        return await door.post_logout(request)

    return post


async def _get_static(request: web.Request) -> web.Response:
    found = static(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound(text="There is no such file.")
    data, version = found
    kept = "public, max-age=31536000, immutable" if request.query.get("v") == version else "no-cache"
    kind = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}[
        request.match_info["name"].rpartition(".")[2]
    ]
    return web.Response(body=data, headers={"Content-Type": f"{kind}; charset=utf-8", "Cache-Control": kept})


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


async def to_console(_: web.Request) -> web.Response:
    """Whoever opens the gateway's address without a path."""
    return web.Response(status=303, headers={"Location": PREFIX})


def lines_of(calls: Calls) -> Callable[[], list[Line]]:
    """The waiting lines, their places on the clock of the wall."""
    began = datetime.now(UTC) - timedelta(seconds=asyncio.get_running_loop().time())

    def lines() -> list[Line]:
        found = []
        for line in calls.lines.all():
            waiting = tuple(
                Waiter(sid=place.sid, who=far_end(place.live.call), since=began + timedelta(seconds=place.since))
                for place in list(line)[:WAITERS]
            )
            one = Line(sid=line.sid, account_sid=line.account_sid, name=line.name, size=len(line), waiting=waiting)
            found.append(one)
        return found

    return lines


def slots_of(calls: Calls) -> Callable[[], dict[CallSid, Slot]]:
    """The media of every call with a telephone that is answered."""
    return lambda: {sid: live.leg.slot for sid, live in calls.live.items() if live.leg.is_answered}
