"""Participants of a conference: dialled in, muted, held, coached, told something, kicked."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import ClassVar

from aiohttp import web

from gateway.api.calls import queued_row, warning
from gateway.api.conferences import conference_of, find_conference
from gateway.api.errors import ApiError, bad_value, not_found
from gateway.api.forms import Form, form_of
from gateway.api.pages import Json, paged
from gateway.api.participant_forms import AddParticipant, UpdateParticipant
from gateway.api.ports import CallRequest, ParticipantView
from gateway.api.render import account_uri, date, or_none
from gateway.api.services import ACCOUNT, Services
from gateway.ids import CallSid, ConferenceSid, is_sid, new_conference_sid
from gateway.storage.models import ConferenceRow, NotificationRow
from gateway.twilio_codes import Code

MAX_NAME = 128


def participant_json(view: ParticipantView, conference: ConferenceRow) -> Json:
    base = f"{account_uri(conference.account_sid)}/Conferences/{conference.sid}"
    return {
        "account_sid": conference.account_sid,
        "call_sid": view.call_sid,
        "conference_sid": conference.sid,
        "label": or_none(view.label),
        "call_sid_to_coach": or_none(view.call_sid_to_coach),
        "coaching": view.coaching,
        "muted": view.muted,
        "hold": view.hold,
        "start_conference_on_enter": view.start_conference_on_enter,
        "end_conference_on_exit": view.end_conference_on_exit,
        "status": view.status,
        "queue_time": str(view.queue_time_ms),
        "date_created": date(view.joined_at),
        "date_updated": date(view.updated_at),
        "uri": f"{base}/Participants/{view.call_sid}.json",
    }


class Participants:
    """The resource."""

    forms: ClassVar[dict[str, type[Form]]] = {"add": AddParticipant, "update": UpdateParticipant}

    def __init__(self, services: Services) -> None:
        self._s = services

    def routes(self) -> list[web.RouteDef]:
        place = "/Conferences/{conference_sid}/Participants"
        return [
            web.get(f"{place}.json", self.list),
            web.post(f"{place}.json", self.add),
            web.get(f"{place}/{{participant}}.json", self.fetch),
            web.post(f"{place}/{{participant}}.json", self.update),
            web.delete(f"{place}/{{participant}}.json", self.kick),
        ]

    async def list(self, request: web.Request) -> web.Response:
        conference = await conference_of(self._s, request)
        shown = [
            participant_json(view, conference) for view in self._s.rooms.participants(ConferenceSid(conference.sid))
        ]
        for name in ("Muted", "Hold", "Coaching"):
            text = request.query.get(name, "").lower()
            if text not in ("", "true", "false"):
                raise bad_value(name, text)
            shown = [item for item in shown if not text or item[name.lower()] is (text == "true")]
        return paged(request, "participants", shown)

    async def add(self, request: web.Request) -> web.Response:
        """A call out of the queue into the room; a room of that name is made where there is none."""
        given = await form_of(request)
        form = AddParticipant.read(given)
        conference, name = await self._room(request)
        asked = form.request(request[ACCOUNT], name)
        self._s.check_caller(asked)
        self._check_place(conference, form)
        view = ParticipantView(
            call_sid=asked.sid,
            label=form.label,
            muted=form.muted,
            coaching=bool(form.coach),
            call_sid_to_coach=form.coach,
            start_conference_on_enter=form.start_conference_on_enter,
            end_conference_on_exit=form.end_conference_on_exit,
            early_media=form.early_media,
            status="queued",
            joined_at=asked.created_at,
            updated_at=asked.created_at,
        )
        new = _new_conference(request[ACCOUNT], name)
        wanted = ConferenceSid(conference.sid if conference is not None else new.sid)
        sid = await self._s.rooms.invite(asked.account_sid, name, wanted, view, form.conference_callback)
        if sid is None:
            raise ApiError(20503, "No conference can be opened now", status=503)
        with ExitStack() as undone:
            undone.callback(self._s.rooms.missed, asked.sid)
            if sid == new.sid:
                await self._s.store.save(conference := new)
            await self._s.departures.add(asked, queued_row(asked))
            undone.pop_all()
        if "AsyncAmd" in given:
            self._s.store.put(_always_async(asked))
        return web.json_response(participant_json(view, conference or new), status=201)

    async def _room(self, request: web.Request) -> tuple[ConferenceRow | None, str]:
        """The conference that goes on, and its name; a SID must be of one that does. Raises `ApiError`."""
        named = request.match_info["conference_sid"]
        conference = await find_conference(self._s, request[ACCOUNT], named)
        if is_sid(named, "CF"):
            if conference is None or conference.status == "completed":
                raise not_found(request)
            return conference, conference.friendly_name
        if not 0 < len(named) <= MAX_NAME:
            raise bad_value("FriendlyName", named)
        return conference, named

    def _check_place(self, conference: ConferenceRow | None, form: AddParticipant) -> None:
        """Raises `ApiError`: a label that is taken, a full conference, someone to coach who is not there."""
        here = self._s.rooms.participants(ConferenceSid(conference.sid)) if conference is not None else ()
        if form.label and any(view.label == form.label for view in here):
            raise ApiError(16025, f"A participant with the label {form.label!r} is in the conference")
        if len(here) >= form.max_participants:
            raise ApiError(16020, "The conference is full")
        if form.coach and not any(view.call_sid == form.coach for view in here):
            raise bad_value("CallSidToCoach", form.coach)

    async def fetch(self, request: web.Request) -> web.Response:
        conference, view = await self._participant(request)
        return web.json_response(participant_json(view, conference))

    async def update(self, request: web.Request) -> web.Response:
        conference, view = await self._participant(request)
        change = UpdateParticipant.read(await form_of(request)).change()
        coach = change.call_sid_to_coach
        others = {one.call_sid for one in self._s.rooms.participants(ConferenceSid(conference.sid))} - {view.call_sid}
        if coach and coach not in others:
            raise bad_value("CallSidToCoach", coach)
        if not self._s.rooms.change(ConferenceSid(conference.sid), view.call_sid, change):
            raise not_found(request)
        return await self.fetch(request)

    async def kick(self, request: web.Request) -> web.Response:
        conference, view = await self._participant(request)
        if not self._s.rooms.kick(ConferenceSid(conference.sid), view.call_sid):
            raise not_found(request)
        return web.Response(status=204)

    async def _participant(self, request: web.Request) -> tuple[ConferenceRow, ParticipantView]:
        """By CallSid or by label."""
        conference = await conference_of(self._s, request)
        asked = request.match_info["participant"]
        for view in self._s.rooms.participants(ConferenceSid(conference.sid)):
            if view.call_sid == CallSid(asked) or (view.label and view.label == asked):
                return conference, view
        raise not_found(request)


def _always_async(asked: CallRequest) -> NotificationRow:
    message = "AsyncAmd is ignored: a participant's machine detection is always asynchronous"
    return warning(asked, int(Code.AMD_ALWAYS_ASYNC), message)


def _new_conference(account: str, name: str) -> ConferenceRow:
    now = datetime.now(UTC)
    return ConferenceRow(
        sid=new_conference_sid(),
        account_sid=account,
        friendly_name=name,
        status="init",
        reason_ended="",
        call_sid_ending="",
        created_at=now,
        updated_at=now,
    )
