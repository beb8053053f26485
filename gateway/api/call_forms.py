"""`POST Calls.json`: what it takes, and what becomes of it: a call to be placed, or a change to one that is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator

from gateway.api.errors import ApiError
from gateway.api.forms import (
    CallbackUrl,
    CallEvents,
    Flag,
    Form,
    Method,
    RecordingEvents,
    Twiml,
    Url,
    at_most,
    between,
    matching,
    printable,
)
from gateway.api.ports import CallRequest
from gateway.directory.directory import Directory
from gateway.directory.voice import callback_of, document_of
from gateway.ids import AccountSid, new_call_sid
from gateway.routing.numbers import normalize
from gateway.twiml.control import MachineDetection, RecordingPlan, StatusCallback
from gateway.twiml.interpreter import DocumentRequest
from sip.errors import RemoteError
from sip.uri import Uri

COMPLETED = frozenset({"completed"})
_PHONE = re.compile(r"\+?[0-9*#]{1,20}")
_CLIENT = re.compile(r"client:[A-Za-z0-9._~+@%-]{1,256}(\?\S*)?")
LONGEST_SIP = 255
"""Of an address without its headers (twiml.md section 6)."""
_HEADER = re.compile(r"[Xx]-[A-Za-z0-9!%*_+`'~.-]+|User-to-User|Remote-Party-ID|P-[A-Za-z-]+|Privacy")


def _party(value: str) -> str:
    """E.164 from whatever way a number is written; `sip:` and `client:` as they are. Raises `ApiError`."""
    text = value.strip()
    if text.lower().startswith(("sip:", "sips:")):
        return _sip(text)
    if text.startswith("client:"):
        if not _CLIENT.fullmatch(text):
            raise ApiError(21211, f"Invalid 'To' Client: {text[:100]!r}")
        return text
    number = normalize(text)
    if not _PHONE.fullmatch(number):
        raise ApiError(21211, f"Invalid 'To' Phone Number: {text[:100]!r}")
    return number


def _sip(text: str) -> str:
    try:
        uri = Uri.parse(text)
    except RemoteError as fault:
        raise ApiError(21211, f"Invalid 'To' SIP URI: {text[:100]!r}") from fault
    if len(text.partition("?")[0]) > LONGEST_SIP:
        raise ApiError(21211, f"Invalid 'To' SIP URI, longer than {LONGEST_SIP} characters: {text[:100]!r}")
    if sum(len(name) + len(value) + 2 for name, value in uri.headers) > 1024:
        raise ApiError(21227, "SIP headers are longer than 1024 characters")
    for name, value in uri.headers:
        if not _HEADER.fullmatch(name):
            raise ApiError(21228, f"SIP header name is not valid: {name[:100]!r}")
        if not value.isprintable():
            raise ApiError(21229, f"SIP header value is not valid: {name[:100]!r}")
    return text


To = Annotated[str, AfterValidator(_party)]
_SIP_TEXT = r"[!-~ \u00a0-\U0010ffff]*"
SipUsername = Annotated[
    str, at_most(255, 21221, "SipAuthUsername (at most 255 characters)"), matching(_SIP_TEXT, 21222, "SipAuthUsername")
]
SipPassword = Annotated[
    str,
    at_most(255, 21223, "SipAuthPassword (at most 255 characters)", is_secret=True),
    matching(_SIP_TEXT, 21224, "SipAuthPassword", is_secret=True),
]
_OF_THE_APPLICATION = frozenset(
    {"Url", "Method", "FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackMethod", "Twiml"}
)


class RecordingForm(Form):
    """How a call is to be recorded, where a request may ask for it."""

    recording_channels: Literal["mono", "dual"] = "mono"
    recording_track: Literal["inbound", "outbound", "both"] = "both"
    trim: Literal["trim-silence", "do-not-trim"] = "trim-silence"
    recording_status_callback: CallbackUrl = ""
    recording_status_callback_method: Method = "POST"
    recording_status_callback_event: RecordingEvents = COMPLETED

    def plan(self, source: str) -> RecordingPlan:
        url = self.recording_status_callback
        events = self.recording_status_callback_event or COMPLETED
        return RecordingPlan(
            mode="answer",
            channels=2 if self.recording_channels == "dual" else 1,
            track=self.recording_track,
            trim=self.trim == "trim-silence",
            callback=StatusCallback(url=url, method=self.recording_status_callback_method, events=events)
            if url
            else None,
            source=source,
        )


class StartRecording(RecordingForm):
    """`POST Calls/CA…/Recordings.json`."""

    trim: Literal["trim-silence", "do-not-trim"] = "do-not-trim"


class DialForm(RecordingForm):
    """What a call and a participant have in common."""

    to: To = ""
    from_: Annotated[str, at_most(256, 21212, "From"), printable(21212, "From")] = ""
    status_callback: CallbackUrl = ""
    status_callback_method: Method = "POST"
    status_callback_event: CallEvents = COMPLETED
    timeout: Annotated[int, between(1, 600, 21208, "Timeout")] = 60
    time_limit: Annotated[int, between(1, 86_400, 20001, "TimeLimit")] = 14_400
    record: Flag = False
    sip_auth_username: SipUsername = ""
    sip_auth_password: SipPassword = ""
    caller_id: Annotated[str, at_most(256, 21212, "CallerId"), printable(21212, "CallerId")] = ""
    call_reason: Annotated[
        str, at_most(50, 20001, "CallReason (at most 50 characters)"), printable(20001, "CallReason")
    ] = ""
    machine_detection: Annotated[str, matching("Enable|DetectMessageEnd", 21234, "MachineDetection")] = ""
    machine_detection_timeout: Annotated[int, between(3, 59, 21234, "MachineDetectionTimeout")] = 30
    machine_detection_speech_threshold: Annotated[
        int, between(1000, 6000, 21234, "MachineDetectionSpeechThreshold")
    ] = 2400
    machine_detection_speech_end_threshold: Annotated[
        int, between(500, 5000, 21234, "MachineDetectionSpeechEndThreshold")
    ] = 1200
    machine_detection_silence_timeout: Annotated[
        int, between(2000, 10_000, 21234, "MachineDetectionSilenceTimeout")
    ] = 5000

    def check_parties(self) -> None:
        """Raises `ApiError`: who is called, and by whom, must fit together."""
        if not self.to:
            raise ApiError(21201, "No 'To' number is specified")
        if not self.from_:
            raise ApiError(21213, "No 'From' number is specified")
        if self.to.startswith(("sip", "client:")):
            return
        if not _PHONE.fullmatch(normalize(self.from_)):
            raise ApiError(21212, f"Invalid 'From' Phone Number: {self.from_[:100]!r}")

    def check_credentials(self) -> None:
        if bool(self.sip_auth_username) != bool(self.sip_auth_password):
            raise ApiError(21225, "SipAuthUsername and SipAuthPassword must be given together")

    def callback(self) -> StatusCallback | None:
        if not self.status_callback:
            return None
        events = self.status_callback_event or COMPLETED
        return StatusCallback(url=self.status_callback, method=self.status_callback_method, events=events)

    def detection(self, callback: StatusCallback | None) -> MachineDetection | None:
        if not self.machine_detection:
            return None
        return MachineDetection(
            mode=self.machine_detection,
            timeout_s=self.machine_detection_timeout,
            speech_threshold_ms=self.machine_detection_speech_threshold,
            speech_end_threshold_ms=self.machine_detection_speech_end_threshold,
            silence_timeout_ms=self.machine_detection_silence_timeout,
            callback=callback,
        )

    @property
    def caller(self) -> str:
        return self.from_ if self.from_.startswith(("sip:", "client:")) else normalize(self.from_)


class CreateCall(DialForm):
    """`POST Calls.json`."""

    url: Url = ""
    twiml: Twiml = ""
    application_sid: str = ""
    method: Method = "POST"
    fallback_url: Url = ""
    fallback_method: Method = "POST"
    send_digits: Annotated[str, matching("[0-9A-Da-d#*wW]{1,32}", 21206, "SendDigits")] = ""
    async_amd: Flag = False
    async_amd_status_callback: CallbackUrl = ""
    async_amd_status_callback_method: Method = "POST"
    byoc: str = ""

    @classmethod
    def read(cls, form: dict[str, str]) -> Self:
        """What an application says wins: whatever else is given for the same is not even looked at."""
        ignored = _OF_THE_APPLICATION if form.get("ApplicationSid") else frozenset()
        return super().read({name: value for name, value in form.items() if name not in ignored})

    def warnings(self) -> Iterator[tuple[int, str]]:
        """What was given and has no effect, with a code for the call's notifications."""
        if self.url and self.twiml:
            yield 32019, "Twiml is ignored: Url was given too"
        if self.send_digits and self.machine_detection:
            yield 21234, "MachineDetection is ignored: SendDigits was given too"
        if self.byoc:
            yield 20001, "Byoc is ignored: calls leave by the trunks of the gateway's configuration file"

    def request(self, account: str, directory: Directory) -> CallRequest:
        """Everything checked together. Raises `ApiError`."""
        self.check_parties()
        first, callback = self._document(account, directory)
        self.check_credentials()
        amd_url = self.async_amd_status_callback
        amd = StatusCallback(url=amd_url, method=self.async_amd_status_callback_method) if amd_url else None
        return CallRequest(
            sid=new_call_sid(),
            account_sid=AccountSid(account),
            to=self.to,
            from_=self.caller,
            first=first,
            created_at=datetime.now(UTC),
            application_sid=self.application_sid,
            caller_id=self.caller_id,
            call_reason=self.call_reason,
            status_callback=callback,
            send_digits=self.send_digits,
            timeout_s=self.timeout,
            time_limit_s=self.time_limit,
            recording=self.plan("OutboundAPI") if self.record else None,
            sip_username=self.sip_auth_username,
            sip_password=self.sip_auth_password,
            detection=None if self.send_digits else self.detection(amd),  # digits would be talked over
            detects_async=self.async_amd,
        )

    def _document(self, account: str, directory: Directory) -> tuple[DocumentRequest, StatusCallback | None]:
        """ApplicationSid wins over everything, then Url over Twiml."""
        if self.application_sid:
            application = directory.application(account, self.application_sid)
            if application is None:
                raise ApiError(21218, f"Invalid ApplicationSid: {self.application_sid[:100]!r}")
            if not application.voice_url:
                raise ApiError(21205, f"Application {application.sid} has no VoiceUrl")
            return document_of(application), callback_of(application)
        if not self.url and not self.twiml:
            raise ApiError(21205, "Url parameter is required")
        document = DocumentRequest(
            url=self.url,
            method=self.method,
            fallback_url=self.fallback_url,
            fallback_method=self.fallback_method,
            twiml="" if self.url else self.twiml,
        )
        return document, self.callback()


class UpdateCall(Form):
    """`POST Calls/CA….json`."""

    url: Url = ""
    method: Method = "POST"
    twiml: Twiml = ""
    status_: Literal["canceled", "completed"] | None = None
    fallback_url: Url = ""
    fallback_method: Method = "POST"
    status_callback: CallbackUrl = ""
    status_callback_method: Method = "POST"
    time_limit: Annotated[int, between(1, 86_400, 20001, "TimeLimit")] | None = None

    @property
    def document(self) -> DocumentRequest | None:
        if not self.url and not self.twiml:
            return None
        return DocumentRequest(
            url=self.url,
            method=self.method,
            fallback_url=self.fallback_url,
            fallback_method=self.fallback_method,
            twiml="" if self.url else self.twiml,
        )

    @property
    def callback(self) -> StatusCallback | None:
        return (
            StatusCallback(url=self.status_callback, method=self.status_callback_method)
            if self.status_callback
            else None
        )
