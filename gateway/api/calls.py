"""`/Accounts/AC…/Calls`: create, fetch, list, update, delete."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from aiohttp import web
from sqlalchemy import select

from gateway.api.call_forms import CreateCall, UpdateCall
from gateway.api.errors import ApiError, bad_value, not_live
from gateway.api.forms import Form, form_of
from gateway.api.pages import Json, listed
from gateway.api.ports import CallRequest
from gateway.api.render import API_VERSION, account_uri, date, formatted, or_none
from gateway.api.services import ACCOUNT, Services, by_date
from gateway.calls.call import Status
from gateway.directory.directory import Directory
from gateway.ids import CallSid, new_notification_sid
from gateway.routing.numbers import normalize
from gateway.storage.models import CallRow, NotificationRow
from gateway.storage.writing import copy_of

PARTS = (
    ("notifications", "Notifications"),
    ("recordings", "Recordings"),
    ("payments", "Payments"),
    ("events", "Events"),
    ("siprec", "Siprec"),
    ("streams", "Streams"),
    ("transcriptions", "Transcriptions"),
    ("user_defined_message_subscriptions", "UserDefinedMessageSubscriptions"),
    ("user_defined_messages", "UserDefinedMessages"),
)
_WAITING = (Status.QUEUED.value, Status.RINGING.value)
UNFINISHED = tuple(status.value for status in Status if not status.is_final)
_FINAL = frozenset(status.value for status in Status if status.is_final)


def call_json(row: CallRow, directory: Directory, *, is_new: bool = False) -> Json:
    """A call as Twilio writes it; one that was just created has no dates yet."""
    base = f"{account_uri(row.account_sid)}/Calls/{row.sid}"
    ours = row.to if row.direction == "inbound" else row.from_
    number = directory.numbers.get(ours)
    return {
        "sid": row.sid,
        "account_sid": row.account_sid,
        "parent_call_sid": or_none(row.parent_sid),
        "to": row.to,
        "to_formatted": formatted(row.to),
        "from": row.from_,
        "from_formatted": formatted(row.from_),
        "phone_number_sid": number.sid if number is not None and number.account_sid == row.account_sid else None,
        "status": row.status,
        "start_time": date(row.started_at),
        "end_time": date(row.ended_at),
        "duration": None if row.duration_s is None else str(row.duration_s),
        "price": None,
        "price_unit": "USD",
        "direction": row.direction,
        "answered_by": or_none(row.answered_by or ""),
        "api_version": API_VERSION,
        "forwarded_from": or_none(row.forwarded_from or ""),
        "group_sid": None,
        "caller_name": or_none(row.caller_name or ""),
        "queue_time": str(row.queue_time_ms or 0),
        "stir_verstat": None,
        "trunk_sid": None,
        "date_created": None if is_new else date(row.created_at),
        "date_updated": None if is_new else date(row.updated_at),
        "uri": f"{base}.json",
        "subresource_uris": {name: f"{base}/{part}.json" for name, part in PARTS},
    }


def queued_row(request: CallRequest) -> CallRow:
    """The row of a call that has not left yet."""
    return CallRow(
        sid=request.sid,
        account_sid=request.account_sid,
        direction="outbound-api",
        from_=request.from_[:256],
        to=request.to[:256],
        status=Status.QUEUED.value,
        created_at=request.created_at,
        updated_at=request.created_at,
    )


def warning(asked: CallRequest, code: int, message: str) -> NotificationRow:
    """A notification of a call that was just created."""
    return NotificationRow(
        sid=new_notification_sid(),
        account_sid=asked.account_sid,
        call_sid=asked.sid,
        code=code,
        log=1,
        message=message,
        created_at=datetime.now(UTC),
    )


class Calls:
    """The resource."""

    forms: ClassVar[dict[str, type[Form]]] = {"create": CreateCall, "update": UpdateCall}

    def __init__(self, services: Services) -> None:
        self._s = services

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/Calls.json", self.create),
            web.get("/Calls.json", self.list),
            web.get("/Calls/{call_sid}.json", self.fetch),
            web.post("/Calls/{call_sid}.json", self.update),
            web.delete("/Calls/{call_sid}.json", self.delete),
        ]

    async def create(self, request: web.Request) -> web.Response:
        form = CreateCall.read(await form_of(request))
        asked = form.request(request[ACCOUNT], self._s.directory)
        self._s.check_caller(asked)
        row = queued_row(asked)
        await self._s.departures.add(asked, row)
        for code, message in form.warnings():
            self._s.store.put(warning(asked, code, message))
        return web.json_response(self._json(row, is_new=True), status=201)

    async def fetch(self, request: web.Request) -> web.Response:
        return web.json_response(self._json(await self._s.call_of(request)))

    def _json(self, row: CallRow, *, is_new: bool = False) -> Json:
        """One that waits says how long it still will, by its place in the queue."""
        found = call_json(row, self._s.directory, is_new=is_new)
        wait_ms = self._s.departures.wait_ms(CallSid(row.sid)) if row.status == Status.QUEUED.value else None
        return found if wait_ms is None else found | {"queue_time": str(wait_ms)}

    async def list(self, request: web.Request) -> web.Response:
        query = select(CallRow).where(CallRow.account_sid == request[ACCOUNT])
        for name, column in (("To", CallRow.to), ("From", CallRow.from_), ("ParentCallSid", CallRow.parent_sid)):
            if text := request.query.get(name, ""):
                query = query.where(column.in_({text, normalize(text)}))
        if status := request.query.get("Status", ""):
            if status not in set(Status):
                raise bad_value("Status", status)
            query = query.where(CallRow.status == status)
        query = by_date(request, query, CallRow.started_at, "StartTime", made=CallRow.created_at)
        query = by_date(request, query, CallRow.ended_at, "EndTime", made=CallRow.created_at)
        order = (CallRow.created_at, CallRow.sid)
        return await listed(
            request, self._s.store, "calls", query, CallRow, order, lambda row: call_json(row, self._s.directory)
        )

    async def update(self, request: web.Request) -> web.Response:
        row = await self._s.call_of(request)
        form = UpdateCall.read(await form_of(request))
        sid = CallSid(row.sid)
        if form.status_ is None and form.document is None and form.callback is None and form.time_limit is None:
            raise ApiError(21205, "Url, Twiml or Status parameter is required")
        if form.status_ is not None:
            await end_call(self._s, row, form.status_)
        elif form.document is not None:
            is_told = await self._s.departures.redirect(sid, form.document) or (
                row.status not in _FINAL and self._s.calls.redirect(sid, form.document)
            )
            if not is_told:
                raise not_live(sid)
        if form.status_ is None and (form.callback is not None or form.time_limit is not None):
            changed = self._s.departures.change(sid, form.callback, form.time_limit) or self._s.calls.change(
                sid, status_callback=form.callback, time_limit_s=form.time_limit
            )
            if not changed and form.document is None:
                raise not_live(sid)
        return await self.fetch(request)

    async def delete(self, request: web.Request) -> web.Response:
        row = await self._s.call_of(request)
        if row.status not in _FINAL:
            raise ApiError(20009, "A call that goes on cannot be deleted", status=409)
        await self._s.store.remove(row)
        return web.Response(status=204)


async def end_call(services: Services, row: CallRow, status: str) -> None:
    """`canceled` ends what was not answered yet; `completed` whatever goes on. A call that is over stays as it is."""
    sid = CallSid(row.sid)
    if row.status in _FINAL:
        return
    if await services.departures.cancel(sid):
        now = datetime.now(UTC)
        over = copy_of(row, status=Status.CANCELED.value, ended_at=now, updated_at=now, duration_s=0)
        services.rooms.missed(sid)
        await services.store.save(over)
        return
    if row.status in _WAITING or status == "completed":
        services.calls.hang_up(sid, canceled=row.status in _WAITING)


async def withdraw(services: Services, sid: CallSid) -> None:
    """End a call that waits or rings; one that is answered goes on."""
    row = await services.store.get(CallRow, sid)
    if row is not None:
        await end_call(services, row, Status.CANCELED.value)
