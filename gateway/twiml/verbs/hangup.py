"""`<Hangup>`: end the call. A call that was not answered is answered first, as Twilio does; `<Reject>` avoids that."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twiml.control import CallControl
from gateway.twiml.nouns.parameter import Parameter
from gateway.twiml.verb import Ended, Finish, Next, Verb


@dataclass(frozen=True, kw_only=True)
class Hangup(Verb, element="Hangup", nests=(Parameter,)):
    """No attributes."""

    async def run(self, call: CallControl) -> Next:
        await call.answer()
        return Ended(Finish.HUNG_UP)
