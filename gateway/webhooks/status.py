"""Call status callbacks: which events are sent (callbacks.md section 1)."""

from __future__ import annotations

from gateway.calls.call import Happening
from gateway.twiml.control import StatusCallback

_FINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


def event_name(what: Happening) -> str:
    """The StatusCallbackEvent of what happened: every end is `completed`."""
    return "completed" if what.value in _FINAL else what.value


def is_wanted(callback: StatusCallback, what: Happening) -> bool:
    return event_name(what) in callback.events
