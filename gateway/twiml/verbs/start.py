"""`<Start>` and `<Stop>`: what runs beside the documents of a call."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl
from gateway.twiml.nouns.recording import Recording
from gateway.twiml.nouns.siprec import Siprec
from gateway.twiml.nouns.stream import Stream
from gateway.twiml.nouns.transcription import Transcription
from gateway.twiml.verb import FallThrough, Next, Verb, attribute, http_method

_BESIDE = (Stream, Siprec, Transcription, Recording)


@dataclass(frozen=True, kw_only=True)
class Start(Verb, element="Start", nests=_BESIDE, nested_code=Code.START_NESTED):
    """Does not block and does not answer."""

    action: str | None = attribute(None)
    method: str = http_method()

    async def run(self, call: CallControl) -> Next:
        for child in self.children:
            if not isinstance(child, Recording):
                call.notify(Code.VERB_NOT_SUPPORTED, f"<Start><{child.element}> is not served: passed over")
            elif not call.start_recording(child.plan(call), child.name):
                call.notify(Code.SCHEMA, f"a recording named {child.name!r} is running already")
        return FallThrough()


@dataclass(frozen=True, kw_only=True)
class Stop(Verb, element="Stop", nests=_BESIDE):
    """Ends by name what `<Start>` began."""

    async def run(self, call: CallControl) -> Next:
        for child in self.children:
            if not isinstance(child, Recording):
                call.notify(Code.VERB_NOT_SUPPORTED, f"<Stop><{child.element}> is not served: passed over")
            elif not call.stop_recording(child.name):
                call.notify(Code.SCHEMA, f"no recording named {child.name!r} is running")
        return FallThrough()
