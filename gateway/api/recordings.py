"""Recordings: of the account, of one call and of one conference; started, paused, stopped, deleted; and their sound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar, Literal

from aiohttp import web
from sqlalchemy import Select, select

from gateway.api.call_forms import StartRecording
from gateway.api.conferences import conference_of
from gateway.api.errors import ApiError, bad_value, not_found, not_live
from gateway.api.forms import Form, form_of
from gateway.api.pages import Json, listed
from gateway.api.ports import RecordingChange
from gateway.api.render import API_VERSION, account_uri, date, or_none
from gateway.api.services import ACCOUNT, Services, by_date
from gateway.api.sounds import sound_of
from gateway.calls.recording import UNFINISHED
from gateway.ids import CallSid, ConferenceSid, RecordingSid, is_sid
from gateway.storage.media import NoSuchMedia
from gateway.storage.models import RecordingRow
from gateway.storage.objects import ObjectsAway
from gateway.storage.opening import DATABASE_ERRORS
from gateway.storage.writing import copy_of
from gateway.twiml.control import RecordingPlan

MEDIA = "media"
"""How the names of the routes begin that give sound: whether they ask for credentials is a setting."""

_SOURCES = {"StartCallRecordingTwiML": "OutboundAPI"}
_STATUSES = {"failed": "absent"}
_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "svg": "image/svg+xml"}
LATER = {"Retry-After": "5"}


class ChangeRecording(Form):
    """`POST Calls/CA…/Recordings/RE….json`."""

    status_: Literal["in-progress", "paused", "stopped"] | None = None
    pause_behavior: Literal["skip", "silence"] = "silence"


def recording_json(row: RecordingRow, public_url: str, *, below: str = "") -> Json:
    """A recording as Twilio writes it; *below* a call or a conference it has that address, and its track."""
    base = account_uri(row.account_sid)
    uri = f"{base}{below}/Recordings/{row.sid}"
    status = "deleted" if row.deleted_at else _STATUSES.get(row.status, row.status)
    found: Json = {
        "sid": row.sid,
        "account_sid": row.account_sid,
        "call_sid": or_none(row.call_sid),
        "conference_sid": or_none(row.conference_sid or ""),
        "api_version": API_VERSION,
        "date_created": date(row.started_at),
        "date_updated": date(row.updated_at),
        "start_time": date(row.started_at),
        "duration": "-1" if row.status in UNFINISHED else str(row.duration_s),
        "price": None,
        "price_unit": "USD",
        "status": status,
        "channels": row.channels,
        "source": _SOURCES.get(row.source, row.source),
        "error_code": row.error_code or None,
        "encryption_details": None,
        "uri": f"{uri}.json",
    }
    if below:
        return found | {"track": row.track}
    return found | {
        "media_url": f"{public_url.rstrip('/')}{uri}",
        "subresource_uris": {
            "add_on_results": f"{uri}/AddOnResults.json",
            "transcriptions": f"{uri}/Transcriptions.json",
        },
    }


class Recordings:
    """The resource, in its three places."""

    forms: ClassVar[dict[str, type[Form]]] = {"start": StartRecording, "change": ChangeRecording}

    def __init__(self, services: Services) -> None:
        self._s = services

    def routes(self) -> list[web.RouteDef]:
        one = "/{recording_sid}.json"
        sound = r"/{recording_sid:RE[0-9a-f]{32}}{suffix:(\.wav|\.mp3|\.svg)?}"
        found = [
            web.post("/Calls/{call_sid}/Recordings.json", self.start),
            web.post(f"/Calls/{{call_sid}}/Recordings{one}", self.change),
            web.post(f"/Conferences/{{conference_sid}}/Recordings{one}", self.change_of_room),
        ]
        for place in ("", "/Calls/{call_sid}", "/Conferences/{conference_sid}"):
            found += [
                web.get(f"{place}/Recordings{sound}", self.sound, name=f"{MEDIA}{place[:5].replace('/', '.')}"),
                web.get(f"{place}/Recordings.json", self.list),
                web.get(f"{place}/Recordings{one}", self.fetch),
                web.delete(f"{place}/Recordings{one}", self.delete),
            ]
        return found

    async def list(self, request: web.Request) -> web.Response:
        query = self._here(request)
        for name, column in (("CallSid", RecordingRow.call_sid), ("ConferenceSid", RecordingRow.conference_sid)):
            if sid := request.query.get(name, ""):
                query = query.where(column == sid)
        if request.query.get("IncludeSoftDeleted", "").lower() != "true":
            query = query.where(RecordingRow.deleted_at.is_(None))
        query = by_date(request, query, RecordingRow.started_at, "DateCreated", "DateUpdated")
        order = (RecordingRow.started_at, RecordingRow.sid)
        below = _below(request)
        await self._check_parent(request)

        def shown(row: RecordingRow) -> Json:
            return recording_json(row, self._s.config.http.public_url, below=below)

        return await listed(request, self._s.store, "recordings", query, RecordingRow, order, shown)

    async def fetch(self, request: web.Request) -> web.Response:
        is_deleted_shown = request.query.get("IncludeSoftDeleted", "").lower() == "true"
        row = await self._row(request, is_deleted_shown=is_deleted_shown)
        return web.json_response(recording_json(row, self._s.config.http.public_url, below=_below(request)))

    async def start(self, request: web.Request) -> web.Response:
        call = await self._s.call_of(request)
        plan = StartRecording.read(await form_of(request)).plan("StartCallRecordingAPI")
        sid = self._s.calls.record(CallSid(call.sid), plan)
        if sid is None:
            raise not_live(call.sid)
        try:
            row = await self._s.store.get(RecordingRow, sid)
        except DATABASE_ERRORS:  # it runs all the same
            row = None
        row = row or _new_row(sid, call.account_sid, call.sid, plan)
        return web.json_response(recording_json(row, "", below=_below(request)), status=201)

    async def change(self, request: web.Request) -> web.Response:
        call = await self._s.call_of(request)
        return await self._changed(
            request, call.sid, lambda sid, change: self._s.calls.change_recording(CallSid(call.sid), sid, change)
        )

    async def change_of_room(self, request: web.Request) -> web.Response:
        room = ConferenceSid((await conference_of(self._s, request)).sid)
        return await self._changed(request, room, lambda sid, change: self._s.rooms.change_recording(room, sid, change))

    async def _changed(
        self, request: web.Request, of: str, do: Callable[[str, RecordingChange], RecordingSid | None]
    ) -> web.Response:
        """Pause, resume or stop what is being recorded; what has ended stays as it is."""
        form = ChangeRecording.read(await form_of(request))
        if form.status_ is None:
            raise bad_value("Status", "")
        asked = request.match_info["recording_sid"]
        sid = do(asked, RecordingChange(status=form.status_, silence=form.pause_behavior == "silence"))
        if sid is None:
            raise not_live(of) if asked == "Twilio.CURRENT" or await self._is_known(asked, of) else not_found(request)
        row = await self._s.store.get(RecordingRow, sid)
        if row is None:
            raise not_found(request)
        body = recording_json(row, "", below=_below(request))
        return web.json_response(body | {"status": form.status_} if row.status in UNFINISHED else body)

    async def delete(self, request: web.Request) -> web.Response:
        row = await self._row(request)
        if row.status in UNFINISHED:
            raise ApiError(20009, "A recording that goes on cannot be deleted", status=409)
        now = datetime.now(UTC)
        await self._s.media.delete(row)
        await self._s.store.save(copy_of(row, deleted_at=now, updated_at=now))
        self._s.keep(row.sid)
        return web.Response(status=204)

    async def sound(self, request: web.Request) -> web.StreamResponse:
        """WAV or MP3, whole or in part (Range), for GET and HEAD; or its picture."""
        row = await self._row(request)
        shape = request.match_info["suffix"][1:] or "wav"
        wanted = request.query.get("RequestedChannels", "")
        if wanted and (wanted not in ("1", "2") or int(wanted) > row.channels):
            raise bad_value("RequestedChannels", wanted)
        try:
            if shape == "svg":
                path = await self._s.media.picture(row)
            else:
                path = await self._s.media.find(row, shape, int(wanted) if wanted else None)
        except NoSuchMedia as fault:
            raise not_found(request) from fault
        except ObjectsAway as fault:
            raise ApiError(20503, "The store of recordings does not answer", status=503, headers=LATER) from fault
        try:
            return await sound_of(request, path, _TYPES[shape])
        except FileNotFoundError as fault:  # deleted meanwhile
            raise not_found(request) from fault

    def _here(self, request: web.Request) -> Select[RecordingRow]:
        """The recordings of the place that the path names."""
        query = select(RecordingRow).where(RecordingRow.account_sid == request[ACCOUNT])
        for name, column in (("call_sid", RecordingRow.call_sid), ("conference_sid", RecordingRow.conference_sid)):
            if name in request.match_info:
                query = query.where(column == request.match_info[name])
        return query

    async def _check_parent(self, request: web.Request) -> None:
        """Raises `ApiError`: the call or the conference was never. Recordings outlive a call that was deleted."""
        named = request.match_info.keys() & {"conference_sid", "call_sid"}
        if not named or await self._s.store.all(self._here(request).limit(1)):
            return
        await (conference_of(self._s, request) if "conference_sid" in named else self._s.call_of(request))

    async def _row(self, request: web.Request, *, is_deleted_shown: bool = False) -> RecordingRow:
        sid = request.match_info["recording_sid"]
        row = await self._s.store.get(RecordingRow, sid) if is_sid(sid, "RE") else None
        match = request.match_info
        if (
            row is None
            or row.account_sid != request[ACCOUNT]
            or row.call_sid != match.get("call_sid", row.call_sid)
            or (row.conference_sid or "") != match.get("conference_sid", row.conference_sid or "")
            or (row.deleted_at is not None and not is_deleted_shown)
        ):
            raise not_found(request)
        return row

    async def _is_known(self, sid: str, of: str) -> bool:
        row = await self._s.store.get(RecordingRow, sid) if is_sid(sid, "RE") else None
        return row is not None and of in (row.call_sid, row.conference_sid)


def _below(request: web.Request) -> str:
    for name, place in (("call_sid", "Calls"), ("conference_sid", "Conferences")):
        if name in request.match_info:
            return f"/{place}/{request.match_info[name]}"
    return ""


def _new_row(sid: str, account_sid: str, call_sid: str, plan: RecordingPlan) -> RecordingRow:
    """What is known of a recording that has just been asked for."""
    now = datetime.now(UTC)
    return RecordingRow(
        sid=sid,
        account_sid=account_sid,
        call_sid=call_sid,
        conference_sid="",
        status="in-progress",
        source=plan.source,
        track=plan.track,
        channels=plan.channels if plan.track == "both" else 1,
        duration_s=0,
        error_code=0,
        started_at=now,
        updated_at=now,
    )
