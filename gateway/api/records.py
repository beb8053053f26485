"""What is kept about calls: notifications (of the account and of one call) and events (the webhooks of one call)."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy import select

from gateway.api.errors import MORE_INFO, bad_value, not_found
from gateway.api.pages import Json, listed, paged
from gateway.api.render import API_VERSION, account_uri, date, or_none
from gateway.api.services import ACCOUNT, Services, by_date
from gateway.ids import is_sid
from gateway.storage.models import EventRow, NotificationRow

MOST_EVENTS = 1_000


def notification_json(row: NotificationRow, *, below: str, is_whole: bool = False) -> Json:
    found: Json = {
        "sid": row.sid,
        "account_sid": row.account_sid,
        "call_sid": or_none(row.call_sid),
        "api_version": API_VERSION,
        "log": str(row.log),
        "error_code": str(row.code),
        "more_info": f"{MORE_INFO}{row.code}",
        "message_text": row.message,
        "message_date": date(row.created_at),
        "request_method": or_none(row.request_method or ""),
        "request_url": or_none(row.request_url or ""),
        "date_created": date(row.created_at),
        "date_updated": date(row.created_at),
        "uri": f"{account_uri(row.account_sid)}{below}/Notifications/{row.sid}.json",
    }
    if is_whole:
        found |= {
            "request_variables": row.request_variables or "",
            "response_headers": row.response_headers or "",
            "response_body": row.response_body or "",
        }
    return found


class Notifications:
    """The resource, of the account and of one call."""

    def __init__(self, services: Services) -> None:
        self._s = services

    def routes(self) -> list[web.RouteDef]:
        found = []
        for place in ("", "/Calls/{call_sid}"):
            found += [
                web.get(f"{place}/Notifications.json", self.list),
                web.get(f"{place}/Notifications/{{notification_sid}}.json", self.fetch),
            ]
        return found

    async def list(self, request: web.Request) -> web.Response:
        query = select(NotificationRow).where(NotificationRow.account_sid == request[ACCOUNT])
        if "call_sid" in request.match_info:
            query = query.where(NotificationRow.call_sid == (await self._s.call_of(request)).sid)
        if level := request.query.get("Log", ""):
            if level not in ("0", "1"):
                raise bad_value("Log", level)
            query = query.where(NotificationRow.log == int(level))
        query = by_date(request, query, NotificationRow.created_at, "MessageDate")
        order = (NotificationRow.created_at, NotificationRow.sid)
        below = _below(request)
        return await listed(
            request,
            self._s.store,
            "notifications",
            query,
            NotificationRow,
            order,
            lambda row: notification_json(row, below=below),
        )

    async def fetch(self, request: web.Request) -> web.Response:
        sid = request.match_info["notification_sid"]
        row = await self._s.store.get(NotificationRow, sid) if is_sid(sid, "NO") else None
        if (
            row is None
            or row.account_sid != request[ACCOUNT]
            or row.call_sid != request.match_info.get("call_sid", row.call_sid)
        ):
            raise not_found(request)
        return web.json_response(notification_json(row, below=_below(request), is_whole=True))


class Events:
    """The resource: requests to the application and its answers, oldest first."""

    def __init__(self, services: Services) -> None:
        self._s = services

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/Calls/{call_sid}/Events.json", self.list)]

    async def list(self, request: web.Request) -> web.Response:
        call = await self._s.call_of(request)
        query = select(EventRow).where(EventRow.call_sid == call.sid).order_by(EventRow.id).limit(MOST_EVENTS)
        rows = await self._s.store.all(query)
        return paged(request, "events", [{"request": row.request, "response": row.response} for row in rows])


def _below(request: web.Request) -> str:
    return f"/Calls/{request.match_info['call_sid']}" if "call_sid" in request.match_info else ""
