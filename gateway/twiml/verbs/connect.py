"""`<Connect>`: hand the call's sound to something that is no telephone."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl
from gateway.twiml.nouns.foreign import FOREIGN_CONNECTIONS
from gateway.twiml.nouns.stream import Stream
from gateway.twiml.verb import FallThrough, Next, Verb, attribute, http_method


@dataclass(frozen=True, kw_only=True)
class Connect(Verb, element="Connect", nests=(Stream, *FOREIGN_CONNECTIONS)):
    """Would block until the far end closes; what can't be connected is reported and the next verb follows."""

    action: str | None = attribute(None)
    method: str = http_method()

    async def run(self, call: CallControl) -> Next:
        for child in self.children:
            call.notify(Code.VERB_NOT_SUPPORTED, f"<Connect><{child.element}> is not served: passed over")
        return FallThrough()
