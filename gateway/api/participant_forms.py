"""`POST Participants.json` and `POST Participants/CA….json`: what they take, and what becomes of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Self
from xml.sax.saxutils import escape, quoteattr

from pydantic import AfterValidator

from gateway.api.call_forms import DialForm
from gateway.api.errors import ApiError, bad_value
from gateway.api.forms import CallbackUrl, Flag, Form, Method, RecordingEvents, Url, between, events, matching
from gateway.api.ports import CallRequest, ParticipantChange
from gateway.ids import AccountSid, is_sid, new_call_sid
from gateway.twiml.control import StatusCallback
from gateway.twiml.interpreter import DocumentRequest

START_AND_END = frozenset({"start", "end"})
ConferenceEvents = Annotated[
    frozenset[str], events(("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement"))
]


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0 section 2.2, turned round."""


def _label(value: str) -> str:
    if len(value) > 128 or "/" in value or "%2f" in value.lower() or is_sid(value, "CA"):
        raise ApiError(16023, f"Invalid Label: at most 128 characters, no '/', and no CallSid: {value[:130]!r}")
    return value


_checked_label = AfterValidator(_label)


class WaitingForm(Form):
    """A form in which an empty `WaitUrl` is not the same as none: it asks for silence."""

    wait_url: Url | None = None

    @classmethod
    def read(cls, form: dict[str, str]) -> Self:
        """Raises `ApiError` of the first fault."""
        made = super().read(form)
        return made.model_copy(update={"wait_url": ""}) if form.get("WaitUrl") == "" else made


class AddParticipant(WaitingForm, DialForm):
    """`POST Conferences/CF…/Participants.json`: a call out, and how it takes part."""

    label: Annotated[str, _checked_label] = ""
    timeout: Annotated[int, between(5, 600, 21208, "Timeout")] = 60
    muted: Flag = False
    beep: Annotated[str, matching("true|false|onEnter|onExit", 20001, "Beep")] = "true"
    start_conference_on_enter: Flag = True
    end_conference_on_exit: Flag = False
    early_media: Flag = True
    wait_method: Method = "POST"
    jitter_buffer_size: Annotated[str, matching("large|medium|small|off", 20001, "JitterBufferSize")] = ""
    region: Annotated[str, matching("us1|us2|ie1|de1|sg1|br1|au1|jp1", 20001, "Region")] = ""
    max_participants: Annotated[int, between(2, 250, 20001, "MaxParticipants")] = 250
    conference_record: Annotated[
        str, matching("true|false|record-from-start|do-not-record", 20001, "ConferenceRecord")
    ] = ""
    conference_trim: Annotated[str, matching("trim-silence|do-not-trim", 20001, "ConferenceTrim")] = ""
    conference_status_callback: CallbackUrl = ""
    conference_status_callback_method: Method = "POST"
    conference_status_callback_event: ConferenceEvents = START_AND_END
    conference_recording_status_callback: CallbackUrl = ""
    conference_recording_status_callback_method: Method = "POST"
    conference_recording_status_callback_event: RecordingEvents = frozenset()
    coaching: Flag | None = None
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

    @property
    def coach(self) -> str:
        """CallSid of the only one who is to hear this participant."""
        return self.call_sid_to_coach if self.coaching is not False else ""

    @property
    def conference_callback(self) -> StatusCallback | None:
        url = self.conference_status_callback
        events = self.conference_status_callback_event or START_AND_END
        return StatusCallback(url=url, method=self.conference_status_callback_method, events=events) if url else None

    def _document(self, room: str) -> str:
        """`<Dial><Conference>` with what was asked for; the room's name is text."""
        callback = self.conference_callback
        recording = self.conference_recording_status_callback
        attributes: dict[str, object] = {
            "participantLabel": self.label,
            "muted": self.muted,
            "beep": self.beep,
            "startConferenceOnEnter": self.start_conference_on_enter,
            "endConferenceOnExit": self.end_conference_on_exit,
            "waitMethod": self.wait_method if self.wait_url else "",
            "jitterBufferSize": self.jitter_buffer_size,
            "region": self.region,
            "maxParticipants": self.max_participants,
            "record": {"true": "record-from-start", "false": "do-not-record"}.get(
                self.conference_record, self.conference_record
            ),
            "trim": self.conference_trim,
            "coach": self.coach,
            "statusCallback": callback.url if callback else "",
            "statusCallbackMethod": callback.method if callback else "",
            "statusCallbackEvent": " ".join(sorted(callback.events)) if callback else "",
            "recordingStatusCallback": recording,
            "recordingStatusCallbackMethod": self.conference_recording_status_callback_method if recording else "",
            "recordingStatusCallbackEvent": " ".join(
                sorted(self.conference_recording_status_callback_event & {"in-progress", "completed", "absent"})
            )
            if recording
            else "",
        }
        texts = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in attributes.items()
            if value != ""
        }
        if self.wait_url is not None:  # an empty one is silence
            texts["waitUrl"] = self.wait_url
        written = "".join(f" {name}={quoteattr(text)}" for name, text in texts.items())
        if _NOT_XML.search(room + "".join(texts.values())):
            raise ApiError(20001, "A name, label or URL holds characters that no document may hold")
        return f"<Response><Dial><Conference{written}>{escape(room)}</Conference></Dial></Response>"


class UpdateParticipant(WaitingForm):
    """`POST Conferences/CF…/Participants/CA….json`."""

    muted: Flag | None = None
    hold: Flag | None = None
    hold_url: Url = ""
    hold_method: Method = "GET"
    announce_url: Url = ""
    announce_method: Method = "POST"
    wait_method: Method = "POST"
    beep_on_exit: Flag | None = None
    end_conference_on_exit: Flag | None = None
    coaching: Flag | None = None
    call_sid_to_coach: str = ""

    def change(self) -> ParticipantChange:
        if self.coaching and not is_sid(self.call_sid_to_coach, "CA"):
            raise bad_value("CallSidToCoach", self.call_sid_to_coach)
        return ParticipantChange(**self.model_dump())
