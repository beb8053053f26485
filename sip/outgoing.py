"""A session that we begin: hops, challenges, forks, early dialogs, PRACK, CANCEL at any moment (RFC 3261 sections 9, 13.2, 22)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from sip.authentication import Authenticator
from sip.client_invite import ClientInvite, cancel_of
from sip.client_invite import State as Calling
from sip.core import ALLOW, Core
from sip.dialog import Dialog
from sip.errors import RemoteError
from sip.events import Accepted, Ended, Progress, Refused, SessionEvent
from sip.machine import Machine
from sip.message import Headers, Request, Response
from sip.reliable import needs_prack
from sip.server_invite import ServerInvite
from sip.server_request import ServerRequest
from sip.session import Session, State
from sip.session_timer import read_min_se
from sip.strays import Strays
from sip.timers import Timer
from sip.transport import Flow, may_be_deaf
from sip.turns import described

MOST_TRIES = 5
"""How often the INVITE is sent again to one hop because of challenges and 422."""

_WHY = {408: "Request Timeout", 487: "Canceled", 503: "Unreachable"}

MOST_FORKS = 16
"""Early dialogs of one INVITE; further forks are heard, not kept."""


class OutgoingSession(Session):
    """UAC of an INVITE. `start` sends it to the first of *flows*; those that don't answer are passed over."""

    is_uac = True

    def __init__(
        self,
        core: Core,
        request: Request,
        flows: Sequence[Flow],
        sink: Callable[[SessionEvent], None],
        authenticator: Authenticator,
    ) -> None:
        super().__init__(core, request, flows[0], core.contact(flows[0]), sink)
        self.authenticator = authenticator
        self.principal: object = None
        self.turns.local_sdp = request.body
        self.turns.we_offered = bool(request.body)
        self._flows = deque(flows)
        self._transaction: ClientInvite | None = None
        self._strays = Strays(core, authenticator)
        self._cancel_reason: str | None = None
        self._canceled = False
        self._provisional = False
        self._early: dict[str, Dialog] = {}
        self._ended_early: set[str] = set()
        self._previewed: set[str] = set()
        """Forks whose provisional responses have had an answer: some repeat none in the 2xx."""

        self._rseq: dict[str, int] = {}
        self._tries = 0
        self._owed: int | None = None
        """CSeq of the INVITE whose ACK waits for our answer to the offer in its 2xx."""

    @property
    def dialog_in_use(self) -> Dialog | None:
        if self.dialog is not None:
            return self.dialog
        return next(iter(self._early.values())) if len(self._early) == 1 else None

    @property
    def dialogs(self) -> list[Dialog]:
        return super().dialogs or list(self._early.values())

    @property
    def is_heard(self) -> bool:
        """Whether the hop whose turn it is has said anything."""
        return self._provisional or not self.is_early

    # -- sending it -------------------------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Send the INVITE to the hop whose turn it is; nothing once it was canceled."""
        if self._canceled:
            self._refuse(None, 487, "Canceled", now)
            return
        self.flow = self._flows[0]
        self.contact = self.core.contact(self.flow)
        self.request.headers.set("Contact", self.contact)
        self.authenticator.authorize(self.request, self.flow)
        self._provisional = False
        self.core.await_forks(self, True)
        machine = self.core.send_request(self, self.request, self.flow, now)
        self._transaction = machine if isinstance(machine, ClientInvite) else None
        if may_be_deaf(self._flows):
            self.core.timers.set(self, Timer.NEXT_HOP, now + self.core.values.next_hop)

    def _next_hop(self, now: float) -> bool:
        """Try the next one (RFC 3263 section 4.3). What the last one still says is taken care of by `Strays`."""
        self.core.avoid(self._flows[0], now)
        if self._canceled or len(self._flows) < 2:
            return False
        self._flows.popleft()
        if self._transaction is not None:
            self._transaction.user = self._strays
        self._again(now)
        return True

    def _again(self, now: float) -> None:
        """The same INVITE in a new transaction: next CSeq, no Via of the old one (22.2)."""
        self._forget_early()
        self.core.timers.clear(self, Timer.NEXT_HOP)
        headers = Headers()
        for name, value in self.request.headers:
            if name == "CSeq":
                headers.add(name, f"{self.request.cseq.number + 1} INVITE")
            elif name not in ("Via", "Authorization", "Proxy-Authorization"):
                headers.add(name, value)
        self.request = Request("INVITE", self.request.uri, headers, self.request.body)
        self.start(now)

    def fail(self, status: int, now: float) -> None:
        """There is nowhere to send it."""
        self._refuse(None, status, "No Such Destination", now)

    def cancel(self, now: float, reason: str | None = None) -> None:
        """Stop calling. Before a provisional response the CANCEL waits for one (9.1); after the answer it is a BYE."""
        if self.state is not State.EARLY:
            self.bye(now, reason)
            return
        if self._canceled:
            return
        self._canceled, self._cancel_reason = True, reason
        if self._transaction is None:
            self._refuse(None, 487, "Canceled", now)
        elif self._provisional:
            self._send_cancel(now)

    def _send_cancel(self, now: float) -> None:
        transaction = self._transaction
        if transaction is not None and transaction.state in (Calling.CALLING, Calling.PROCEEDING):
            cancel = cancel_of(transaction.request, self._cancel_reason)
            self.core.send_request(self._strays, cancel, transaction.flow, now)
            self.core.timers.set(self, Timer.CANCELED, now + self.core.values.timeout)

    def bye(self, now: float, reason: str | None = None) -> None:
        """Before the answer: CANCEL. An ACK that waits for our answer goes without one."""
        if self.state is State.EARLY:
            self.cancel(now, reason)
            return
        self._pay(b"", now)
        super().bye(now, reason)

    def answer(self, body: bytes, now: float) -> None:
        """To an `Offered`, or to the offer of the 2xx: then it goes in the ACK."""
        if self._owed is not None:
            self._pay(body, now)
            self.turns.next(now)
        else:
            super().answer(body, now)

    def _pay(self, body: bytes, now: float) -> None:
        cseq, self._owed = self._owed, None
        if cseq is not None:
            self.acknowledge(cseq, now, body)
            self.turns.settle(body)
            self.state = State.CONFIRMED

    # -- responses --------------------------------------------------------------------------------------------------

    def receive_response(self, machine: Machine, response: Response, now: float) -> None:
        if machine.request.method == "PRACK":
            return
        if machine is not self._transaction:
            super().receive_response(machine, response, now)
            return
        self.flow = self._flows[0] = machine.flow  # the connection that was made meanwhile
        if response.status < 200:
            self._provisional_response(response, now)
        elif response.status < 300:
            self._success(machine, response, now)
        else:
            self._failure(response, now)

    def _provisional_response(self, response: Response, now: float) -> None:
        if self.state is not State.EARLY:
            return
        first, self._provisional = not self._provisional, True
        self.core.timers.clear(self, Timer.NEXT_HOP)
        self.authenticator.satisfied()
        if self._canceled:
            if first:
                self._send_cancel(now)
        elif response.status != 100 and self._take_early(response, now):
            body = described(response)
            if body is not None and len(self._previewed) < MOST_FORKS:
                self._previewed.add(response.to.tag or "")
            self.report(Progress(response=response, sdp=body))

    def _take_early(self, response: Response, now: float) -> bool:
        """PRACK what asks for it, in the early dialog of its fork. False: seen before, or out of order (RFC 3262 section 4)."""
        tag = response.to.tag
        if tag is None:
            return True
        dialog = self._early.get(tag)
        try:
            number = needs_prack(response)
            if dialog is None and len(self._early) < MOST_FORKS:
                dialog = self._early[tag] = Dialog.as_uac(self.request, response, self.contact, self.flow)
                self.core.bind(dialog, self)
        except RemoteError:
            return False
        self._note_allowed(response)
        if number is None or dialog is None:
            return True
        last = self._rseq.get(tag)
        if last is not None and number != last + 1:
            return False
        self._rseq[tag] = number
        prack = dialog.request("PRACK")
        prack.headers.add("RAck", f"{number} {response.cseq.number} INVITE")
        flow = self.core.flow_for(dialog)
        self.authenticator.authorize(prack, flow)
        self.core.send_request(self, prack, flow, now)
        if self.request.body and described(response) is not None:
            self.turns.settle(self.request.body)
        return True

    def _success(self, machine: Machine, response: Response, now: float) -> None:
        tag = response.to.tag or ""
        if self.dialog is not None and tag == (self.dialog.remote.tag or ""):
            if self._owed is None:
                self.acknowledge(self.request.cseq.number, now)  # a 2xx again: our ACK was lost
            return
        if self.dialog is not None or self.state is not State.EARLY:
            self._strays.end(self.request, response, machine, now)
            return
        try:
            self._establish(tag, response)
        except RemoteError:
            self._refuse(response, 502, "Unusable Answer", now)
            return
        body = described(response)
        if not self.request.body and body is not None and not self._canceled:
            self.state, self._owed = State.ACCEPTED, self.request.cseq.number
        else:
            self.state = State.CONFIRMED
            self.acknowledge(self.request.cseq.number, now)
        if self._canceled:  # the answer crossed our CANCEL
            self.bye(now, self._cancel_reason)
        elif tag in self._ended_early:
            self.finish(Ended(cause="bye"), now)
        elif self.request.body and body is None and not self.turns.agreed and tag not in self._previewed:
            self._send_bye(now, 'SIP;cause=488;text="No answer to the offer"')
            self._refuse(response, 488, "No Answer to the Offer", now)
        else:
            self._accepted(response, body, now)

    def _accepted(self, response: Response, body: bytes | None, now: float) -> None:
        self.refresher.answered(response, now)
        if self.is_confirmed:
            self.turns.settle(self.request.body)
        self.report(Accepted(response=response, sdp=body))
        if self.is_confirmed:
            self.turns.next(now)

    def _establish(self, tag: str, response: Response) -> None:
        """The early dialog of this fork, or a new one, is the session's; the others are over. Raises `RemoteError` 400."""
        dialog = self._early.pop(tag, None)
        if dialog is None:
            dialog = Dialog.as_uac(self.request, response, self.contact, self.flow)
        dialog.flow = self.flow
        dialog.refresh_target(response)
        dialog.follow(tuple(reversed(response.record_routes)))
        self._forget_early()
        self.core.timers.clear(self)
        self.dialog = dialog
        self.core.bind(dialog, self)
        self._note_allowed(response)

    def _note_allowed(self, response: Response) -> None:
        if (allow := response.headers.get("Allow")) is not None:
            self.peer_allows = frozenset(method.strip().upper() for method in allow.split(","))

    def _failure(self, response: Response, now: float) -> None:
        if self.state is not State.EARLY:
            return
        if not self._canceled and self._tries < MOST_TRIES and self._may_go_again(response):
            self._tries += 1
            self._again(now)
        elif response.status == 503 and self._next_hop(now):
            return
        elif self._canceled:
            self._refuse(response, 487, "Canceled", now)
        else:
            self._refuse(response, response.status, response.reason, now)

    def _may_go_again(self, response: Response) -> bool:
        if response.status in (401, 407):
            return self.authenticator.challenged(self.request, response, self.flow)
        if response.status != 422:
            return False
        try:  # RFC 4028 section 7.3: the same with the interval that the peer wants
            least = read_min_se(response)
        except RemoteError:
            return False
        self.refresher.lengthen(response)
        self.request.headers.set("Session-Expires", str(max(least, self.core.session_expires_s)))
        self.request.headers.set("Min-SE", str(least))
        return True

    def _refuse(self, response: Response | None, status: int, reason: str, now: float) -> None:
        self.finish(Refused(response=response, status=status, reason=reason), now)

    def finish(self, event: SessionEvent, now: float) -> None:
        self._forget_early()
        super().finish(event, now)

    def _forget_early(self) -> None:
        for dialog in self._early.values():
            self.core.unbind(dialog)
        self._early.clear()
        self._rseq.clear()
        self.core.await_forks(self, False)

    # -- failures and the peer's requests before the answer ---------------------------------------------------------

    def failed(self, machine: Machine, now: float, status: int) -> None:
        if machine.request.method == "PRACK":
            return
        if machine is not self._transaction or self.state is not State.EARLY:
            super().failed(machine, now, status)
            return
        if self._provisional or not self._next_hop(now):
            if self._canceled:
                status = 487
            elif self._provisional and status == 408:  # Timer C: it has rung for too long
                self.core.send_request(self._strays, cancel_of(machine.request, None), machine.flow, now)
            self._refuse(None, status, _WHY[status], now)

    def fire(self, timer: Timer, now: float) -> None:
        match timer:
            case Timer.CANCELED if self.state is State.EARLY:
                self._refuse(None, 487, "Canceled", now)
            case Timer.NEXT_HOP if self.state is State.EARLY:
                self._next_hop(now)
            case _:
                super().fire(timer, now)

    def _receive_request(self, transaction: ServerInvite | ServerRequest, request: Request, now: float) -> None:
        if self.state is not State.EARLY:
            super()._receive_request(transaction, request, now)
            return
        tag = request.from_.tag or ""
        early = self._early.get(tag)
        if request.method == "BYE":  # it has overtaken its own 2xx (RFC 5407 section 3.1.2)
            if len(self._ended_early) < MOST_FORKS:
                self._ended_early.add(tag)
            if len(self._early) < 2:
                self.core.timers.set(self, Timer.CANCELED, now + self.core.values.timeout)
            transaction.respond(request.reply(200), now)
        elif request.method == "UPDATE" and early is not None:
            if len(self._early) > 1 and described(request) is not None:
                raise RemoteError(491, "Forked")
            early.take_cseq(request)
            self.turns.take(transaction, request, early, now)
        elif request.method in ("INVITE", "UPDATE"):
            raise RemoteError(491, "Request Pending")
        elif request.method == "OPTIONS":
            transaction.respond(request.reply(200, headers=[("Allow", ALLOW)]), now)
        else:
            raise RemoteError(500, "Not Established")
