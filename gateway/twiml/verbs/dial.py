"""`<Dial>`: ring numbers, clients and SIP addresses, enter a room or serve a waiting line; then go on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from gateway.twilio_codes import Code
from gateway.twiml.control import (
    CallControl,
    DequeuePlan,
    DialPlan,
    DialResult,
    DocumentFault,
    RecordingPlan,
)
from gateway.twiml.nouns.caller import caller_id_fault
from gateway.twiml.nouns.client import Client
from gateway.twiml.nouns.conference import Conference
from gateway.twiml.nouns.foreign import FOREIGN_PARTIES
from gateway.twiml.nouns.number import Number
from gateway.twiml.nouns.party import Party
from gateway.twiml.nouns.queue import Queue
from gateway.twiml.nouns.sip import Sip
from gateway.twiml.verb import (
    FallThrough,
    Next,
    Note,
    Redirect,
    Verb,
    attribute,
    flag,
    http_method,
    integer,
    status_callback,
)

MAX_PARTIES = 10
MAX_REASON = 50
RECORDS = {
    "do-not-record": "",
    "false": "",
    "record-from-answer": "answer",
    "true": "answer",
    "record-from-answer-dual": "answer-dual",
    "record-from-ringing": "ringing",
    "record-from-ringing-dual": "ringing-dual",
}
_COUNTRIES = "at au bg br be ch cl cn cz de dk ee es fi fr gr hu il in it lt jp mx my nl no nz ph pl pt ru se sg th uk us tw ve za"
RING_TONES = frozenset({*_COUNTRIES.split(), "us-old"})


def _record(text: str) -> str:
    if text.strip() not in RECORDS:
        raise ValueError(f"is none of {', '.join(RECORDS)}")
    return RECORDS[text.strip()]


def _seconds(text: str) -> float:
    """A length of time: what is no positive number is no length at all, and the default stands."""
    if (found := integer(text.strip())) <= 0:
        raise ValueError("must be a positive whole number")
    return float(found)


def _plain(text: str) -> str:
    """Words for a header: on one line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@dataclass(frozen=True, kw_only=True)
class Dial(
    Verb,
    element="Dial",
    nests=(Number, Client, Sip, Conference, Queue, *FOREIGN_PARTIES),
    nested_code=Code.DIAL_NESTED,
    takes_text=True,
):
    """First answer wins. No `action`: the next verb follows."""

    action: str | None = attribute(None)
    method: str = http_method(Code.DIAL_METHOD)
    timeout: float = attribute(30.0, code=Code.DIAL_TIMEOUT, least=5, most=600, parse=_seconds)
    time_limit: float = attribute(14_400.0, code=Code.DIAL_TIME_LIMIT, most=86_400, parse=_seconds)
    caller_id: str = attribute("", code=Code.DIAL_CALLER_ID, parse=str.strip)
    call_reason: str = attribute("", parse=_plain)
    answer_on_bridge: bool = flag(False, Code.DIAL_ANSWER_ON_BRIDGE)
    hangup_on_star: bool = flag(False, Code.DIAL_HANGUP_ON_STAR)
    sequential: bool = flag(False, Code.DIAL_SEQUENTIAL)
    ring_tone: str = attribute("", code=Code.DIAL_RING_TONE, one_of=tuple(sorted(RING_TONES)))
    record: str = attribute("", code=Code.DIAL_RECORD, parse=_record)
    trim: str = attribute("do-not-trim", code=Code.RECORD_TRIM, one_of=("trim-silence", "do-not-trim"))
    recording_track: str = attribute("both", code=Code.RECORD_TRACK, one_of=("inbound", "outbound", "both"))
    recording_status_callback: str | None = attribute(None)
    recording_status_callback_method: str = http_method(Code.RECORDING_CALLBACK)
    recording_status_callback_event: tuple[str, ...] = attribute(
        ("completed",), code=Code.RECORD_CALLBACK_EVENT, one_of=("in-progress", "completed", "absent")
    )
    recording_configuration_id: str = attribute("")
    refer_url: str | None = attribute(None)
    refer_method: str = http_method(Code.DIAL_METHOD)
    events: str = attribute("")
    passports: str = attribute("")

    def checked(self, notes: list[Note]) -> Self | None:
        children = [child for child in self.children if not child.is_opaque]
        notes.extend(
            Note(Code.DIAL_NESTED, f"<Dial><{child.element}> is not supported: passed over")
            for child in self.children
            if child.is_opaque
        )
        alone = next((child for child in children if isinstance(child, Conference | Queue)), None)
        if alone is not None and (len(children) > 1 or self.text):
            notes.append(
                Note(Code.DIAL_MIXED_NOUNS, f"<{alone.element}> stands alone in a <Dial>: the rest is left out")
            )
            children = [alone]
        if self.text and not children:
            if (number := Number(text=self.text).checked(notes)) is not None:
                children = [number]
        elif self.text and alone is None:
            notes.append(Note(Code.SCHEMA, "text beside the nouns of a <Dial> was passed over"))
        if len(children) > MAX_PARTIES:
            notes.append(Note(Code.SIP_TOO_MANY_URIS, f"<Dial> rings at most {MAX_PARTIES} parties"))
        if len(self.call_reason) > MAX_REASON:
            notes.append(Note(Code.SCHEMA, f"callReason has more than {MAX_REASON} characters"))
        kinds = {child.kind for child in children if isinstance(child, Party)}
        faults = {caller_id_fault(kind, self.caller_id) for kind in sorted(kinds)} - {None}
        notes.extend(Note(*fault) for fault in sorted(fault for fault in faults if fault is not None))
        return replace(self, children=tuple(children[:MAX_PARTIES]), call_reason=self.call_reason[:MAX_REASON])

    async def run(self, call: CallControl) -> Next:
        if call.is_whisper:
            raise DocumentFault(Code.DIAL_IN_WHISPER, "a whispered document can't dial", url=call.base_url)
        result = await self._dial(call)
        if self.action is None or result.falls_through:
            return FallThrough()
        return Redirect(call.resolve(self.action), self.method, tuple(self._params(result)))

    async def _dial(self, call: CallControl) -> DialResult:
        match self.children:
            case (Conference() as room,):
                plan = room.plan(
                    call,
                    time_limit_s=self.time_limit,
                    hangup_on_star=self.hangup_on_star,
                    call_recording=self.recording(call),
                )
                return await call.conference(plan)
            case (Queue() as line,):
                return await call.dequeue(self._dequeue(call, line))
            case ():
                call.notify(Code.DIAL_NESTED, "<Dial> has nobody to ring")
                return DialResult(status="failed")
        return await call.dial(self.plan(call))

    @property
    def only_rings(self) -> bool:
        """Whether it is about parties that ring, and nothing of the application's follows."""
        return self.action is None and bool(self.children) and all(isinstance(child, Party) for child in self.children)

    def plan(self, call: CallControl) -> DialPlan:
        """For parties that ring."""
        return DialPlan(
            targets=tuple(child.target(call) for child in self.children if isinstance(child, Party)),
            timeout_s=self.timeout,
            time_limit_s=self.time_limit,
            caller_id=self.caller_id,
            call_reason=self.call_reason,
            answer_on_bridge=self.answer_on_bridge,
            hangup_on_star=self.hangup_on_star,
            sequential=self.sequential,
            ring_tone=self.ring_tone,
            recording=self.recording(call),
            refer_url=call.resolve(self.refer_url) if self.refer_url else "",
            refer_method=self.refer_method,
        )

    def _dequeue(self, call: CallControl, line: Queue) -> DequeuePlan:
        return DequeuePlan(
            name=line.text,
            url=call.resolve(line.url) if line.url else "",
            method=line.method,
            timeout_s=self.timeout,
            time_limit_s=self.time_limit,
            hangup_on_star=self.hangup_on_star,
            ring_tone=self.ring_tone,
            recording=self.recording(call),
            refer_url=call.resolve(self.refer_url) if self.refer_url else "",
            refer_method=self.refer_method,
        )

    def recording(self, call: CallControl) -> RecordingPlan | None:
        if not self.record:
            return None
        mode, _, dual = self.record.partition("-")
        return RecordingPlan(
            mode=mode,
            channels=2 if dual and self.recording_track == "both" else 1,
            track=self.recording_track,
            trim=self.trim == "trim-silence",
            callback=status_callback(
                call,
                self.recording_status_callback,
                self.recording_status_callback_method,
                self.recording_status_callback_event,
            ),
            source="DialVerb",
        )

    def _params(self, result: DialResult) -> list[tuple[str, str]]:
        params = [("DialCallStatus", result.status)]
        if result.call_sid:
            params.append(("DialCallSid", result.call_sid))
        if result.call_sid and result.duration_s is not None and result.status == "completed":
            params.append(("DialCallDuration", str(result.duration_s)))
        if not any(isinstance(child, Conference) for child in self.children):
            params.append(("DialBridged", "true" if result.bridged else "false"))
        if result.sip_call_id:
            params.append(("DialSipCallId", result.sip_call_id))
        if result.sip_response_code is not None:
            params.append(("DialSipResponseCode", str(result.sip_response_code)))
        params += [(f"DialSipHeader_{name}", value) for name, value in result.sip_headers]
        if result.recording_url:
            params.append(("RecordingUrl", result.recording_url))
        return [*params, *result.parameters]
