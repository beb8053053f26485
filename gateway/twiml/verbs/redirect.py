"""`<Redirect>`: go on with another document; without text, with this one again."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl
from gateway.twiml.verb import Next, Redirect, Verb, http_method


@dataclass(frozen=True, kw_only=True)
class RedirectVerb(Verb, element="Redirect", takes_text=True):
    """Does not answer a call."""

    method: str = http_method(Code.REDIRECT_METHOD)

    async def run(self, call: CallControl) -> Next:
        return Redirect(call.resolve(self.text), self.method)
