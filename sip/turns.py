"""Offers inside a dialog, one at a time: re-INVITE and UPDATE both ways, glare, answers in ACK and PRACK (RFC 6337)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sip.client_invite import ClientInvite
from sip.core import ALLOW, SUPPORTED_INSIDE
from sip.dialog import Dialog
from sip.errors import RemoteError
from sip.events import Answered, Offered
from sip.machine import Machine
from sip.message import Request, Response, sdp
from sip.server_invite import ServerInvite
from sip.server_request import ServerRequest
from sip.timers import Timer

if TYPE_CHECKING:
    from sip.session import Session

MOST_TRIES = 6
"""How often an offer that meets another one is made again."""


def described(message: Request | Response) -> bytes | None:
    """The description that a message carries; None also for a multipart body that can't be read."""
    try:
        return sdp(message)
    except RemoteError:
        return None


@dataclass(frozen=True, slots=True)
class _Open:
    """An offer of the peer (or its wish for ours) that our user has not answered."""

    transaction: ServerInvite | ServerRequest
    request: Request


class Turns:
    """Who may offer, and whose answer is due. What a description says is not its business."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ours: Machine | None = None
        self._ours_sdp = b""
        self._theirs: _Open | None = None
        self._waiting: bytes | None = None
        self._tries = 0
        self.local_sdp = b""
        """Our description in force; a refresh repeats it."""

        self.agreed = False
        """The first exchange is complete: until then nothing may be offered beside the INVITE."""

        self.we_offered = False
        """The first offer is ours: in our INVITE, or in a response to one that had none."""

    @property
    def is_busy(self) -> bool:
        return self._ours is not None or self._theirs is not None

    def settle(self, local_sdp: bytes) -> None:
        """The first exchange is complete."""
        self.agreed, self.local_sdp = True, local_sdp or self.local_sdp

    # -- our offers -------------------------------------------------------------------------------------------------

    def offer(self, body: bytes, now: float) -> None:
        """By re-INVITE, or UPDATE before the answer. While an offer of either side is open it waits (14.1)."""
        session = self._session
        dialog = session.dialog_in_use
        early = session.is_early and self.agreed and "UPDATE" in session.peer_allows
        if self.is_busy or dialog is None or not (early or session.is_confirmed):
            self._waiting = body
            return
        self._ours_sdp = body
        request = dialog.request("UPDATE" if early else "INVITE", body=body)
        request.headers.add("Allow", ALLOW)
        request.headers.add("Supported", SUPPORTED_INSIDE)
        for name, value in session.refresher.headers():
            request.headers.add(name, value)
        self._ours = session.send(request, now)

    def next(self, now: float) -> None:
        """Make the offer that has waited."""
        body, self._waiting = self._waiting, None
        if body is not None:
            self.offer(body, now)

    def owns(self, machine: Machine) -> bool:
        return machine is self._ours

    def sent_again(self, machine: Machine) -> None:
        """After a challenge the offer goes on in another transaction."""
        self._ours = machine

    def answered(self, machine: Machine, response: Response, now: float) -> None:
        """A final response to our re-INVITE or UPDATE; a 2xx to an INVITE gets its ACK, also when it comes again."""
        session = self._session
        if isinstance(machine, ClientInvite) and response.status < 300:
            session.acknowledge(machine.request.cseq.number, now)
        if machine is not self._ours or session.is_over:
            return
        self._ours = None
        if response.status < 300:
            self._taken(response, now)
        elif (wait_s := self._wait_s(response)) is not None and self._tries < MOST_TRIES:
            self._tries += 1
            if self._waiting is None:
                self._waiting = self._ours_sdp
            session.core.timers.set(session, Timer.GLARE, now + wait_s)
        else:
            self._tries = 0
            session.report(Answered(sdp=None, status=response.status))
            self.next(now)

    def _taken(self, response: Response, now: float) -> None:
        session = self._session
        self._tries = 0
        self.local_sdp = self._ours_sdp
        if session.dialog_in_use is not None:
            session.dialog_in_use.refresh_target(response)
        session.refresher.answered(response, now)
        session.report(Answered(sdp=described(response), status=response.status))
        if not session.is_over:
            self.next(now)

    def _wait_s(self, response: Response) -> float | None:
        """Until we try again: 491 by 14.1, the owner of the Call-ID the longer; 500 as the peer says (14.2, RFC 3311 5.2)."""
        spread = self._session.core.random()
        if response.status == 491:
            return 2.1 + 1.9 * spread if self._session.is_uac else 2.0 * spread
        try:
            after = response.retry_after if response.status == 500 else None
        except RemoteError:
            after = None
        return after + spread if after is not None and after <= 10 else None

    # -- offers of the peer -----------------------------------------------------------------------------------------

    def take(self, transaction: ServerInvite | ServerRequest, request: Request, dialog: Dialog, now: float) -> None:
        """A re-INVITE, an UPDATE, or a PRACK with an offer. Raises `RemoteError` where it may not be now."""
        session = self._session
        body = sdp(request)
        has_offer = body is not None or request.method == "INVITE"
        if has_offer:
            self._check_turn(request)
        if request.method != "PRACK":
            session.refresher.check(request)
            dialog.refresh_target(request)
        if not has_offer:
            headers = [("Contact", dialog.contact), ("Allow", ALLOW), *session.refresher.accept(request, now)]
            transaction.respond(request.reply(200, headers=headers), now)
            return
        self._theirs = _Open(transaction, request)
        session.core.timers.set(session, Timer.OFFER_WAIT, now + session.core.values.timeout)
        session.report(Offered(sdp=body))

    def _check_turn(self, request: Request) -> None:
        if self._theirs is not None:  # 14.2: one of theirs is still open
            raise RemoteError(500, "An Offer Is Open")
        if self._ours is not None:
            raise RemoteError(491, "Request Pending")
        if not self.agreed:  # RFC 3311 section 5.2
            raise RemoteError(491 if self.we_offered else 500, "The First Offer Is Open")
        if request.method == "INVITE" and self._session.is_early:
            raise RemoteError(491 if self._session.is_uac else 500, "Not Established")

    def answer(self, body: bytes, now: float) -> None:
        """Answer what the peer offered, or give our offer where it had none; nothing where nothing is open."""
        session, open_ = self._session, self._close()
        dialog = session.dialog_in_use
        if open_ is None or dialog is None:
            return
        request = open_.request
        self.local_sdp = body
        headers = [("Content-Type", "application/sdp")]
        if request.method != "PRACK":
            more = session.refresher.accept(request, now)
            headers += [("Contact", dialog.contact), ("Allow", ALLOW), ("Supported", SUPPORTED_INSIDE), *more]
        response = request.reply(200, headers=headers, body=body)
        open_.transaction.respond(response, now)
        if isinstance(open_.transaction, ServerInvite):
            session.confirming.begin(response, open_.transaction.flow, now, wants_answer=described(request) is None)
        else:
            self.next(now)

    def reject(self, status: int, now: float) -> None:
        """Refuse what is open: the session goes on as it was (14.2)."""
        open_ = self._close()
        if open_ is not None:
            open_.transaction.respond(open_.request.reply(status), now)
            self.next(now)

    def cancel(self, transaction: Machine, now: float) -> None:
        """The peer takes its re-INVITE back."""
        if self._theirs is not None and self._theirs.transaction is transaction:
            self.reject(487, now)

    def _close(self) -> _Open | None:
        open_, self._theirs = self._theirs, None
        self._session.core.timers.clear(self._session, Timer.OFFER_WAIT)
        return open_

    def abandon(self, now: float) -> None:
        """The session is over: nobody is left without an answer."""
        self._waiting = None
        self.reject(487, now)
