"""REFER and its implicit subscription (RFC 3515): the requests, and what a NOTIFY says."""

from __future__ import annotations

from sip.errors import RemoteError
from sip.message import Request
from sip.status import phrase

SIPFRAG = "message/sipfrag"


def sipfrag(status: int, reason: str | None = None) -> bytes:
    """The body of a NOTIFY about a REFER."""
    return f"SIP/2.0 {status} {reason or phrase(status)}\r\n".encode()


def read_sipfrag(body: bytes) -> int:
    """The status that a NOTIFY reports. Raises `RemoteError` 400."""
    line = body.lstrip().split(b"\r\n", 1)[0].split(b"\n", 1)[0].decode("utf-8", "replace")
    version, _, rest = line.partition(" ")
    code = rest[:3]
    if version.upper() != "SIP/2.0" or not (len(code) == 3 and code.isascii() and code.isdigit()):
        raise RemoteError(400, "Malformed sipfrag")
    return int(code)


def is_terminated(notify: Request) -> bool:
    """Whether the subscription is over (RFC 6665 section 4.1.3)."""
    state = (notify.headers.get("Subscription-State") or "").partition(";")[0].strip().lower()
    return state == "terminated"


def is_refer_event(notify: Request) -> bool:
    return (notify.headers.get("Event") or "").partition(";")[0].strip().lower() == "refer"
