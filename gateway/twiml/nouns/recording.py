"""`<Recording>`: a recording of the whole call, beside its documents."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl, RecordingPlan
from gateway.twiml.verb import Noun, attribute, http_method, status_callback


@dataclass(frozen=True, kw_only=True)
class Recording(Noun, element="Recording"):
    """Two channels unless it says otherwise: the first is this call, the second whom it is connected with."""

    name: str = attribute("")
    recording_status_callback: str | None = attribute(None)
    recording_status_callback_method: str = http_method(Code.RECORDING_CALLBACK)
    recording_status_callback_event: tuple[str, ...] = attribute(
        ("completed",), code=Code.RECORD_CALLBACK_EVENT, one_of=("in-progress", "completed", "absent")
    )
    trim: str = attribute("trim-silence", code=Code.RECORD_TRIM, one_of=("trim-silence", "do-not-trim"))
    track: str = attribute("both", code=Code.RECORD_TRACK, one_of=("inbound", "outbound", "both"))
    channels: str = attribute("dual", one_of=("mono", "dual"))
    recording_configuration_id: str = attribute("")

    def plan(self, call: CallControl) -> RecordingPlan:
        return RecordingPlan(
            channels=2 if self.channels == "dual" and self.track == "both" else 1,
            track=self.track,
            trim=self.trim == "trim-silence",
            callback=status_callback(
                call,
                self.recording_status_callback,
                self.recording_status_callback_method,
                self.recording_status_callback_event,
            ),
            source="StartCallRecordingTwiML",
        )
