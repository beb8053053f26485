"""Reliable provisional responses (RFC 3262): ours until their PRACK, and the PRACK for those of a peer."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sip.errors import RemoteError
from sip.message import Request, Response
from sip.server_invite import ServerInvite
from sip.timers import Timer

if TYPE_CHECKING:
    from sip.core import Core
    from sip.timers import Owner

MOST_WAITING = 8


class ReliableProvisionals:
    """One at a time: the next is sent when the PRACK of the one before has come (section 3)."""

    def __init__(self, core: Core, owner: Owner, transaction: ServerInvite) -> None:
        self._core = core
        self._owner = owner
        self._transaction = transaction
        self._number = 1 + int(core.random() * 2**30)
        self._waiting: deque[Response] = deque()
        self._interval = 0.0

    @property
    def is_waiting(self) -> bool:
        """Whether a PRACK is due."""
        return bool(self._waiting)

    def send(self, response: Response, now: float) -> None:
        """Now, or after those that wait; what would wait behind too many is left out."""
        if len(self._waiting) >= MOST_WAITING:
            return
        self._waiting.append(response)
        if len(self._waiting) == 1:
            self._begin(now)

    def acknowledged(self, prack: Request, now: float) -> Response:
        """Take a PRACK, give what it acknowledges. Raises `RemoteError`: 481 where it matches nothing, 400 if malformed."""
        number, cseq, method = read_rack(prack)
        invite = self._transaction.request.cseq
        if not self._waiting or (number, cseq, method) != (self._number, invite.number, "INVITE"):
            raise RemoteError(481, "No Such Provisional Response")
        acknowledged = self._waiting.popleft()
        self._number += 1
        self._core.timers.clear(self._owner, Timer.RESEND_RELIABLE, Timer.RELIABLE_WAIT)
        if self._waiting:
            self._begin(now)
        return acknowledged

    def resend(self, now: float) -> None:
        if self._waiting:
            self._transaction.respond(self._waiting[0], now)
            self._interval *= 2
            self._core.timers.set(self._owner, Timer.RESEND_RELIABLE, now + self._interval)

    def _begin(self, now: float) -> None:
        response = self._waiting[0]
        response.headers.add("Require", "100rel")
        response.headers.add("RSeq", str(self._number))
        self._transaction.respond(response, now)
        self._interval = self._core.values.t1
        self._core.timers.set(self._owner, Timer.RESEND_RELIABLE, now + self._interval)
        self._core.timers.set(self._owner, Timer.RELIABLE_WAIT, now + self._core.values.timeout)


def read_rack(prack: Request) -> tuple[int, int, str]:
    """(RSeq, CSeq number, method) of RAck. Raises `RemoteError` 400."""
    parts = (prack.headers.get("RAck") or "").split()
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in parts[:2]):
        raise RemoteError(400, "Malformed RAck")
    return int(parts[0]), int(parts[1]), parts[2]


def needs_prack(response: Response) -> int | None:
    """The RSeq of a reliable provisional response; None for any other. Raises `RemoteError` 400."""
    if not 100 < response.status < 200 or "100rel" not in response.require:
        return None
    value = (response.headers.get("RSeq") or "").strip()
    if not (value.isascii() and value.isdigit() and len(value) <= 10):
        raise RemoteError(400, "Malformed RSeq")
    return int(value)
