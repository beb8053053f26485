"""Call status callbacks: which events are sent, and with what (callbacks.md section 1)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

from gateway.calls.call import Call, Happening
from gateway.twiml.control import StatusCallback

_FINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


def event_name(what: Happening) -> str:
    """The StatusCallbackEvent of what happened: every end is `completed`."""
    return "completed" if what.value in _FINAL else what.value


def is_wanted(callback: StatusCallback, what: Happening) -> bool:
    return event_name(what) in callback.events


def status_params(
    call: Call, what: Happening, voice_params: list[tuple[str, str]], now: datetime
) -> list[tuple[str, str]]:
    """The parameters of one callback; takes the call's next sequence number. `initiated` is a CallStatus of its own here."""
    params = [(name, value) for name, value in voice_params if name != "CallStatus"]
    params += [
        ("CallStatus", "initiated" if what is Happening.INITIATED else call.status.value),
        ("Timestamp", rfc_2822(now)),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", str(call.sequence)),
    ]
    call.sequence += 1
    if event_name(what) == "completed":
        params += [("CallDuration", str(call.duration_s)), ("Duration", str(-(-call.duration_s // 60)))]
        if call.sip_response_code is not None:
            params.append(("SipResponseCode", str(call.sip_response_code)))
        params += call.recording
    return params


def rfc_2822(moment: datetime) -> str:
    """`Thu, 1 Jun 2017 20:48:32 +0000`."""
    return format_datetime(moment.astimezone(UTC))
