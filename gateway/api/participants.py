"""Participants of a conference: dialled in, muted, held, coached, told something, kicked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

from gateway.api.call_forms import DialForm
from gateway.api.calls import queued_row
from gateway.api.conferences import conference_of, find_conference
from gateway.api.errors import bad_value, not_found
from gateway.api.forms import CallbackUrl, Flag, Form, Method, Url, at_most, between, events, form_of, matching
from gateway.api.pages import Json, paged
from gateway.api.ports import CallRequest, ParticipantChange, ParticipantView
from gateway.api.render import account_uri, date, or_none
from gateway.api.services import ACCOUNT, Services
from gateway.ids import (
    AccountSid,
    CallSid,
    ConferenceSid,
    is_sid,
    new_call_sid,
    new_conference_sid,
    new_notification_sid,
)
from gateway.storage.models import ConferenceRow, NotificationRow
from gateway.twilio_codes import Code
from gateway.twiml.control import StatusCallback
from gateway.twiml.interpreter import DocumentRequest

ConferenceEvents = Annotated[
    frozenset[str], events(("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement"))
]


class AddParticipant(DialForm):
    """`POST Conferences/CF…/Participants.json`: a call out, and how it takes part."""

    label: Annotated[str, at_most(128, 20001, "Label (at most 128 characters)")] = ""
    timeout: Annotated[int, between(5, 600, 21208, "Timeout")] = 60
    muted: Flag = False
    beep: Annotated[str, matching("true|false|onEnter|onExit", 20001, "Beep")] = "true"
    start_conference_on_enter: Flag = True
    end_conference_on_exit: Flag = False
    wait_url: Url | None = None
    wait_method: Method = "POST"
    max_participants: Annotated[int, between(2, 250, 20001, "MaxParticipants")] = 250
    conference_record: Annotated[
        str, matching("true|false|record-from-start|do-not-record", 20001, "ConferenceRecord")
    ] = ""
    conference_trim: Annotated[str, matching("trim-silence|do-not-trim", 20001, "ConferenceTrim")] = ""
    conference_status_callback: CallbackUrl = ""
    conference_status_callback_method: Method = "POST"
    conference_status_callback_event: ConferenceEvents = frozenset({"start", "end"})
    conference_recording_status_callback: CallbackUrl = ""
    conference_recording_status_callback_method: Method = "POST"
    coaching: Flag = False
    call_sid_to_coach: str = ""
    amd_status_callback: CallbackUrl = ""
    amd_status_callback_method: Method = "POST"

    def request(self, account: str, room: str) -> CallRequest:
        """The call, and the document that joins it. Raises `ApiError`."""
        self.check_parties()
        self.check_credentials()
        if self.coaching and not is_sid(self.call_sid_to_coach, "CA"):
            raise bad_value("CallSidToCoach", self.call_sid_to_coach)
        amd = self.amd_status_callback
        return CallRequest(
            sid=new_call_sid(),
            account_sid=AccountSid(account),
            to=self.to,
            from_=self.caller,
            first=DocumentRequest(twiml=self._document(room)),
            created_at=datetime.now(UTC),
            caller_id=self.caller_id,
            call_reason=self.call_reason,
            status_callback=self.callback(),
            timeout_s=self.timeout,
            time_limit_s=self.time_limit,
            recording=self.plan("OutboundAPI") if self.record else None,
            sip_username=self.sip_auth_username,
            sip_password=self.sip_auth_password,
            detection=self.detection(StatusCallback(url=amd, method=self.amd_status_callback_method) if amd else None),
            detects_async=True,
        )

    def _document(self, room: str) -> str:
        """`<Dial><Conference>` with what was asked for; the room's name is text."""
        attributes: dict[str, object] = {
            "participantLabel": self.label,
            "muted": self.muted,
            "beep": self.beep,
            "startConferenceOnEnter": self.start_conference_on_enter,
            "endConferenceOnExit": self.end_conference_on_exit,
            "waitUrl": self.wait_url,
            "waitMethod": self.wait_method if self.wait_url else "",
            "maxParticipants": self.max_participants,
            "record": {"true": "record-from-start", "false": "do-not-record"}.get(
                self.conference_record, self.conference_record
            ),
            "trim": self.conference_trim,
            "coach": self.call_sid_to_coach if self.coaching else "",
            "statusCallback": self.conference_status_callback,
            "statusCallbackMethod": self.conference_status_callback_method if self.conference_status_callback else "",
            "statusCallbackEvent": " ".join(sorted(self.conference_status_callback_event))
            if self.conference_status_callback
            else "",
            "recordingStatusCallback": self.conference_recording_status_callback,
        }
        texts = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in attributes.items()
            if value not in ("", None)
        }
        written = "".join(f" {name}={quoteattr(text)}" for name, text in texts.items())
        return f"<Response><Dial><Conference{written}>{escape(room)}</Conference></Dial></Response>"


class UpdateParticipant(Form):
    """`POST Conferences/CF…/Participants/CA….json`."""

    muted: Flag | None = None
    hold: Flag | None = None
    hold_url: Url = ""
    hold_method: Method = "GET"
    announce_url: Url = ""
    announce_method: Method = "POST"
    wait_url: Url = ""
    wait_method: Method = "POST"
    beep_on_exit: Flag | None = None
    end_conference_on_exit: Flag | None = None
    coaching: Flag | None = None
    call_sid_to_coach: str = ""

    def change(self) -> ParticipantChange:
        if self.coaching and not is_sid(self.call_sid_to_coach, "CA"):
            raise bad_value("CallSidToCoach", self.call_sid_to_coach)
        return ParticipantChange(**self.model_dump())


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
        named = request.match_info["conference_sid"]
        conference = await find_conference(self._s, request[ACCOUNT], named)
        if conference is None and is_sid(named, "CF"):
            raise not_found(request)
        asked = form.request(request[ACCOUNT], conference.friendly_name if conference else named)
        if conference is None:
            conference = _new_conference(request[ACCOUNT], named)
            await self._s.store.save(conference)
        await self._s.departures.add(asked, queued_row(asked))
        if "AsyncAmd" in given:
            self._s.store.put(_always_async(asked))
        view = ParticipantView(
            call_sid=asked.sid,
            label=form.label,
            muted=form.muted,
            coaching=form.coaching,
            call_sid_to_coach=form.call_sid_to_coach,
            start_conference_on_enter=form.start_conference_on_enter,
            end_conference_on_exit=form.end_conference_on_exit,
            status="queued",
            joined_at=asked.created_at,
            updated_at=asked.created_at,
        )
        return web.json_response(participant_json(view, conference), status=201)

    async def fetch(self, request: web.Request) -> web.Response:
        conference, view = await self._participant(request)
        return web.json_response(participant_json(view, conference))

    async def update(self, request: web.Request) -> web.Response:
        conference, view = await self._participant(request)
        change = UpdateParticipant.read(await form_of(request)).change()
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
    return NotificationRow(
        sid=new_notification_sid(),
        account_sid=asked.account_sid,
        call_sid=asked.sid,
        code=int(Code.AMD_ALWAYS_ASYNC),
        log=1,
        message="AsyncAmd is ignored: a participant's machine detection is always asynchronous",
        created_at=datetime.now(UTC),
    )


def _new_conference(account: str, name: str) -> ConferenceRow:
    if len(name) > 128:
        raise bad_value("FriendlyName", name)
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
