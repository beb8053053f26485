"""How a leg ended: the outcome in Twilio's words and the SIP response behind it, as one table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.calls.call import Happening
from gateway.twilio_codes import Code

_BUSY = frozenset({486, 600, 603})
_NO_ANSWER = frozenset({408, 480, 487})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The end of one leg. `what` is where the call's status machine goes; answered calls end `completed` whatever ended them."""

    what: Happening
    sip_code: int | None = None
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """X- headers of the final response."""

    by_peer: bool = False


NOTIFIED = {
    "no-ack": (Code.NO_ACK, "the caller did not acknowledge that the call was answered (ACK)"),
    "no RTP": (Code.NO_RTP, "nothing was heard of the party (RTP) for too long"),
    "time limit": (Code.TOO_LONG, "the call has lasted as long as it may"),
}
"""Reasons for an end that the application finds among the call's notifications (twiml.md section 2)."""


class CallFailed(Exception):
    """A leg can't be placed: knows its own outcome, the SIP code and the notification to keep (0: none)."""

    def __init__(
        self,
        what: Happening,
        reason: str,
        *,
        sip_code: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        notification: int = 0,
    ) -> None:
        super().__init__(reason)
        self.ending = Ending(what=what, sip_code=sip_code, reason=reason, headers=headers)
        self.notification = notification


def outcome(sip_code: int) -> Happening:
    """What a final response to our INVITE means for the call (callbacks reference, section 6 of twiml.md)."""
    if sip_code in _BUSY:
        return Happening.BUSY
    if sip_code in _NO_ANSWER:
        return Happening.NO_ANSWER
    return Happening.COMPLETED if 200 <= sip_code < 300 else Happening.FAILED


_PRECEDENCE = (Happening.NO_ANSWER, Happening.BUSY, Happening.FAILED, Happening.CANCELED)


def worst(outcomes: list[Happening]) -> Happening:
    """The one outcome of several parties that all failed: a telephone that rang says more than one that did not."""
    return min(outcomes, key=_PRECEDENCE.index, default=Happening.FAILED)


def refer_status(sip_code: int | None, notified: int | None) -> str:
    """ReferCallStatus of callbacks.md section 2."""
    if sip_code is not None and sip_code >= 300:
        return "failed"
    if notified is None or notified < 200:
        return "canceled"
    if notified < 300:
        return "in-progress"
    return {486: "busy", 600: "busy", 408: "no-answer", 480: "no-answer", 487: "canceled"}.get(notified, "failed")


def sip_reason(text: str) -> str | None:
    """A Reason header (RFC 3326) for those words of ours that have one."""
    return 'SIP;cause=200;text="Call completed elsewhere"' if text == "answered elsewhere" else None


def x_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The headers of a response that an application may see: X-… and User-to-User."""
    return tuple(
        (name, value) for name, value in headers if name.lower().startswith("x-") or name.lower() == "user-to-user"
    )
