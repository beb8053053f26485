"""REFER and its implicit subscription (RFC 3515): the requests, and what a NOTIFY says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sip.errors import RemoteError
from sip.events import ReferProgress, Referred
from sip.headers import Address
from sip.message import Request, Response
from sip.server_invite import ServerInvite
from sip.server_request import ServerRequest
from sip.status import phrase

if TYPE_CHECKING:
    from sip.session import Session

SIPFRAG = "message/sipfrag"
SUBSCRIPTION_S = 180


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


class Referrals:
    """The REFER that we took and the one that we sent: one of each at a time, in the session's dialog."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked: ServerRequest | None = None
        self._subscription: int | None = None
        """The CSeq of the REFER whose outcome the peer wants to hear."""

    # -- of the peer ------------------------------------------------------------------------------------------------

    def take(self, transaction: ServerInvite | ServerRequest, request: Request) -> None:
        """Raises `RemoteError` for what can't be read, or comes too soon."""
        targets = request.headers.get_all("Refer-To")
        if len(targets) != 1:
            raise RemoteError(400, "Not Exactly One Refer-To")
        Address.parse(targets[0])
        if (self._asked is not None and not self._asked.is_answered) or not isinstance(transaction, ServerRequest):
            raise RemoteError(491, "A REFER Is Pending")
        self._asked = transaction
        by = request.headers.get("Referred-By") or ""
        self._session.report(Referred(refer_to=targets[0], referred_by=by, request=request))

    def accept(self, now: float) -> None:
        """202, and the first NOTIFY (RFC 3515 section 2.4.4)."""
        asked, self._asked = self._asked, None
        dialog = self._session.dialog
        if asked is None or asked.is_answered or dialog is None:
            return
        self._subscription = asked.request.cseq.number
        asked.respond(asked.request.reply(202, headers=[("Contact", dialog.contact)]), now)
        self.notify(100, now)

    def refuse(self, status: int, now: float) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.respond(asked.request.reply(status), now)

    def notify(self, status: int, now: float, reason: str | None = None) -> None:
        """Tell the peer how its REFER is getting on; a final status ends the subscription."""
        dialog = self._session.dialog
        if self._subscription is None or dialog is None or self._session.is_over:
            return
        request = dialog.request("NOTIFY", body=sipfrag(status, reason), content_type=SIPFRAG)
        request.headers.add("Event", f"refer;id={self._subscription}")
        over = status >= 200
        state = "terminated;reason=noresource" if over else f"active;expires={SUBSCRIPTION_S}"
        request.headers.add("Subscription-State", state)
        self._session.send(request, now)
        if over:
            self._subscription = None

    def unsubscribed(self) -> None:
        """A NOTIFY was refused or found nobody: the subscription is over, the session is not (RFC 5057 section 5.1)."""
        self._subscription = None

    def abandon(self, now: float) -> None:
        """The session is over."""
        self.refuse(487, now)
        self._subscription = None

    # -- ours -------------------------------------------------------------------------------------------------------

    def refer(self, target: str, now: float, headers: Sequence[tuple[str, str]]) -> None:
        """Ask the peer to call *target*; `ReferProgress` events follow."""
        session = self._session
        if session.dialog is None or session.is_over:
            return
        request = session.dialog.request("REFER")
        request.headers.add("Refer-To", target)
        request.headers.add("Referred-By", f"<{session.local.uri}>")
        for name, value in headers:
            request.headers.add(name, value)
        session.send(request, now)

    def answered(self, response: Response) -> None:
        self._session.report(ReferProgress(status=response.status, notified=False, over=response.status >= 300))

    def take_notify(self, transaction: ServerInvite | ServerRequest, request: Request, now: float) -> None:
        """Raises `RemoteError` 489 for another event, 400 for what can't be read."""
        if not is_refer_event(request):
            raise RemoteError(489, "Bad Event")
        status = read_sipfrag(request.body) if request.body else 0
        transaction.respond(request.reply(200), now)
        over = is_terminated(request) or status >= 200
        self._session.report(ReferProgress(status=status, notified=True, over=over))
