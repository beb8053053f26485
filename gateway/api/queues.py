"""Queues and the calls that wait in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, ClassVar

from aiohttp import web
from sqlalchemy import func, select

from gateway.api.errors import ApiError, bad_value, not_found
from gateway.api.forms import Form, Method, Url, at_most, between, form_of
from gateway.api.pages import Json, listed, paged
from gateway.api.ports import MemberView
from gateway.api.render import account_uri, date
from gateway.api.services import ACCOUNT, Services
from gateway.ids import CallSid, QueueSid, is_sid, new_queue_sid
from gateway.storage.models import QueueRow
from gateway.twiml.interpreter import DocumentRequest


class QueueForm(Form):
    """`POST Queues.json`, `POST Queues/QU….json`."""

    friendly_name: Annotated[str, at_most(64, 20001, "FriendlyName (at most 64 characters)")] = ""
    max_size: Annotated[int, between(1, 5000, 20001, "MaxSize")] | None = None


class MoveMember(Form):
    """`POST Queues/QU…/Members/CA….json`."""

    url: Url = ""
    method: Method = "POST"


class Queues:
    """The two resources."""

    forms: ClassVar[dict[str, type[Form]]] = {"create": QueueForm, "update": QueueForm, "move_member": MoveMember}

    def __init__(self, services: Services) -> None:
        self._s = services

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/Queues.json", self.list),
            web.post("/Queues.json", self.create),
            web.get("/Queues/{queue_sid}.json", self.fetch),
            web.post("/Queues/{queue_sid}.json", self.update),
            web.delete("/Queues/{queue_sid}.json", self.delete),
            web.get("/Queues/{queue_sid}/Members.json", self.list_members),
            web.get("/Queues/{queue_sid}/Members/{call_sid}.json", self.fetch_member),
            web.post("/Queues/{queue_sid}/Members/{call_sid}.json", self.move_member),
        ]

    async def list(self, request: web.Request) -> web.Response:
        query = select(QueueRow).where(QueueRow.account_sid == request[ACCOUNT])
        order = (QueueRow.created_at, QueueRow.sid)
        return await listed(request, self._s.store, "queues", query, QueueRow, order, self._json)

    async def create(self, request: web.Request) -> web.Response:
        form = QueueForm.read(await form_of(request))
        if not form.friendly_name:
            raise bad_value("FriendlyName", "")
        await self._check_name(request, form.friendly_name)
        now = datetime.now(UTC)
        row = QueueRow(
            sid=new_queue_sid(),
            account_sid=request[ACCOUNT],
            friendly_name=form.friendly_name,
            max_size=form.max_size or 1000,
            created_at=now,
            updated_at=now,
        )
        await self._s.store.save(row)
        return web.json_response(self._json(row), status=201)

    async def fetch(self, request: web.Request) -> web.Response:
        return web.json_response(self._json(await self._row(request)))

    async def update(self, request: web.Request) -> web.Response:
        row = await self._row(request)
        form = QueueForm.read(await form_of(request))
        if form.friendly_name and form.friendly_name != row.friendly_name:
            await self._check_name(request, form.friendly_name)
        changed = QueueRow(
            sid=row.sid,
            account_sid=row.account_sid,
            friendly_name=form.friendly_name or row.friendly_name,
            max_size=form.max_size or row.max_size,
            created_at=row.created_at,
            updated_at=datetime.now(UTC),
        )
        await self._s.store.save(changed)
        self._s.queues.changed(QueueSid(changed.sid), changed.friendly_name, changed.max_size)
        return web.json_response(self._json(changed))

    async def delete(self, request: web.Request) -> web.Response:
        row = await self._row(request)
        if self._s.queues.members(QueueSid(row.sid)):
            raise ApiError(22003, "A queue in which calls wait cannot be deleted")
        self._s.queues.deleted(QueueSid(row.sid))
        await self._s.store.remove(row)
        return web.Response(status=204)

    async def list_members(self, request: web.Request) -> web.Response:
        row = await self._row(request)
        members = self._s.queues.members(QueueSid(row.sid))
        return paged(request, "queue_members", [_member_json(row, view, at) for at, view in enumerate(members, 1)])

    async def fetch_member(self, request: web.Request) -> web.Response:
        return web.json_response(_member_json(*await self._member(request)))

    async def move_member(self, request: web.Request) -> web.Response:
        """The call leaves the queue for another document."""
        row, view, place = await self._member(request)
        form = MoveMember.read(await form_of(request))
        if not form.url:
            raise ApiError(21205, "Url parameter is required")
        document = DocumentRequest(url=form.url, method=form.method)
        if not self._s.queues.redirect(QueueSid(row.sid), view.call_sid, document):
            raise not_found(request)
        return web.json_response(_member_json(row, view, place))

    async def _row(self, request: web.Request) -> QueueRow:
        sid = request.match_info["queue_sid"]
        row = await self._s.store.get(QueueRow, sid) if is_sid(sid, "QU") else None
        if row is None or row.account_sid != request[ACCOUNT]:
            raise not_found(request)
        return row

    async def _member(self, request: web.Request) -> tuple[QueueRow, MemberView, int]:
        """By CallSid, or `Front`: the one that has waited longest."""
        row = await self._row(request)
        members = self._s.queues.members(QueueSid(row.sid))
        asked = request.match_info["call_sid"]
        for place, view in enumerate(members, 1):
            if view.call_sid == CallSid(asked) or asked == "Front":
                return row, view, place
        raise not_found(request)

    async def _check_name(self, request: web.Request, name: str) -> None:
        same = select(func.count()).select_from(QueueRow)
        same = same.where(QueueRow.account_sid == request[ACCOUNT], QueueRow.friendly_name == name)
        if await self._s.store.scalar(same):
            raise ApiError(22003, f"There is a queue with the name {name!r}")

    def _json(self, row: QueueRow) -> Json:
        members = self._s.queues.members(QueueSid(row.sid))
        uri = f"{account_uri(row.account_sid)}/Queues/{row.sid}"
        return {
            "sid": row.sid,
            "account_sid": row.account_sid,
            "friendly_name": row.friendly_name,
            "current_size": len(members),
            "average_wait_time": sum(view.wait_s for view in members) // len(members) if members else 0,
            "max_size": row.max_size,
            "date_created": date(row.created_at),
            "date_updated": date(row.updated_at),
            "uri": f"{uri}.json",
            "subresource_uris": {"members": f"{uri}/Members.json"},
        }


def _member_json(row: QueueRow, view: MemberView, place: int) -> Json:
    return {
        "call_sid": view.call_sid,
        "queue_sid": row.sid,
        "date_enqueued": date(view.enqueued_at),
        "position": place,
        "wait_time": view.wait_s,
        "uri": f"{account_uri(row.account_sid)}/Queues/{row.sid}/Members/{view.call_sid}.json",
    }
