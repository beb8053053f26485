"""The pages: what goes on now, calls that were, recordings, what went wrong, phones and trunks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from markupsafe import Markup

from gateway.console.advice import advice
from gateway.console.gate import VISITOR, Door
from gateway.console.history import DIRECTIONS, STATUSES, History, Wanted
from gateway.console.live import House, Picture
from gateway.console.pulse import Pulse
from gateway.console.render import fragment, page
from gateway.console.telling import Teller
from gateway.console.webhooks import asked
from gateway.ladder_svg import draw_svg
from gateway.storage.models import CallRow

ANCHOR = "message-"

End = Callable[[CallRow, str], Awaitable[None]]
"""`gateway.api.calls.Calls.end`: a call that waits, rings or talks."""


class Pages:
    """Owns the last live view that was rendered: ten people who look at the same moment cost one rendering."""

    def __init__(self, house: House, pulse: Pulse, history: History, teller: Teller, end: End, door: Door) -> None:
        self._house, self._pulse, self._history = house, pulse, history
        self._teller, self._end, self._door = teller, end, door
        self._drawn: dict[str, tuple[Picture, Markup]] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("", self.live),
            web.get("/calls", self.calls),
            web.get(r"/calls/{sid:CA[0-9a-f]{32}}", self.call),
            web.post(r"/calls/{sid:CA[0-9a-f]{32}}/hangup", self.hang_up),
            web.get("/recordings", self.recordings),
            web.get("/notifications", self.notifications),
            web.get("/phones", self.phones),
        ]

    async def live(self, request: web.Request) -> web.Response:
        account = request[VISITOR].account
        picture = self._pulse.picture(account)
        before = self._drawn.get(account)
        if before is None or before[0] != picture:
            values = {"picture": picture, "config": self._house.config, "is_owner": self._is_owner(request)}
            before = self._drawn[account] = picture, fragment("_live.html", values)
        return self._page(request, "live.html", "live", {"view": before[1], "count": picture.call_count})

    async def calls(self, request: web.Request) -> web.Response:
        wanted = Wanted.of(request.query)
        part = await self._history.calls(request[VISITOR].account, wanted, request.query.get("after", ""))
        values = {"part": part, "wanted": wanted, "statuses": STATUSES, "directions": DIRECTIONS}
        return self._page(request, "calls.html", "calls", values)

    async def call(self, request: web.Request) -> web.Response:
        story = await self._history.story(request[VISITOR].account, request.match_info["sid"])
        if story is None:
            raise web.HTTPNotFound(text="There is no call with this SID in your account.")
        ladder = self._teller.ladder(story.family)
        values = {
            "story": story,
            "call": story.call,
            "can_end": can_end(story.call),
            "ladder": ladder,
            "picture": Markup(draw_svg(ladder, anchors=ANCHOR)) if ladder.rungs else "",
            "anchor": ANCHOR,
            "asked": [asked(row) for row in story.events],
            "advice": advice,
        }
        return self._page(request, "call.html", "call", values, sid=story.call.sid)

    async def hang_up(self, request: web.Request) -> web.Response:
        """Confirmed by the form itself; a call that has ended meanwhile is no fault."""
        await self._door.check_form(request)
        sid = request.match_info["sid"]
        family = await self._history.family(request[VISITOR].account, sid)
        if not family:
            raise web.HTTPNotFound(text="There is no call with this SID in your account.")
        await self._end(next(row for row in family if row.sid == sid), "completed")
        return web.Response(status=303, headers={"Location": f"/console/calls/{sid}"})

    async def recordings(self, request: web.Request) -> web.Response:
        part = await self._history.recordings(request[VISITOR].account, request.query.get("after", ""))
        return self._page(request, "recordings.html", "recordings", {"part": part})

    async def notifications(self, request: web.Request) -> web.Response:
        part = await self._history.notifications(request[VISITOR].account, request.query.get("after", ""))
        return self._page(request, "notifications.html", "notifications", {"part": part, "advice": advice})

    async def phones(self, request: web.Request) -> web.Response:
        values = {
            "picture": self._pulse.picture(request[VISITOR].account),
            "numbers": self._house.numbers(request[VISITOR].account),
            "config": self._house.config,
            "is_owner": self._is_owner(request),
        }
        return self._page(request, "phones.html", "phones", values)

    def _is_owner(self, request: web.Request) -> bool:
        return request[VISITOR].account == self._house.config.account.sid

    def _page(
        self, request: web.Request, name: str, topic: str, values: dict[str, Any], *, sid: str = ""
    ) -> web.Response:
        visitor = request[VISITOR]
        frame = {"visitor": visitor, "topic": topic, "sid": sid, "query": request.query}
        return page(name, {**frame, **values})


def can_end(call: CallRow) -> bool:
    """A dialled party that still rings ends with whoever dials it."""
    return call.status == "in-progress" or (
        call.status in ("queued", "ringing") and call.direction in ("outbound-api", "inbound")
    )
