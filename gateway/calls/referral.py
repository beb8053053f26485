"""A REFER that a party sent us, until its outcome is told."""

from __future__ import annotations

from sip.events import Referred
from sip.handle import Session


class Referral:
    """Owns the answer to one REFER: refused, or taken and then told how it gets on (RFC 3515)."""

    def __init__(self, session: Session, event: Referred) -> None:
        self._session = session
        self.refer_to = event.refer_to
        """The value of Refer-To as it came, `<…>` and headers included."""

    def refuse(self, status: int) -> None:
        self._session.refuse_refer(status)

    def accept(self) -> None:
        """202, and the first NOTIFY says 100."""
        self._session.accept_refer()

    def tell(self, status: int) -> None:
        """How it gets on; a final status ends the subscription."""
        self._session.notify_refer(status)
