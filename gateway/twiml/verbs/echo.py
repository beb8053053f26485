"""`<Echo>`: the caller hears itself until it hangs up (undocumented at Twilio, though its libraries write it)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twiml.control import CallControl
from gateway.twiml.verb import Next, Verb


@dataclass(frozen=True, kw_only=True)
class Echo(Verb, element="Echo"):
    """No attributes."""

    async def run(self, call: CallControl) -> Next:
        await call.echo()
