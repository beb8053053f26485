"""A REFER that a party sent us, until its outcome is told; and where it waits until somebody is there to take it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sip.errors import RemoteError
from sip.events import Referred
from sip.handle import Session
from sip.headers import Address

WAIT_S = 1.0
"""How long a REFER waits for a talk that is about to begin."""


class Referral:
    """Owns the answer to one REFER: refused, or taken and then told how it gets on (RFC 3515)."""

    def __init__(self, session: Session, event: Referred) -> None:
        self._session = session
        self._told = 0
        self.refer_to = event.refer_to
        """The value of Refer-To as it came, `<…>` and headers included."""

        self.referred_by = _address(event.referred_by)
        """Of the one who asks, where it says so; else `""`."""

    def refuse(self, status: int) -> None:
        self._session.refuse_refer(status)

    def accept(self) -> None:
        """202, and the first NOTIFY says 100."""
        self._session.accept_refer()

    def tell(self, status: int) -> None:
        """How it gets on, each thing once; a final status ends the subscription."""
        if status != self._told:
            self._told = status
            self._session.notify_refer(status)


def _address(value: str) -> str:
    """An address without what belongs to a signature that we can't pass on (RFC 3892 section 2)."""
    try:
        found = Address.parse(value)
    except RemoteError:
        return ""
    return f"<{found.uri.bare}>"


class Reception:
    """Where the REFERs of one leg come in. Who asks in the moment between the answer and the bridge is not refused for that."""

    def __init__(self) -> None:
        self._take: Callable[[Referral], None] | None = None
        self._waiting: Referral | None = None
        self._handle: asyncio.TimerHandle | None = None
        self.on_refused: Callable[[Referral], None] = lambda referral: None
        """Told of one that nobody was there to take."""

    def open(self, take: Callable[[Referral], None]) -> None:
        """*take* gets what comes, and what has been waiting."""
        self._take = take
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            take(waiting)

    def close(self) -> None:
        self._take = None

    def came(self, referral: Referral) -> None:
        """A leg has one REFER at a time: the session sees to that."""
        if self._take is not None:
            self._take(referral)
            return
        self._waiting = referral
        self._handle = asyncio.get_running_loop().call_later(WAIT_S, self._expire, referral)

    def forget(self) -> None:
        """The leg has ended."""
        self._take = self._waiting = None
        if self._handle is not None:
            self._handle.cancel()

    def _expire(self, referral: Referral) -> None:
        if self._waiting is referral:
            self._waiting = None
            self.on_refused(referral)
            referral.refuse(603)
