"""`<Pause>`: nothing, for a while. It never answers a call: a caller who rings goes on ringing."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl
from gateway.twiml.verb import FallThrough, Next, Verb, attribute


@dataclass(frozen=True, kw_only=True)
class Pause(Verb, element="Pause"):
    """`length` in seconds."""

    length: float = attribute(1.0, code=Code.PAUSE_LENGTH, least=1, most=86_400)

    async def run(self, call: CallControl) -> Next:
        await call.pause(self.length)
        return FallThrough()
