"""`<Reject>`: refuse a call that has not been answered."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl
from gateway.twiml.nouns.parameter import Parameter
from gateway.twiml.verb import Ended, Finish, Next, Verb, attribute


@dataclass(frozen=True, kw_only=True)
class Reject(Verb, element="Reject", nests=(Parameter,)):
    """Once a call is answered there is nothing to refuse: it is hung up."""

    reason: str = attribute("rejected", code=Code.REJECT_REASON, one_of=("rejected", "busy"))

    async def run(self, call: CallControl) -> Next:
        if call.is_answered:
            call.notify(Code.SCHEMA, "<Reject> on an answered call hangs up")
        else:
            await call.reject(self.reason)
        return Ended(Finish.HUNG_UP)
