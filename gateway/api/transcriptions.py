"""What was said in recordings, written down (`<Record transcribe>`): of the account and of one recording."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy import Select, select

from gateway.api.errors import ApiError, not_found
from gateway.api.pages import Json, listed
from gateway.api.render import API_VERSION, account_uri, date
from gateway.api.services import ACCOUNT, Services
from gateway.ids import is_sid
from gateway.storage.models import RecordingRow, TranscriptionRow

IN_PROGRESS = "in-progress"


def transcription_json(row: TranscriptionRow, *, below: str) -> Json:
    return {
        "sid": row.sid,
        "account_sid": row.account_sid,
        "api_version": API_VERSION,
        "recording_sid": row.recording_sid,
        "status": row.status,
        "transcription_text": row.text,
        "duration": str(row.duration_s),
        "type": "fast",
        "price": None,
        "price_unit": "USD",
        "date_created": date(row.created_at),
        "date_updated": date(row.updated_at),
        "uri": f"{account_uri(row.account_sid)}{below}/Transcriptions/{row.sid}.json",
    }


class Transcriptions:
    """The resource, in its two places. TranscriptionUrl has no `.json`: it leads here, too."""

    def __init__(self, services: Services) -> None:
        self._s = services

    def routes(self) -> list[web.RouteDef]:
        found = [web.get(r"/Transcriptions/{transcription_sid:TR[0-9a-f]{32}}", self.fetch)]
        for place in ("", "/Recordings/{recording_sid}"):
            found += [
                web.get(f"{place}/Transcriptions.json", self.list),
                web.get(f"{place}/Transcriptions/{{transcription_sid}}.json", self.fetch),
                web.delete(f"{place}/Transcriptions/{{transcription_sid}}.json", self.delete),
            ]
        return found

    async def list(self, request: web.Request) -> web.Response:
        query: Select[TranscriptionRow] = select(TranscriptionRow).where(
            TranscriptionRow.account_sid == request[ACCOUNT]
        )
        if "recording_sid" in request.match_info:
            query = query.where(TranscriptionRow.recording_sid == await self._recording(request))
        order = (TranscriptionRow.created_at, TranscriptionRow.sid)
        below = _below(request)
        return await listed(
            request,
            self._s.store,
            "transcriptions",
            query,
            TranscriptionRow,
            order,
            lambda row: transcription_json(row, below=below),
        )

    async def fetch(self, request: web.Request) -> web.Response:
        return web.json_response(transcription_json(await self._row(request), below=_below(request)))

    async def delete(self, request: web.Request) -> web.Response:
        row = await self._row(request)
        if row.status == IN_PROGRESS:
            raise ApiError(20009, "A transcription that goes on cannot be deleted", status=409)
        await self._s.store.remove(row)
        return web.Response(status=204)

    async def _recording(self, request: web.Request) -> str:
        sid = request.match_info["recording_sid"]
        row = await self._s.store.get(RecordingRow, sid) if is_sid(sid, "RE") else None
        if row is None or row.account_sid != request[ACCOUNT]:
            raise not_found(request)
        return row.sid

    async def _row(self, request: web.Request) -> TranscriptionRow:
        sid = request.match_info["transcription_sid"]
        row = await self._s.store.get(TranscriptionRow, sid) if is_sid(sid, "TR") else None
        if (
            row is None
            or row.account_sid != request[ACCOUNT]
            or row.recording_sid != request.match_info.get("recording_sid", row.recording_sid)
        ):
            raise not_found(request)
        return row


def _below(request: web.Request) -> str:
    return f"/Recordings/{request.match_info['recording_sid']}" if "recording_sid" in request.match_info else ""
