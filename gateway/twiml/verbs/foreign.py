"""Verbs that Twilio's libraries write and this gateway has no use for: a clear warning, and the document goes on."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl
from gateway.twiml.verb import FallThrough, Next, Verb


@dataclass(frozen=True, kw_only=True)
class _Foreign(Verb):
    is_opaque = True

    async def run(self, call: CallControl) -> Next:
        call.notify(Code.VERB_NOT_SUPPORTED, f"<{self.element}> is not supported: passed over")
        return FallThrough()


class Pay(_Foreign, element="Pay"):
    """Card payments."""


class Prompt(_Foreign, element="Prompt"):
    """What `<Pay>` says."""


class Sms(_Foreign, element="Sms"):
    """A text message (legacy)."""


class Message(_Foreign, element="Message"):
    """A text message; belongs to messaging documents."""


class Queue(_Foreign, element="Queue"):
    """A queue outside `<Dial>` (legacy)."""


class Autopilot(_Foreign, element="Autopilot"):
    """A retired assistant."""
