"""An INVITE usage once it has a dialog, in either role: re-INVITE, UPDATE, hold, glare, INFO, REFER, refresh, BYE. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

from sip.authentication import Authenticator
from sip.client_invite import ClientInvite
from sip.dialog import Dialog
from sip.errors import LocalError, RemoteError
from sip.events import Answered, Confirmed, Digit, Ended, Info, Offered, ReferProgress, Referred, SessionEvent
from sip.headers import Address
from sip.info import DTMF, DTMF_RELAY, read_digit
from sip.machine import Machine
from sip.message import Request, Response, sdp
from sip.refer import SIPFRAG, is_refer_event, is_terminated, read_sipfrag, sipfrag
from sip.server_invite import ServerInvite
from sip.server_request import ServerRequest
from sip.session_timer import SessionInterval, as_uac, as_uas, header_as_uac, header_as_uas
from sip.timers import Timer, TimerTable, TimerValues
from sip.transport import Flow

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"
SUPPORTED = "timer, 100rel"


class State(Enum):
    EARLY = "early"
    ACCEPTED = "accepted"
    """2xx sent, ACK awaited."""

    CONFIRMED = "confirmed"
    ENDED = "ended"


class Core(Protocol):
    """What a session needs of the stack."""

    timers: TimerTable
    values: TimerValues
    session_expires_s: int

    def send_request(self, user: Session, request: Request, flow: Flow, now: float) -> Machine: ...

    def send_ack(self, request: Request, flow: Flow) -> bytes:
        """Send a request that has no transaction; gives its octets, to be repeated."""
        ...

    def send(self, flow: Flow, data: bytes) -> None: ...

    def bind(self, dialog: Dialog, session: Session) -> None: ...

    def unbind(self, dialog: Dialog) -> None: ...

    def flow_for(self, dialog: Dialog) -> Flow: ...

    def token(self) -> str: ...

    def random(self) -> float: ...


class Session:
    """One INVITE usage. The roles differ until the dialog is confirmed: `IncomingSession`, `OutgoingSession`."""

    is_uac = False

    def __init__(
        self, core: Core, request: Request, flow: Flow, contact: str, sink: Callable[[SessionEvent], None]
    ) -> None:
        self.core = core
        self.request = request
        self.flow = flow
        self.contact = contact
        self.tell = sink
        self.state = State.EARLY
        self.dialog: Dialog | None = None
        self.authenticator = Authenticator(None, "")
        self.interval: SessionInterval | None = None
        self._reoffer: ClientInvite | None = None
        self._waiting_offer: bytes | None = None
        self._offered: ServerInvite | ServerRequest | None = None
        self._offered_request: Request | None = None
        self._accepted: bytes | None = None
        self._resend_interval = 0.0
        self._unacked: int | None = None
        """CSeq of the INVITE whose 2xx of ours awaits its ACK."""

        self._acks: dict[int, bytes] = {}
        self._refer: ServerRequest | None = None
        self._refer_event_id: int | None = None
        self._local_sdp: bytes = b""
        self._peer_allows: frozenset[str] = frozenset()

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

    # -- what the user asks -----------------------------------------------------------------------------------------

    def bye(self, now: float, reason: str | None = None) -> None:
        """End an established session; nothing if it has ended."""
        if self.state is State.ENDED:
            return
        if self.dialog is None:
            raise LocalError("BYE needs a dialog")
        request = self.dialog.request("BYE")
        if reason:
            request.headers.add("Reason", reason)
        self._send(request, now)
        self.finish(Ended(cause="local", reason=reason or ""))

    def offer(self, body: bytes, now: float) -> None:
        """Re-INVITE with our offer. While one of either side is open it waits (RFC 3261 section 14.1)."""
        if self.state is State.ENDED:
            return
        if self._reoffer is not None or self._offered is not None or self.state is not State.CONFIRMED:
            self._waiting_offer = body
            return
        self._local_sdp = body
        request = self._in_dialog("INVITE", body)
        self._add_session_headers(request)
        machine = self._send(request, now)
        if isinstance(machine, ClientInvite):
            self._reoffer = machine

    def answer(self, body: bytes, now: float) -> None:
        """Answer an `Offered` (or give our own offer, where it had none)."""
        transaction, request = self._offered, self._offered_request
        if transaction is None or request is None:
            return
        self._local_sdp = body
        headers = [
            ("Contact", self.contact),
            ("Allow", ALLOW),
            ("Supported", SUPPORTED),
            ("Content-Type", "application/sdp"),
        ]
        headers += self._refreshed_by_peer(request, now)
        response = request.reply(200, headers=headers, body=body)
        transaction.respond(response, now)
        self._offered = self._offered_request = None
        if isinstance(transaction, ServerInvite):
            self._await_ack(response, request.cseq.number, now)
        else:
            self._next_offer(now)

    def reject_offer(self, status: int, now: float) -> None:
        """Refuse an `Offered`: the session goes on as it was (section 14.2)."""
        if self._offered is not None and self._offered_request is not None:
            self._offered.respond(self._offered_request.reply(status), now)
            self._offered = self._offered_request = None
            self._next_offer(now)

    def info(self, content_type: str, body: bytes, now: float) -> None:
        if self.state is State.CONFIRMED:
            self._send(self._in_dialog("INFO", body, content_type), now)

    def refer(self, target: str, now: float, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Ask the peer to call *target*; `ReferProgress` events follow."""
        request = self._in_dialog("REFER")
        request.headers.add("Refer-To", target)
        request.headers.add("Referred-By", f"<{self.local.uri}>")
        for name, value in headers:
            request.headers.add(name, value)
        self._send(request, now)

    def accept_refer(self, now: float) -> None:
        """202 to a `Referred`, and the first NOTIFY."""
        if self._refer is not None:
            self._refer_event_id = self._refer.request.cseq.number
            self._refer.respond(self._refer.request.reply(202, headers=[("Contact", self.contact)]), now)
            self._refer = None
            self.notify_refer(100, now)

    def refuse_refer(self, status: int, now: float) -> None:
        if self._refer is not None:
            self._refer.respond(self._refer.request.reply(status), now)
            self._refer = None

    def notify_refer(self, status: int, now: float, reason: str | None = None) -> None:
        """Tell the peer how the REFER that we took is getting on; a final status ends the subscription."""
        if self.state is State.ENDED or self._refer_event_id is None:
            return
        request = self._in_dialog("NOTIFY", sipfrag(status, reason), SIPFRAG)
        request.headers.add("Event", f"refer;id={self._refer_event_id}")
        over = status >= 200
        request.headers.add("Subscription-State", "terminated;reason=noresource" if over else "active;expires=60")
        self._send(request, now)
        if over:
            self._refer_event_id = None

    # -- requests of the peer inside the dialog ---------------------------------------------------------------------

    def receive_request(self, transaction: ServerInvite | ServerRequest, request: Request, now: float) -> None:
        """A request of the peer that has passed validation. ACK comes by `receive_ack`."""
        try:
            if self.dialog is None:
                raise RemoteError(481, "No Dialog")
            self.dialog.take_cseq(request)
            match request.method:
                case "INVITE" | "UPDATE":
                    self._take_offer(transaction, request, now)
                case "BYE":
                    self._take_bye(transaction, request, now)
                case "INFO":
                    self._take_info(transaction, request, now)
                case "REFER":
                    self._take_refer(transaction, request)
                case "NOTIFY":
                    self._take_notify(transaction, request, now)
                case "OPTIONS":
                    transaction.respond(request.reply(200, headers=[("Allow", ALLOW), ("Supported", SUPPORTED)]), now)
                case _:
                    transaction.respond(request.reply(405, headers=[("Allow", ALLOW)]), now)
        except RemoteError as fault:
            headers = [("Min-SE", "90")] if fault.status == 422 else []
            transaction.respond(request.reply(fault.status, fault.reason, headers=headers), now)

    def _take_offer(self, transaction: ServerInvite | ServerRequest, request: Request, now: float) -> None:
        if self._offered is not None:  # 14.2: an INVITE of theirs is still open
            after = str(int(self.core.random() * 10))
            transaction.respond(request.reply(500, headers=[("Retry-After", after)]), now)
            return
        if self._reoffer is not None or self._unacked is not None:
            transaction.respond(request.reply(491), now)
            return
        body = sdp(request)
        if self.dialog is not None:
            self.dialog.refresh_target(request)
        if request.method == "UPDATE" and body is None:
            headers = [("Contact", self.contact), ("Allow", ALLOW), *self._refreshed_by_peer(request, now)]
            transaction.respond(request.reply(200, headers=headers), now)
            return
        if self.state is State.EARLY and request.method == "INVITE":
            raise RemoteError(500, "Not Established")
        as_uas(request)  # 422 before the user is asked
        self._offered, self._offered_request = transaction, request
        self.tell(Offered(sdp=body))

    def _take_bye(self, transaction: ServerInvite | ServerRequest, request: Request, now: float) -> None:
        transaction.respond(request.reply(200), now)
        if self._offered is not None and self._offered_request is not None:
            self._offered.respond(self._offered_request.reply(487), now)
        self.finish(Ended(cause="bye", reason=request.headers.get("Reason") or ""))

    def _take_info(self, transaction: ServerInvite | ServerRequest, request: Request, now: float) -> None:
        kind = request.content_type
        event: Digit | Info | None = read_digit(kind, request.body)
        if event is None:
            event = Info(content_type=kind, body=request.body)
            if kind in (DTMF, DTMF_RELAY):
                raise RemoteError(400, "No Digit")
        transaction.respond(request.reply(200), now)
        self.tell(event)

    def _take_refer(self, transaction: ServerInvite | ServerRequest, request: Request) -> None:
        targets = request.headers.get_all("Refer-To")
        if len(targets) != 1:
            raise RemoteError(400, "Not Exactly One Refer-To")
        if self._refer is not None or not isinstance(transaction, ServerRequest):
            raise RemoteError(491, "A REFER Is Pending")
        self._refer = transaction
        by = request.headers.get("Referred-By") or ""
        self.tell(Referred(refer_to=targets[0], referred_by=by, request=request))

    def _take_notify(self, transaction: ServerInvite | ServerRequest, request: Request, now: float) -> None:
        if not is_refer_event(request):
            raise RemoteError(489, "Bad Event")
        status = read_sipfrag(request.body) if request.body else 0
        transaction.respond(request.reply(200), now)
        over = is_terminated(request) or status >= 200
        self.tell(ReferProgress(status=status, notified=True, over=over))

    def receive_ack(self, request: Request, now: float) -> None:
        """The ACK of our 2xx; repeated ones are absorbed."""
        if self._unacked is None or request.cseq.number != self._unacked:
            return
        self.core.timers.clear(self, Timer.RESEND_2XX, Timer.ACK_WAIT)
        self._unacked = self._accepted = None
        first = self.state is State.ACCEPTED
        self.state = State.CONFIRMED
        self.tell(Confirmed(sdp=sdp(request)) if first else Answered(sdp=sdp(request), status=200))
        self._next_offer(now)

    # -- responses to our requests inside the dialog ----------------------------------------------------------------

    def receive_response(self, machine: Machine, response: Response, now: float) -> None:
        method = machine.request.method
        if response.status < 200:
            return
        if response.status in (401, 407) and self._authorized_again(machine, response, now):
            return
        if method == "INVITE":
            self._reoffer_answered(machine, response, now)
        elif method == "REFER":
            self.tell(ReferProgress(status=response.status, notified=False, over=response.status >= 300))
        elif method == "UPDATE":
            self._refresh_answered(response, now)
        if response.status in (408, 481) and method != "BYE" and self.state is not State.ENDED:
            self.bye(now)  # 12.2.1.2: the dialog is gone

    def _authorized_again(self, machine: Machine, response: Response, now: float) -> bool:
        if self.dialog is None or not self.authenticator.challenged(machine.request, response):
            return False
        old = machine.request
        request = self.dialog.request(
            old.method, body=old.body, content_type=old.headers.get("Content-Type") or "application/sdp"
        )
        for name, value in old.headers:
            if name not in request.headers and name not in ("Via", "Content-Length"):
                request.headers.add(name, value)
        again = self._send(request, now)
        if self._reoffer is machine and isinstance(again, ClientInvite):
            self._reoffer = again
        return True

    def _reoffer_answered(self, machine: Machine, response: Response, now: float) -> None:
        if response.status < 300:
            self.acknowledge(machine.request.cseq.number, now)
        if machine is not self._reoffer:
            return  # a 2xx again
        self._reoffer = None
        if response.status < 300:
            if self.dialog is not None:
                self.dialog.refresh_target(response)
            self._agree_interval(as_uac(response, self.core.session_expires_s), now)
            self.tell(Answered(sdp=sdp(response), status=response.status))
            self._next_offer(now)
        elif response.status == 491:
            self._waiting_offer = self._waiting_offer or machine.request.body
            spread = self.core.random()  # 14.1: the owner of the Call-ID waits longer
            self.core.timers.set(self, Timer.GLARE, now + (2.1 + 1.9 * spread if self.is_uac else 2.0 * spread))
        else:
            self.tell(Answered(sdp=None, status=response.status))

    def acknowledge(self, cseq: int, now: float) -> None:
        """ACK a 2xx of the peer; a repeated 2xx gets the same octets."""
        if (octets := self._acks.get(cseq)) is not None and self.dialog is not None:
            self.core.send(self.core.flow_for(self.dialog), octets)
        elif self.dialog is not None:
            request = self.dialog.request("ACK", cseq=cseq)
            self.authenticator.authorize(request)
            self._acks[cseq] = self.core.send_ack(request, self.core.flow_for(self.dialog))

    def failed(self, machine: Machine, now: float, status: int) -> None:
        """A request of ours inside the dialog found nobody."""
        if machine is self._reoffer:
            self._reoffer = None
        if self.state is not State.ENDED and self.dialog is not None:
            self._send(self.dialog.request("BYE"), now)
            self.finish(Ended(cause="timeout" if status == 408 else "transport"))

    # -- time -------------------------------------------------------------------------------------------------------

    def fire(self, timer: Timer, now: float) -> None:
        match timer:
            case Timer.RESEND_2XX:
                self._resend_2xx(now)
            case Timer.ACK_WAIT:
                self._no_ack(now)
            case Timer.GLARE:
                self._next_offer(now)
            case Timer.REFRESH:
                self._refresh(now)
            case Timer.EXPIRE:
                if self.state is not State.ENDED and self.dialog is not None:
                    self._send(self.dialog.request("BYE"), now)
                    self.finish(Ended(cause="session-timer"))
            case _:
                pass

    def _await_ack(self, response: Response, cseq: int, now: float) -> None:
        """The 2xx is repeated by us, not by its transaction, until the ACK comes (13.3.1.4)."""
        self._accepted, self._unacked = response.to_bytes(), cseq
        self._resend_interval = self.core.values.t1
        self.core.timers.set(self, Timer.RESEND_2XX, now + self._resend_interval)
        self.core.timers.set(self, Timer.ACK_WAIT, now + self.core.values.timeout)

    def _resend_2xx(self, now: float) -> None:
        if self._accepted is not None:
            self.core.send(self.flow, self._accepted)
            self._resend_interval = min(2 * self._resend_interval, self.core.values.t2)
            self.core.timers.set(self, Timer.RESEND_2XX, now + self._resend_interval)

    def _no_ack(self, now: float) -> None:
        if self.dialog is not None and self.state is not State.ENDED:
            self._send(self.dialog.request("BYE"), now)
            self.finish(Ended(cause="no-ack"))

    def _refresh(self, now: float) -> None:
        """Half of the interval is over and it is our turn (RFC 4028 section 10)."""
        if self.state is not State.CONFIRMED or self._reoffer is not None or self._offered is not None:
            self.core.timers.set(self, Timer.REFRESH, now + 5.0)
            return
        if "UPDATE" in self._peer_allows:
            request = self._in_dialog("UPDATE")
            self._add_session_headers(request)
            self._send(request, now)
        else:
            self.offer(self._local_sdp, now)

    def _refresh_answered(self, response: Response, now: float) -> None:
        if response.status < 300:
            self._agree_interval(as_uac(response, self.core.session_expires_s), now)
        elif response.status in (405, 501):
            self._peer_allows -= {"UPDATE"}
            self._refresh(now)

    # -- shared -----------------------------------------------------------------------------------------------------

    def finish(self, event: SessionEvent) -> None:
        """Once: no timer, no dialog, the last event."""
        if self.state is State.ENDED:
            return
        self.state = State.ENDED
        self.core.timers.clear(self)
        if self.dialog is not None:
            self.core.unbind(self.dialog)
        self.tell(event)

    def _next_offer(self, now: float) -> None:
        body, self._waiting_offer = self._waiting_offer, None
        if body is not None:
            self.offer(body, now)

    def _in_dialog(self, method: str, body: bytes = b"", content_type: str = "") -> Request:
        if self.dialog is None:
            raise LocalError(f"{method} needs a dialog")
        return self.dialog.request(method, body=body, content_type=content_type)

    def _send(self, request: Request, now: float) -> Machine:
        if self.dialog is None:
            raise LocalError(f"{request.method} needs a dialog")
        self.authenticator.authorize(request)
        return self.core.send_request(self, request, self.core.flow_for(self.dialog), now)

    def _add_session_headers(self, request: Request) -> None:
        request.headers.add("Allow", ALLOW)
        request.headers.add("Supported", SUPPORTED)
        for name, value in header_as_uac(self.core.session_expires_s):
            request.headers.add(name, value)

    def _agree_interval(self, interval: SessionInterval | None, now: float) -> None:
        self.interval = interval
        self.core.timers.clear(self, Timer.REFRESH, Timer.EXPIRE)
        if interval is not None:
            if interval.we_refresh:
                self.core.timers.set(self, Timer.REFRESH, now + interval.refresh_after_s)
            self.core.timers.set(self, Timer.EXPIRE, now + interval.end_after_s)

    def _refreshed_by_peer(self, request: Request, now: float) -> list[tuple[str, str]]:
        """Agree the interval of a refresh of the peer, and say so in our 2xx."""
        interval = as_uas(request, self.core.session_expires_s)
        self._agree_interval(interval, now)
        return header_as_uas(request, interval) if interval is not None else []
