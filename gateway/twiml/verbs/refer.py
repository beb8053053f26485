"""`<Refer>`: ask the caller's own telephone to call somebody else (SIP REFER)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl
from gateway.twiml.nouns.sip import ReferSip
from gateway.twiml.verb import FallThrough, Next, Note, Redirect, Verb, attribute, http_method


@dataclass(frozen=True, kw_only=True)
class Refer(Verb, element="Refer", nests=(ReferSip,)):
    """Waits for the outcome, then asks `action`; none: the next verb."""

    action: str | None = attribute(None)
    method: str = http_method()

    def checked(self, notes: list[Note]) -> Self | None:
        if len(self.children) != 1:
            notes.append(Note(Code.SCHEMA, "<Refer> needs exactly one <Sip>"))
        return self if self.children else None

    async def run(self, call: CallControl) -> Next:
        await call.answer()
        result = await call.refer(self.children[0].text, ())
        if self.action is None:
            return FallThrough()
        params = [("ReferCallStatus", result.status)]
        if result.sip_response_code is not None:
            params.append(("ReferSipResponseCode", str(result.sip_response_code)))
        if result.notify_response_code is not None:
            params.append(("NotifySipResponseCode", str(result.notify_response_code)))
        return Redirect(call.resolve(self.action), self.method, tuple(params))
