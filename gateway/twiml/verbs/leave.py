"""`<Leave>`: out of the waiting line, on with what follows the `<Enqueue>`."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twiml.control import CallControl
from gateway.twiml.verb import Ended, Finish, Next, Verb


@dataclass(frozen=True, kw_only=True)
class Leave(Verb, element="Leave"):
    """No attributes; only a waiting line's document may hold it."""

    async def run(self, call: CallControl) -> Next:
        return Ended(Finish.LEFT)
