"""`<Conference>`: a named room."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl, ConferencePlan, RecordingPlan
from gateway.twiml.verb import Note, Noun, attribute, flag, http_method, status_callback, wait_url

EVENTS = ("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement")
REGIONS = ("us1", "us2", "ie1", "de1", "sg1", "br1", "au1", "jp1")
MAX_NAME = 128


def _record(text: str) -> bool:
    values = {"do-not-record": False, "false": False, "record-from-start": True, "true": True}
    if text.strip() not in values:
        raise ValueError("must be do-not-record or record-from-start")
    return values[text.strip()]


def _label(text: str) -> str:
    if not 0 < len(text) <= MAX_NAME or "/" in text or "%2f" in text.lower() or re.fullmatch(r"CA[0-9a-f]{32}", text):
        raise ValueError(f"must have 1 to {MAX_NAME} characters, no '/', and be no CallSid")
    return text


def _coach(text: str) -> str:
    if not text.strip():
        raise ValueError("must be the SID of a call in the room")
    return text.strip()


@dataclass(frozen=True, kw_only=True)
class Conference(Noun, element="Conference", takes_text=True):
    """The text is the room's name. The first to join settles callbacks and recording."""

    muted: bool = flag(False, Code.CONFERENCE_MUTED)
    beep: str = attribute("true", code=Code.CONFERENCE_BEEP, one_of=("true", "false", "onEnter", "onExit"))
    start_conference_on_enter: bool = flag(True, Code.CONFERENCE_START_ON_ENTER)
    end_conference_on_exit: bool = flag(False, Code.CONFERENCE_END_ON_EXIT)
    wait_url: str | None = attribute(None)
    wait_method: str | None = http_method(Code.CONFERENCE_WAIT_METHOD, None)
    max_participants: int = attribute(250, code=Code.CONFERENCE_ATTRIBUTE, least=2, most=250)
    record: bool = attribute(False, parse=_record)
    trim: str = attribute("trim-silence", code=Code.CONFERENCE_TRIM, one_of=("trim-silence", "do-not-trim"))
    coach: str = attribute("", code=Code.CONFERENCE_COACH, parse=_coach)
    participant_label: str = attribute("", code=Code.PARTICIPANT_LABEL, parse=_label)
    jitter_buffer_size: str = attribute(
        "large", code=Code.CONFERENCE_ATTRIBUTE, one_of=("large", "medium", "small", "off")
    )
    region: str = attribute("", code=Code.CONFERENCE_ATTRIBUTE, one_of=REGIONS)
    status_callback: str | None = attribute(None)
    status_callback_method: str = http_method(Code.CONFERENCE_ATTRIBUTE)
    status_callback_event: tuple[str, ...] = attribute((), code=Code.CONFERENCE_ATTRIBUTE, one_of=EVENTS)
    recording_status_callback: str | None = attribute(None)
    recording_status_callback_method: str = http_method(Code.RECORDING_CALLBACK)
    recording_status_callback_event: tuple[str, ...] = attribute(
        ("completed",), code=Code.RECORD_CALLBACK_EVENT, one_of=("in-progress", "completed", "absent")
    )
    event_callback_url: str = attribute("")
    recording_configuration_id: str = attribute("")

    def checked(self, notes: list[Note]) -> Self | None:
        if not 0 < len(self.text) <= MAX_NAME:
            notes.append(Note(Code.CONFERENCE_NAME, f"the name of a room has 1 to {MAX_NAME} characters"))
            return None
        return self

    def plan(
        self, call: CallControl, *, time_limit_s: float, hangup_on_star: bool, call_recording: RecordingPlan | None
    ) -> ConferencePlan:
        return ConferencePlan(
            name=self.text,
            muted=self.muted,
            beep=self.beep,
            start_on_enter=self.start_conference_on_enter,
            end_on_exit=self.end_conference_on_exit,
            wait_url=wait_url(call, self.wait_url, Code.CONFERENCE_WAIT_URL),
            wait_method=self.wait_method or ("POST" if self.wait_url else "GET"),
            max_participants=self.max_participants,
            coach=self.coach,
            label=self.participant_label,
            jitter_buffer=self.jitter_buffer_size,
            callback=status_callback(
                call, self.status_callback, self.status_callback_method, self.status_callback_event
            ),
            event_callback=event.url if (event := status_callback(call, self.event_callback_url)) else "",
            recording=self._recording(call),
            time_limit_s=time_limit_s,
            hangup_on_star=hangup_on_star,
            call_recording=call_recording,
        )

    def _recording(self, call: CallControl) -> RecordingPlan | None:
        if not self.record:
            return None
        callback = status_callback(
            call,
            self.recording_status_callback,
            self.recording_status_callback_method,
            self.recording_status_callback_event,
        )
        return RecordingPlan(trim=self.trim == "trim-silence", callback=callback, source="Conference")
