"""The parameters of a call's webhooks, in Twilio's words (twiml.md section 3, callbacks.md sections 1 and 3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from gateway.calls.call import Call, Happening

API_VERSION = "2010-04-01"
Params = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """A call as its webhooks tell of it, at one moment."""

    sid: str
    account_sid: str
    from_: str
    to: str
    status: str
    direction: str
    parent_sid: str = ""
    application_sid: str = ""
    forwarded_from: str = ""
    caller_name: str = ""
    answered_by: str = ""
    machine_detection_ms: int | None = None
    extras: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, call: Call) -> CallView:
        return cls(
            sid=call.sid,
            account_sid=call.account_sid,
            from_=call.from_,
            to=call.to,
            status=call.status.value,
            direction=call.direction,
            parent_sid=call.parent.sid if call.parent else "",
            application_sid=call.application_sid,
            forwarded_from=call.forwarded_from,
            caller_name=call.caller_name if call.tells_caller_name else "",
            answered_by=call.answered_by,
            machine_detection_ms=call.machine_detection_ms,
            extras=call.extras,
        )


def voice_params(view: CallView) -> Params:
    """What every TwiML fetch of a call carries."""
    params = [
        ("AccountSid", view.account_sid),
        ("ApiVersion", API_VERSION),
        ("CallSid", view.sid),
        ("CallStatus", view.status),
        ("Called", view.to),
        ("Caller", view.from_),
        ("Direction", view.direction),
        ("From", view.from_),
        ("To", view.to),
    ]
    optional = (
        ("ParentCallSid", view.parent_sid),
        ("ApplicationSid", view.application_sid),
        ("ForwardedFrom", view.forwarded_from),
        ("CallerName", view.caller_name),
        ("AnsweredBy", view.answered_by),
        ("MachineDetectionDuration", "" if view.machine_detection_ms is None else str(view.machine_detection_ms)),
    )
    params += [(name, value) for name, value in optional if value]
    params += _places(view)
    return [*params, *view.extras]


def _places(view: CallView) -> Params:
    """Calls of the telephone network say where from and where to: empty, as Twilio has it where that is unknown."""
    if not (_is_number(view.from_) and _is_number(view.to)):
        return []
    sides = ("Caller", "Called", "From", "To")
    return [(f"{side}{what}", "") for side in sides for what in ("City", "State", "Zip", "Country")]


def _is_number(party: str) -> bool:
    return party.removeprefix("+").isdigit()


def progress_params(call: Call, what: Happening, sequence: int, at: datetime) -> Params:
    """A call status callback (callbacks.md section 1). `initiated` is a status of callbacks only."""
    params = [(name, value) for name, value in voice_params(CallView.of(call)) if name != "CallStatus"]
    status = "initiated" if what is Happening.INITIATED else call.status.value
    params += [
        ("CallStatus", status),
        ("Timestamp", timestamp(at)),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", str(sequence)),
    ]
    if call.status.is_final and what not in (Happening.INITIATED, Happening.RINGING, Happening.ANSWERED):
        params += duration_params(call.duration_s)
        params += call.recording
        if call.sip_response_code is not None:
            params.append(("SipResponseCode", str(call.sip_response_code)))
    return params


def duration_params(seconds: int) -> Params:
    """How long a call was, and in minutes as they are billed."""
    return [("CallDuration", str(seconds)), ("Duration", str(-(-seconds // 60)))]


def partial_params(text: str, stable: str, number: int, language: str) -> Params:
    """What is understood of a `<Gather>`'s speech so far. *stable*: its beginning, which two results in a row agree on."""
    return [
        ("UnstableSpeechResult", text),
        ("StableSpeechResult", stable),
        ("SequenceNumber", str(number)),
        ("Language", language),
    ]


def timestamp(at: datetime) -> str:
    """RFC 2822, as `Thu, 01 Jun 2017 20:48:32 +0000`."""
    return format_datetime(at)


def clean(params: Iterable[tuple[str, str]]) -> Params:
    """Text that can be written as UTF-8: octets that came from SIP and are none become U+FFFD."""
    return [(_utf8(name), _utf8(value)) for name, value in params]


def _utf8(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
