"""A session that we begin: forks, early dialogs, PRACK, CANCEL at any moment, challenges, 422 (RFC 3261 sections 9, 13.2 and 22)."""

from __future__ import annotations

from collections.abc import Callable

from sip.authentication import Authenticator
from sip.client_invite import ClientInvite, cancel_of
from sip.client_invite import State as Calling
from sip.dialog import Dialog
from sip.errors import RemoteError
from sip.events import Accepted, Progress, Refused, SessionEvent
from sip.headers import parse_number
from sip.machine import Machine
from sip.message import Headers, Request, Response, sdp
from sip.reliable import needs_prack
from sip.server_invite import ServerInvite
from sip.server_request import ServerRequest
from sip.session import ALLOW, Core, Session, State
from sip.session_timer import as_uac
from sip.timers import Timer
from sip.transport import Flow

CANCEL_PATIENCE_S = 32.0
"""A CANCEL that brings no final response ends the session all the same (9.1: 64*T1)."""


class OutgoingSession(Session):
    """UAC of an INVITE. `start` sends it; `Refused` or `Ended` is its last event."""

    is_uac = True

    def __init__(
        self,
        core: Core,
        request: Request,
        flow: Flow,
        contact: str,
        sink: Callable[[SessionEvent], None],
        authenticator: Authenticator,
    ) -> None:
        super().__init__(core, request, flow, contact, sink)
        self.authenticator = authenticator
        self.principal: object = None
        self.on_unreachable: Callable[[int], bool] = lambda status: False
        """Asked when the peer can't be had (408, 503) before any provisional response: True, it tries the next hop."""

        self._local_sdp = request.body
        self._transaction: ClientInvite | None = None
        self._cancel_reason: str | None = None
        self._canceled = False
        self._provisional = False
        self._early: dict[str, Dialog] = {}
        self._strays: dict[str, bytes] = {}
        self._rseq: dict[str, int] = {}
        self._answered_early = False
        self._retries = 0

    def start(self, now: float, flow: Flow | None = None) -> None:
        """Send the INVITE, or send it again on another flow after a fail-over."""
        if flow is not None:
            self.flow = flow
        if self._canceled:
            self.finish(Refused(response=None, status=487, reason="Canceled"))
            return
        self._provisional = False
        machine = self.core.send_request(self, self.request, self.flow, now)
        self._transaction = machine if isinstance(machine, ClientInvite) else None

    def failed_to_start(self, status: int) -> None:
        """There is nowhere to send it."""
        self._refuse(Refused(response=None, status=status, reason="No Such Destination"))

    @property
    def is_canceled(self) -> bool:
        return self._canceled

    def cancel(self, now: float, reason: str | None = None) -> None:
        """Stop calling. Before a provisional response the CANCEL waits for one (9.1); after the answer it is a BYE."""
        if self.state in (State.CONFIRMED, State.ACCEPTED):
            self.bye(now, reason)
            return
        if self._canceled or self.state is State.ENDED:
            return
        self._canceled, self._cancel_reason = True, reason
        if self._transaction is None:
            self.finish(Refused(response=None, status=487, reason="Canceled"))
        elif self._provisional:
            self._send_cancel(now)

    def _send_cancel(self, now: float) -> None:
        transaction = self._transaction
        if transaction is not None and transaction.state in (Calling.CALLING, Calling.PROCEEDING):
            self.core.send_request(self, cancel_of(transaction.request, self._cancel_reason), transaction.flow, now)
            self.core.timers.set(self, Timer.CANCELED, now + CANCEL_PATIENCE_S)

    # -- responses --------------------------------------------------------------------------------------------------

    def receive_response(self, machine: Machine, response: Response, now: float) -> None:
        method = machine.request.method
        if method in ("CANCEL", "PRACK"):
            return
        if method != "INVITE" or machine is not self._transaction:
            super().receive_response(machine, response, now)
            return
        if response.status < 200:
            self._provisional_response(response, now)
        elif response.status < 300:
            self._success(response, now)
        else:
            self._failure(response, now)

    def _provisional_response(self, response: Response, now: float) -> None:
        if self.state is not State.EARLY:
            return
        first, self._provisional = not self._provisional, True
        if self._canceled:
            if first:
                self._send_cancel(now)
            return
        if response.status == 100 or response.to.tag is None:
            if response.status != 100:
                self.tell(Progress(response=response, sdp=None))
            return
        if self._acknowledge_reliable(response, now):
            self.tell(Progress(response=response, sdp=sdp(response)))

    def _acknowledge_reliable(self, response: Response, now: float) -> bool:
        """PRACK what asks for it, in the early dialog of its fork. False: seen before, or out of order (RFC 3262 section 4)."""
        tag = response.to.tag or ""
        dialog = self._early.get(tag)
        if dialog is None:
            dialog = self._early[tag] = Dialog.as_uac(self.request, response, self.contact, self.flow)
            self.core.bind(dialog, self)
        try:
            number = needs_prack(response)
        except RemoteError:
            return False
        if number is None:
            return True
        last = self._rseq.get(tag)
        if last is not None and number != last + 1:
            return False
        self._rseq[tag] = number
        prack = dialog.request("PRACK")
        prack.headers.add("RAck", f"{number} {response.cseq.number} INVITE")
        self.authenticator.authorize(prack)
        self.core.send_request(self, prack, self.core.flow_for(dialog), now)
        self._answered_early = self._answered_early or sdp(response) is not None
        return True

    def _success(self, response: Response, now: float) -> None:
        tag = response.to.tag or ""
        cseq = self.request.cseq.number
        if self.dialog is not None and tag == (self.dialog.remote.tag or ""):
            self.acknowledge(cseq, now)  # a 2xx again: our ACK was lost
            return
        if self.dialog is not None or self.state is State.ENDED:
            self._end_stray(response, now)
            return
        dialog = self._early.pop(tag, None) or Dialog.as_uac(self.request, response, self.contact, self.flow)
        dialog.refresh_target(response)
        dialog.routes = tuple(reversed(response.record_routes))
        for other in self._early.values():
            self.core.unbind(other)
        self._early.clear()
        self.dialog, self.state = dialog, State.CONFIRMED
        self.core.timers.clear(self)
        self.core.bind(dialog, self)
        self._peer_allows = frozenset(m.strip().upper() for m in (response.headers.get("Allow") or "").split(","))
        self.acknowledge(cseq, now)
        if self._canceled:  # the answer crossed our CANCEL
            self.bye(now, self._cancel_reason)
            return
        self._agree_interval(as_uac(response, self.core.session_expires_s), now)
        self.tell(Accepted(response=response, sdp=sdp(response)))

    def _end_stray(self, response: Response, now: float) -> None:
        """A second fork has answered (13.2.2.4): ACK it, then BYE; its repeated 2xx gets the ACK again."""
        tag = response.to.tag or ""
        if tag in self._strays:
            self.core.send(self.flow, self._strays[tag])
            return
        dialog = Dialog.as_uac(self.request, response, self.contact, self.flow)
        ack = dialog.request("ACK", cseq=self.request.cseq.number)
        self._strays[tag] = self.core.send_ack(ack, self.core.flow_for(dialog))
        self.core.send_request(self, dialog.request("BYE"), self.core.flow_for(dialog), now)

    def _failure(self, response: Response, now: float) -> None:
        if self.state is not State.EARLY:
            return
        if not self._canceled and self._retries < 4:
            again: Request | None = None
            if response.status in (401, 407) and self.authenticator.challenged(self.request, response):
                again = self._once_more()
                self.authenticator.authorize(again)
            elif response.status == 422:
                again = self._longer(response)
            if again is not None:
                self._retries += 1
                self._forget_early()
                self.request = again
                self.start(now)
                return
            if response.status == 503 and not self._provisional and self.on_unreachable(503):
                return
        self._refuse(Refused(response=response, status=response.status, reason=response.reason))

    def _once_more(self) -> Request:
        """The same request in a new transaction: next CSeq, no Via of the old one (22.2)."""
        headers = Headers()
        for name, value in self.request.headers:
            if name == "CSeq":
                headers.add(name, f"{self.request.cseq.number + 1} INVITE")
            elif name != "Via":
                headers.add(name, value)
        return Request("INVITE", self.request.uri, headers, self.request.body)

    def _longer(self, response: Response) -> Request | None:
        """422: the same with the interval that the peer wants (RFC 4028 section 7.3)."""
        try:
            least = parse_number((response.headers.get("Min-SE") or "").partition(";")[0].strip(), "Min-SE")
        except RemoteError:
            return None
        again = self._once_more()
        again.headers.set("Session-Expires", str(max(least, self.core.session_expires_s)))
        again.headers.set("Min-SE", str(least))
        return again

    def _refuse(self, event: Refused) -> None:
        self._forget_early()
        self.finish(event)

    def _forget_early(self) -> None:
        for dialog in self._early.values():
            self.core.unbind(dialog)
        self._early.clear()
        self._rseq.clear()

    # -- failures and the peer's requests before the answer ---------------------------------------------------------

    def failed(self, machine: Machine, now: float, status: int) -> None:
        if machine is not self._transaction or self.state is not State.EARLY:
            if machine.request.method not in ("CANCEL", "PRACK", "BYE"):
                super().failed(machine, now, status)
            return
        if not self._provisional and not self._canceled and self.on_unreachable(status):
            return
        self._refuse(
            Refused(response=None, status=status, reason="Request Timeout" if status == 408 else "Unreachable")
        )

    def next_attempt(self) -> None:
        """Prepare the same INVITE for another hop: a new transaction needs a new branch and CSeq stays (16.7 in spirit)."""
        self.request = self._once_more()
        self._transaction = None

    def receive_request(self, transaction: ServerInvite | ServerRequest, request: Request, now: float) -> None:
        if self.state is State.EARLY and self.dialog is None:
            early = self._early.get(request.from_.tag or "")
            if request.method == "BYE" and early is not None:  # a callee may end its early dialog
                transaction.respond(request.reply(200), now)
            elif request.method == "UPDATE" and early is not None and sdp(request) is not None:
                transaction.respond(request.reply(500, headers=[("Retry-After", "2")]), now)
            else:
                transaction.respond(request.reply(405, headers=[("Allow", ALLOW)]), now)
            return
        super().receive_request(transaction, request, now)

    def fire(self, timer: Timer, now: float) -> None:
        if timer is Timer.CANCELED:
            if self.state is State.EARLY:
                self._refuse(Refused(response=None, status=487, reason="Canceled"))
            return
        super().fire(timer, now)

    def bye(self, now: float, reason: str | None = None) -> None:
        if self.state is State.EARLY:
            self.cancel(now, reason)
            return
        super().bye(now, reason)
