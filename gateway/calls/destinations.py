"""Where a target's telephones are: a client's bindings, a SIP address, or the trunk of a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.calls.call import Call, Happening
from gateway.calls.ending import CallFailed
from gateway.twiml.control import DialTarget
from sip.digest import Credentials
from sip.transport import Flow, Hop


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One INVITE to be sent: request URI, From and To, where to, and what goes with it."""

    uri: str
    from_: str
    to: str = ""
    next_hops: tuple[Hop | Flow, ...] = ()
    credentials: Credentials | None = None
    headers: tuple[tuple[str, str], ...] = ()
