"""What a called party has whatever its kind: whisper, status callbacks, answering-machine detection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl, DialTarget, MachineDetection, StatusCallback, Whisper
from gateway.twiml.verb import Noun, attribute, http_method, status_callback

PROGRESS = ("initiated", "ringing", "answered", "completed")


@dataclass(frozen=True, kw_only=True)
class Party(Noun):
    """A noun of `<Dial>` that rings. `url`: the document that it hears before it is connected."""

    kind: ClassVar[str] = ""
    """As `DialTarget` has it."""

    url: str | None = attribute(None)
    method: str = http_method(Code.NUMBER_METHOD)
    status_callback: str | None = attribute(None)
    status_callback_method: str = http_method()
    status_callback_event: tuple[str, ...] = attribute(("completed",), one_of=PROGRESS)

    def target(self, call: CallControl) -> DialTarget:
        raise NotImplementedError

    def whisper(self, call: CallControl) -> Whisper | None:
        return Whisper(url=call.resolve(self.url), method=self.method) if self.url else None

    def callback(self, call: CallControl) -> StatusCallback | None:
        return status_callback(call, self.status_callback, self.status_callback_method, self.status_callback_event)


@dataclass(frozen=True, kw_only=True)
class DetectedParty(Party):
    """A party that may turn out to be a machine."""

    machine_detection: str = attribute("", one_of=("Enable", "DetectMessageEnd"))
    machine_detection_timeout: int = attribute(30, least=3, most=60)
    machine_detection_speech_threshold: int = attribute(2400, least=1000, most=6000)
    machine_detection_speech_end_threshold: int = attribute(1200, least=500, most=5000)
    machine_detection_silence_timeout: int = attribute(5000, least=2000, most=10_000)
    amd_status_callback: str | None = attribute(None)
    amd_status_callback_method: str = http_method()

    def detection(self, call: CallControl) -> MachineDetection | None:
        if not self.machine_detection:
            return None
        return MachineDetection(
            mode=self.machine_detection,
            timeout_s=self.machine_detection_timeout,
            speech_threshold_ms=self.machine_detection_speech_threshold,
            speech_end_threshold_ms=self.machine_detection_speech_end_threshold,
            silence_timeout_ms=self.machine_detection_silence_timeout,
            callback=status_callback(call, self.amd_status_callback, self.amd_status_callback_method),
        )
