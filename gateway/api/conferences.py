"""Conferences: fetch, list, end, announce. They are made by their first participant."""

from __future__ import annotations

from typing import ClassVar, Literal

from aiohttp import web
from sqlalchemy import select

from gateway.api.errors import ApiError, bad_value, not_found
from gateway.api.forms import Form, Method, Url, form_of
from gateway.api.pages import Json, listed
from gateway.api.render import API_VERSION, account_uri, date, or_none
from gateway.api.services import ACCOUNT, Services, by_date
from gateway.ids import ConferenceSid, is_sid
from gateway.storage.models import ConferenceRow

REGION = "us1"


class UpdateConference(Form):
    """`POST Conferences/CF….json`."""

    status_: Literal["completed"] | None = None
    announce_url: Url = ""
    announce_method: Method = "POST"


def conference_json(row: ConferenceRow) -> Json:
    uri = f"{account_uri(row.account_sid)}/Conferences/{row.sid}"
    return {
        "sid": row.sid,
        "account_sid": row.account_sid,
        "friendly_name": row.friendly_name,
        "status": row.status,
        "region": REGION,
        "api_version": API_VERSION,
        "date_created": date(row.created_at),
        "date_updated": date(row.updated_at),
        "reason_conference_ended": or_none(row.reason_ended or ""),
        "call_sid_ending_conference": or_none(row.call_sid_ending or ""),
        "uri": f"{uri}.json",
        "subresource_uris": {"participants": f"{uri}/Participants.json", "recordings": f"{uri}/Recordings.json"},
    }


class Conferences:
    """The resource."""

    forms: ClassVar[dict[str, type[Form]]] = {"update": UpdateConference}

    def __init__(self, services: Services) -> None:
        self._s = services

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/Conferences.json", self.list),
            web.get("/Conferences/{conference_sid}.json", self.fetch),
            web.post("/Conferences/{conference_sid}.json", self.update),
        ]

    async def list(self, request: web.Request) -> web.Response:
        query = select(ConferenceRow).where(ConferenceRow.account_sid == request[ACCOUNT])
        if name := request.query.get("FriendlyName", ""):
            query = query.where(ConferenceRow.friendly_name == name)
        if status := request.query.get("Status", ""):
            if status not in ("init", "in-progress", "completed"):
                raise bad_value("Status", status)
            query = query.where(ConferenceRow.status == status)
        query = by_date(request, query, ConferenceRow.created_at, "DateCreated")
        query = by_date(request, query, ConferenceRow.updated_at, "DateUpdated")
        order = (ConferenceRow.created_at, ConferenceRow.sid)
        return await listed(request, self._s.store, "conferences", query, ConferenceRow, order, conference_json)

    async def fetch(self, request: web.Request) -> web.Response:
        return web.json_response(conference_json(await conference_of(self._s, request)))

    async def update(self, request: web.Request) -> web.Response:
        row = await conference_of(self._s, request)
        form = UpdateConference.read(await form_of(request))
        if form.status_ is None and not form.announce_url:
            raise ApiError(20001, "Status or AnnounceUrl is required")
        sid = ConferenceSid(row.sid)
        if row.status != "completed":
            if form.announce_url:
                self._s.rooms.announce(sid, form.announce_url, form.announce_method)
            if form.status_ is not None:
                self._s.rooms.end(sid)
        return await self.fetch(request)


async def conference_of(services: Services, request: web.Request) -> ConferenceRow:
    """The conference that the path names by SID, or by the name of one that goes on. Raises `ApiError`."""
    row = await find_conference(services, request[ACCOUNT], request.match_info["conference_sid"])
    if row is None:
        raise not_found(request)
    return row


async def find_conference(services: Services, account: str, named: str) -> ConferenceRow | None:
    if is_sid(named, "CF"):
        row = await services.store.get(ConferenceRow, named)
        return row if row is not None and row.account_sid == account else None
    query = select(ConferenceRow).where(
        ConferenceRow.account_sid == account,
        ConferenceRow.friendly_name == named,
        ConferenceRow.status != "completed",
    )
    rows = await services.store.all(query.order_by(ConferenceRow.created_at.desc()).limit(1))
    return rows[0] if rows else None
