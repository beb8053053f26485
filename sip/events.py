"""What a session tells its user: a closed union of frozen data."""

from __future__ import annotations

from dataclasses import dataclass

from sip.message import Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A provisional response to our INVITE (not 100); `sdp` where it carries an answer."""

    response: Response
    sdp: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A 2xx to our INVITE; `sdp` None: the answer came with a reliable provisional response.

    To an INVITE without an offer, `sdp` is the peer's offer: the ACK waits for `answer`."""

    response: Response
    sdp: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Our INVITE has failed: refused, timed out (408) or undeliverable (503, without a response). The last event."""

    response: Response | None
    status: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The ACK of our 2xx; `sdp` where it carries the answer to our offer."""

    sdp: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Canceled:
    """The caller left before our final response. The last event."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A re-INVITE or UPDATE of the peer; answer or refuse it. `sdp` None: the peer wants an offer of ours."""

    sdp: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answer to an offer of ours (re-INVITE, UPDATE, or one that the peer asked for), or its refusal: then `sdp` is None."""

    sdp: bytes | None
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Digit:
    """A key by INFO (application/dtmf-relay or application/dtmf)."""

    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Referred:
    """The peer asks us to call somebody else (RFC 3515); accept or refuse it, then notify what comes of it."""

    refer_to: str
    referred_by: str
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferProgress:
    """How our REFER is getting on: `status` of the REFER itself (`final` False below 300) or of a NOTIFY's sipfrag."""

    status: int
    notified: bool
    over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The session is over. The last event. `cause`: bye (the peer's), local (ours, a refusal too), timeout, no-ack,
    session-timer, transport or error."""

    cause: str
    reason: str = ""


SessionEvent = (
    Progress
    | Accepted
    | Refused
    | Confirmed
    | Canceled
    | Offered
    | Answered
    | Info
    | Digit
    | Referred
    | ReferProgress
    | Ended
)
