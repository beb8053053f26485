"""An INVITE usage of a dialog, whichever side began it: what the peer asks inside, what we ask, how it ends. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from sip.authentication import Authenticator
from sip.confirming import Acks, Confirming
from sip.core import ALLOW, SUPPORTED, Core
from sip.dialog import Dialog
from sip.errors import LocalError, RemoteError
from sip.events import Answered, Canceled, Confirmed, Ended, Info, Refused, SessionEvent
from sip.headers import Address
from sip.info import DTMF, DTMF_RELAY, read_digit
from sip.machine import Machine
from sip.message import Request, Response
from sip.refer import Referrals
from sip.server_invite import ServerInvite
from sip.server_request import ServerRequest
from sip.session_timer import MIN_SE_S, Refresher
from sip.timers import Timer
from sip.transport import Flow
from sip.turns import Turns, described
from sip.uri import Uri

__all__ = ["ALLOW", "Session", "State"]

ServerTransaction = ServerInvite | ServerRequest


class State(Enum):
    EARLY = "early"
    ACCEPTED = "accepted"
    """2xx sent (or taken, with an offer that our user has to answer), ACK not yet."""

    CONFIRMED = "confirmed"
    LEAVING = "leaving"
    """Our user has hung up; the BYE waits for the ACK of our 2xx (section 15)."""

    ENDED = "ended"


class Session:
    """Owns the dialog and its parts: turns of offers, confirmation of a 2xx, refreshes, referrals.

    The roles differ until the dialog is confirmed: `IncomingSession`, `OutgoingSession`. A user is told of everything by
    events; the last one is `Ended`, `Refused` or `Canceled`, and there is always exactly one of those.
    """

    is_uac = False

    def __init__(
        self, core: Core, request: Request, flow: Flow, contact: str, sink: Callable[[SessionEvent], None]
    ) -> None:
        self.core = core
        self.request = request
        self.flow = flow
        self.contact = contact
        self.tell = sink
        """Where events go; may be changed."""

        self.state = State.EARLY
        self.dialog: Dialog | None = None
        self.authenticator = Authenticator(None, "")
        self.peer_allows: frozenset[str] = frozenset()
        self.turns = Turns(self)
        self.confirming = Confirming(core, self)
        self.refresher = Refresher(self)
        self.referrals = Referrals(self)
        self._acks = Acks(core)
        self._last_told = False
        self._why: str | None = None
        """Reason header of a BYE that waits."""

    @property
    def call_id(self) -> str:
        return self.request.call_id

    @property
    def local(self) -> Address:
        return self.dialog.local if self.dialog is not None else self._identities()[0]

    @property
    def remote(self) -> Address:
        return self.dialog.remote if self.dialog is not None else self._identities()[1]

    def _identities(self) -> tuple[Address, Address]:
        pair = (self.request.from_, self.request.to)
        return pair if self.is_uac else pair[::-1]

    @property
    def dialogs(self) -> list[Dialog]:
        """Those that there are: before the answer there may be several."""
        return [self.dialog] if self.dialog is not None else []

    @property
    def remote_target(self) -> Uri | None:
        """The peer's Contact; None before there is a dialog."""
        return self.dialog.target if self.dialog is not None else None

    @property
    def dialog_in_use(self) -> Dialog | None:
        """The dialog that offers go in; before the answer, an early one where there is only one."""
        return self.dialog

    @property
    def is_early(self) -> bool:
        return self.state is State.EARLY

    @property
    def is_confirmed(self) -> bool:
        return self.state is State.CONFIRMED

    @property
    def is_heard(self) -> bool:
        """Whether there is a sign of the peer."""
        return True

    @property
    def is_over(self) -> bool:
        """For our user: nothing that it asks for is done any more."""
        return self.state in (State.LEAVING, State.ENDED)

    def report(self, event: SessionEvent) -> None:
        """Tell the user, unless it has been told the last."""
        if not self._last_told:
            self._last_told = isinstance(event, Ended | Refused | Canceled)
            self.tell(event)

    # -- what the user asks -----------------------------------------------------------------------------------------

    def bye(self, now: float, reason: str | None = None) -> None:
        """End an established session. Before the ACK of our 2xx the BYE waits for it (section 15); the user need not."""
        if self.is_over or self.dialog is None:
            return
        if self.confirming.is_waiting and self.state is State.ACCEPTED:
            self.state, self._why = State.LEAVING, reason
            self.turns.abandon(now)
            self.referrals.abandon(now)
            self.report(Ended(cause="local", reason=reason or ""))
            return
        self._send_bye(now, reason)
        self.finish(Ended(cause="local", reason=reason or ""), now)

    def offer(self, body: bytes, now: float) -> None:
        """Re-INVITE (UPDATE while early) with our offer; `Answered` tells the outcome."""
        if not self.is_over:
            self.turns.offer(body, now)

    def answer(self, body: bytes, now: float) -> None:
        """Answer an `Offered` (or give our own offer, where it had none)."""
        if not self.is_over:
            self.turns.answer(body, now)

    def reject_offer(self, status: int, now: float) -> None:
        """Refuse an `Offered`: the session goes on as it was."""
        self.turns.reject(status, now)

    def info(self, content_type: str, body: bytes, now: float) -> None:
        if self.is_confirmed and self.dialog is not None:
            self.send(self.dialog.request("INFO", body=body, content_type=content_type), now)

    def refer(self, target: str, now: float, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Ask the peer to call *target*; `ReferProgress` events follow."""
        self.referrals.refer(target, now, headers)

    def accept_refer(self, now: float) -> None:
        """202 to a `Referred`, and the first NOTIFY."""
        self.referrals.accept(now)

    def refuse_refer(self, status: int, now: float) -> None:
        self.referrals.refuse(status, now)

    def notify_refer(self, status: int, now: float, reason: str | None = None) -> None:
        """Tell the peer how the REFER that we took is getting on; a final status ends the subscription."""
        self.referrals.notify(status, now, reason)

    # -- requests of the peer inside the dialog ---------------------------------------------------------------------

    def receive_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A request of the peer that has passed validation. ACK comes by `receive_ack`."""
        try:
            self._receive_request(transaction, request, now)
        except RemoteError as fault:
            headers = [("Min-SE", str(MIN_SE_S))] if fault.status == 422 else []
            if fault.status == 500:  # 12.2.2 and 14.2: soon, but not at once
                headers.append(("Retry-After", str(int(self.core.random() * 10))))
            transaction.respond(request.reply(fault.status, fault.reason, headers=headers), now)

    def _receive_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        dialog = self.dialog
        if dialog is None or (self.state is State.LEAVING and request.method != "BYE"):
            raise RemoteError(481, "No Such Dialog")
        dialog.take_cseq(request)
        self._follow_flow(dialog, transaction, request)
        match request.method:
            case "INVITE" | "UPDATE":
                self._confirm_by(request)
                self.turns.take(transaction, request, dialog, now)
            case "BYE":
                transaction.respond(request.reply(200), now)
                self.finish(Ended(cause="bye", reason=request.headers.get("Reason") or ""), now)
            case "INFO":
                self._take_info(transaction, request, now)
            case "REFER":
                self.referrals.take(transaction, request)
            case "NOTIFY":
                self.referrals.take_notify(transaction, request, now)
            case "OPTIONS":
                headers = [("Allow", ALLOW), ("Supported", SUPPORTED), ("Accept", "application/sdp")]
                transaction.respond(request.reply(200, headers=headers), now)
            case _:
                transaction.respond(request.reply(405, headers=[("Allow", ALLOW)]), now)

    def _follow_flow(self, dialog: Dialog, transaction: ServerTransaction, request: Request) -> None:
        """The peer's newest connection, or where it is now that its address has changed (RFC 5626 section 5.3)."""
        flow = transaction.flow
        if flow.transport == dialog.flow.transport and (flow.reliable or request.method in ("INVITE", "UPDATE")):
            dialog.flow = self.flow = flow

    def _confirm_by(self, request: Request) -> None:
        """Who sends an INVITE after our 2xx has that 2xx: its ACK was lost, or comes later (RFC 5407 section 3.1.5)."""
        if self.confirming.is_waiting and request.method == "INVITE":
            if self.confirming.wants_answer:
                raise RemoteError(491, "An Answer Is Due")
            self.confirming.stop()
            if self.state is State.ACCEPTED:
                self.state = State.CONFIRMED
                self.report(Confirmed(sdp=None))

    def _take_info(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        kind = request.content_type
        digit = read_digit(kind, request.body)
        if digit is None and kind in (DTMF, DTMF_RELAY):
            raise RemoteError(400, "No Digit")
        transaction.respond(request.reply(200), now)
        self.report(digit or Info(content_type=kind, body=request.body))

    def receive_cancel(self, cancel: ServerRequest, transaction: ServerInvite, now: float) -> None:
        """Of a re-INVITE: 200 to the CANCEL, 487 to what it means if that still waits (9.2)."""
        cancel.respond(cancel.request.reply(200), now)
        self.turns.cancel(transaction, now)

    def receive_ack(self, request: Request, now: float) -> None:
        """The ACK of our 2xx; repeated ones are absorbed."""
        if not self.confirming.is_acked_by(request.cseq.number):
            return
        if self.state is State.LEAVING:
            self._leave(now)
            return
        body = described(request)
        if self.confirming.wants_answer and body is None:
            self._send_bye(now, None)
            self.finish(Ended(cause="error", reason="no answer in the ACK"), now)
        elif self.state is State.ACCEPTED:
            self.state = State.CONFIRMED
            self.turns.settle(b"")
            self.report(Confirmed(sdp=body if self.confirming.wants_answer else None))
        elif self.confirming.wants_answer:
            self.report(Answered(sdp=body, status=200))
        if not self.is_over:
            self.turns.next(now)

    # -- responses to our requests inside the dialog ----------------------------------------------------------------

    def receive_response(self, machine: Machine, response: Response, now: float) -> None:
        if response.status < 200:
            return
        if response.status in (401, 407) and self._authorized_again(machine, response, now):
            return
        self.authenticator.satisfied()
        method = machine.request.method
        if self.refresher.owns(machine):
            self.refresher.refreshed(response, now)
        elif method in ("INVITE", "UPDATE"):
            self.turns.answered(machine, response, now)
        elif method == "REFER":
            self.referrals.answered(response)
        elif method == "NOTIFY" and response.status >= 300:
            self.referrals.unsubscribed()
        if response.status in (408, 481) and method not in ("BYE", "NOTIFY") and not self.is_over:
            self._send_bye(now, None)  # 12.2.1.2: the peer has no such dialog any more
            self.finish(Ended(cause="timeout" if response.status == 408 else "error"), now)

    def _authorized_again(self, machine: Machine, response: Response, now: float) -> bool:
        old = machine.request
        if self.dialog is None or not self.authenticator.challenged(old, response, machine.flow):
            return False
        kind = old.headers.get("Content-Type") or ""
        request = self.dialog.request(old.method, body=old.body, content_type=kind)
        for name, value in old.headers:
            if name not in request.headers and name not in ("Via", "Content-Length"):
                request.headers.add(name, value)
        again = self.send(request, now)
        for part in (self.turns, self.refresher):
            if part.owns(machine):
                part.sent_again(again)
        return True

    def acknowledge(self, cseq: int, now: float, body: bytes = b"") -> None:
        """ACK a 2xx of the peer; a repeated 2xx gets the same octets."""
        if self.dialog is None:
            return
        if self._acks.has(cseq):
            self._acks.again(cseq, self.dialog)
            return
        request = self.dialog.request("ACK", cseq=cseq, body=body)
        self.authenticator.authorize(request, self.core.flow_for(self.dialog))
        self._acks.send(request, self.dialog)

    def failed(self, machine: Machine, now: float, status: int) -> None:
        """A request of ours inside the dialog found nobody."""
        if machine.request.method == "NOTIFY":
            self.referrals.unsubscribed()
        elif not self.is_over and self.dialog is not None:
            self._send_bye(now, None)
            self.finish(Ended(cause="timeout" if status == 408 else "transport"), now)

    # -- time and the end -------------------------------------------------------------------------------------------

    def fire(self, timer: Timer, now: float) -> None:
        match timer:
            case Timer.RESEND_2XX:
                self.confirming.resend(now)
            case Timer.ACK_WAIT if self.state is State.LEAVING:
                self._leave(now)
            case Timer.ACK_WAIT:
                self._give_up("no-ack", now)
            case Timer.GLARE:
                self.turns.next(now)
            case Timer.OFFER_WAIT:
                self.turns.reject(500, now)
            case Timer.REFRESH:
                self.refresher.refresh(now)
            case Timer.EXPIRE:
                self._give_up("session-timer", now)
            case _:
                pass

    def lost(self, transaction: ServerInvite, now: float) -> None:
        """A response to an INVITE can't be delivered; an established session goes on: its peer may come back."""

    def _give_up(self, cause: str, now: float) -> None:
        if self.state is not State.ENDED:
            self._send_bye(now, None)
            self.finish(Ended(cause=cause), now)

    def _leave(self, now: float) -> None:
        self._send_bye(now, self._why)
        self.finish(Ended(cause="local"), now)

    def _send_bye(self, now: float, reason: str | None) -> None:
        if self.dialog is not None:
            request = self.dialog.request("BYE")
            if reason:
                request.headers.add("Reason", reason)
            self.send(request, now)

    def send(self, request: Request, now: float) -> Machine:
        """Begin a transaction inside the dialog."""
        dialog = self.dialog_in_use
        if dialog is None:
            raise LocalError(f"{request.method} needs a dialog")
        flow = self.core.flow_for(dialog)
        self.authenticator.authorize(request, flow)
        return self.core.send_request(self, request, flow, now)

    def finish(self, event: SessionEvent, now: float) -> None:
        """Once: nobody is left without an answer, no timer, no dialog, the last event."""
        if self.state is State.ENDED:
            return
        self.state = State.ENDED
        self.turns.abandon(now)
        self.referrals.abandon(now)
        self.confirming.stop()
        self.core.timers.clear(self)
        if self.dialog is not None:
            self.core.unbind(self.dialog)
        self.report(event)
