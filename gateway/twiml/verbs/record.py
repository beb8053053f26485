"""`<Record>`: keep what the caller says, then ask `action` what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl, RecordingPlan, RecordPlan
from gateway.twiml.verb import (
    FallThrough,
    Next,
    Note,
    Redirect,
    Verb,
    attribute,
    counted,
    flag,
    http_method,
    status_callback,
)

ANY_KEY = "1234567890*#"
RECORDING_EVENTS = ("in-progress", "completed", "absent")
TRIMS = ("trim-silence", "do-not-trim")
MAX_TRANSCRIBED_S = 120.0


def _keys(text: str) -> str:
    if set(text) - set(ANY_KEY):
        raise ValueError("may hold 0-9, * and # only")
    return text


def _silence(text: str) -> float:
    return float(counted(text.strip(), least=0))


def _max_length(text: str) -> float:
    return float(counted(text.strip(), least=2))


@dataclass(frozen=True, kw_only=True)
class Record(Verb, element="Record"):
    """The caller alone, mono. Nothing but silence: the next verb. No `action`: this document again."""

    action: str | None = attribute(None)
    method: str = http_method(Code.RECORD_METHOD)
    timeout: float = attribute(5.0, code=Code.RECORD_TIMEOUT, parse=_silence, most=86_400)
    finish_on_key: str = attribute(ANY_KEY, code=Code.RECORD_FINISH_KEY, parse=_keys)
    max_length: float = attribute(3600.0, code=Code.RECORD_MAX_LENGTH, parse=_max_length, most=86_400)
    play_beep: bool = flag(True, Code.RECORD_BEEP)
    trim: str = attribute("trim-silence", code=Code.RECORD_TRIM, one_of=TRIMS)
    recording_status_callback: str | None = attribute(None)
    recording_status_callback_method: str = http_method(Code.RECORDING_CALLBACK)
    recording_status_callback_event: tuple[str, ...] = attribute(
        ("completed",), code=Code.RECORD_CALLBACK_EVENT, one_of=RECORDING_EVENTS
    )
    transcribe: bool = flag(False, Code.RECORD_TRANSCRIBE)
    transcribe_callback: str | None = attribute(None)
    recording_configuration_id: str = attribute("")

    def checked(self, notes: list[Note]) -> Self | None:
        if self.transcribe_callback and not self.transcribe:
            notes.append(
                Note(Code.RECORD_TRANSCRIBE, "transcribeCallback without transcribe=true: nothing is written down")
            )
        if self.transcribe and self.max_length > MAX_TRANSCRIBED_S and self.max_length != 3600.0:
            text = f"<Record> with transcribe ends after {MAX_TRANSCRIBED_S:g} s"
            notes.append(Note(Code.RECORD_TOO_LONG_TO_TRANSCRIBE, text))
        return self

    def plan(self, call: CallControl) -> RecordPlan:
        callback = status_callback(
            call,
            self.recording_status_callback,
            self.recording_status_callback_method,
            self.recording_status_callback_event,
        )
        transcribed = status_callback(call, self.transcribe_callback) if self.transcribe else None
        return RecordPlan(
            timeout_s=self.timeout,
            finish_on=self.finish_on_key,
            max_length_s=min(self.max_length, MAX_TRANSCRIBED_S) if self.transcribe else self.max_length,
            play_beep=self.play_beep,
            recording=RecordingPlan(trim=self.trim == "trim-silence", callback=callback, source="RecordVerb"),
            transcribe=self.transcribe,
            transcribe_callback=transcribed.url if transcribed else "",
        )

    async def run(self, call: CallControl) -> Next:
        recorded = await call.record(self.plan(call))
        if not recorded.sid:
            return FallThrough()
        params = (
            ("RecordingUrl", recorded.url),
            ("RecordingSid", recorded.sid),
            ("RecordingDuration", str(recorded.duration_s)),
            ("Digits", recorded.digits),
        )
        return Redirect(call.resolve(self.action or ""), self.method, params)
