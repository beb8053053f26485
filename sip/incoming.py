"""A session that a peer began: ringing, reliable provisional responses, answer, refusal, CANCEL (RFC 3261 section 13.3, RFC 3262)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sip.core import ALLOW, SUPPORTED, Core
from sip.dialog import Dialog
from sip.errors import LocalError, RemoteError
from sip.events import Answered, Canceled, Ended, SessionEvent
from sip.message import Request, Response
from sip.reliable import ReliableProvisionals
from sip.server_invite import ServerInvite
from sip.server_request import ServerRequest
from sip.session import Session, State
from sip.session_timer import as_uas, header_as_uas
from sip.timers import Timer
from sip.turns import described

Headers = Sequence[tuple[str, str]]

RINGING_REFRESH_S = 60.0
"""A provisional response is repeated, so that no proxy gives up (13.3.1.1)."""


class IncomingSession(Session):
    """UAS of an INVITE. Every call after the final response, or after the caller has left, is absorbed."""

    def __init__(
        self,
        core: Core,
        transaction: ServerInvite,
        contact: str,
        sink: Callable[[SessionEvent], None],
        principal: object = None,
    ) -> None:
        """Raises `RemoteError` where the INVITE can't begin a session: 400, 422."""
        request = transaction.request
        super().__init__(core, request, transaction.flow, contact, sink)
        self.principal = principal
        self._transaction = transaction
        self._tag = core.token()
        self.dialog = Dialog.as_uas(request, self._tag, contact, transaction.flow)
        self._has_offer = described(request) is not None
        self._last_status = 180
        self._answer: tuple[bytes, Headers] | None = None
        allow = request.headers.get("Allow") or ""
        self.peer_allows = frozenset(method.strip().upper() for method in allow.split(","))
        self._must_be_reliable = "100rel" in request.require
        can = self._must_be_reliable or "100rel" in request.supported
        self._reliable = ReliableProvisionals(core, self, transaction) if can else None
        self.refresher.check(request)

    def start(self, now: float) -> None:
        """It may ring no longer than the caller says (13.3.1), and not for ever."""
        if self.dialog is not None:
            self.core.bind(self.dialog, self)
        most_s = self.core.values.c
        expires_s = self.request.expires
        wait_s = most_s if expires_s is None else min(expires_s, most_s)
        self.core.timers.set(self, Timer.UNANSWERED, now + wait_s)

    @property
    def is_answered(self) -> bool:
        """Whether the final response has been sent."""
        return self._transaction.is_answered

    # -- what the user answers --------------------------------------------------------------------------------------

    def ring(self, now: float, *, status: int = 180, body: bytes | None = None, headers: Headers = ()) -> None:
        """A provisional response, reliable where the caller requires it or (with SDP) supports it."""
        if self.state is not State.EARLY or self.is_answered or self._answer is not None:
            return
        response = self._respond(status, body or b"", headers)
        if self._reliable is not None and (self._must_be_reliable or body):
            self.turns.we_offered = self.turns.we_offered or (bool(body) and not self._has_offer)
            self._reliable.send(response, now)
        else:
            self._transaction.respond(response, now)
        self._last_status = status
        self.core.timers.set(self, Timer.RINGING, now + RINGING_REFRESH_S)

    def accept(self, body: bytes, now: float, headers: Headers = ()) -> None:
        """200 OK with our SDP; it waits for a PRACK that is still due (RFC 3262 section 3)."""
        if self.state is not State.EARLY or self.is_answered:
            return
        if self._reliable is not None and self._reliable.is_waiting:
            self._answer = (body, headers)
            return
        interval = as_uas(self.request, self.core.session_expires_s)
        extra = [*headers, ("Allow", ALLOW), ("Supported", SUPPORTED), *header_as_uas(self.request, interval)]
        if self.turns.agreed:  # a reliable provisional response had it: RFC 6337 section 3.1.1
            body = b""
        response = self._respond(200, body, extra)
        self.turns.local_sdp = body or self.turns.local_sdp
        self.core.timers.clear(self, Timer.RINGING, Timer.UNANSWERED)
        self._transaction.respond(response, now)
        self.state = State.ACCEPTED
        if self._has_offer:
            self.turns.settle(body)
        wants_answer = not self.turns.agreed
        self.turns.we_offered = self.turns.we_offered or wants_answer
        self.confirming.begin(response, self._transaction.flow, now, wants_answer=wants_answer)
        self.refresher.agree(interval, now)

    def refuse(self, status: int, now: float, reason: str | None = None, headers: Headers = ()) -> None:
        """A final response of 300 to 699; then `Ended`."""
        if not 300 <= status <= 699:
            raise LocalError(f"{status} is no refusal")
        if self.state is State.EARLY and not self.is_answered:
            self._transaction.respond(self.request.reply(status, reason, to_tag=self._tag, headers=headers), now)
            self.finish(Ended(cause="local", reason=reason or ""), now)

    def bye(self, now: float, reason: str | None = None) -> None:
        """A session without an answer is refused."""
        if self.state is State.EARLY:
            self.refuse(480, now)
            return
        super().bye(now, reason)

    def _respond(self, status: int, body: bytes, headers: Headers) -> Response:
        extra = [("Contact", self.contact), *headers]
        if body:
            extra.append(("Content-Type", "application/sdp"))
        return self.request.reply(status, to_tag=self._tag, headers=extra, body=body)

    # -- what the caller does before the answer ---------------------------------------------------------------------

    def receive_cancel(self, cancel: ServerRequest, transaction: ServerInvite, now: float) -> None:
        if transaction is not self._transaction:
            super().receive_cancel(cancel, transaction, now)
            return
        cancel.respond(cancel.request.reply(200, to_tag=self._tag), now)
        self._end_early(487, cancel.request.headers.get("Reason") or "", now)

    def _receive_request(self, transaction: ServerInvite | ServerRequest, request: Request, now: float) -> None:
        if request.method == "PRACK":
            self._take_prack(transaction, request, now)
        elif request.method == "BYE" and self.state is State.EARLY:  # section 15: allowed on early dialogs
            transaction.respond(request.reply(200), now)
            self._end_early(487, request.headers.get("Reason") or "", now)
        else:
            super()._receive_request(transaction, request, now)

    def _take_prack(self, transaction: ServerInvite | ServerRequest, request: Request, now: float) -> None:
        """RFC 3262 section 5: it answers the offer of our response, or makes a new offer once that was an answer."""
        if self.dialog is None or self._reliable is None:
            raise RemoteError(481, "Nothing To Acknowledge")
        self.dialog.take_cseq(request)
        acknowledged = self._reliable.acknowledged(request, now)
        body = described(request)
        if acknowledged.body and not self.turns.agreed and (self._has_offer or body is not None):
            self.turns.settle(acknowledged.body)
            if not self._has_offer:
                self.report(Answered(sdp=body, status=200))
                body = None
        if body is not None and self.turns.agreed and self.state is State.EARLY:
            self.turns.take(transaction, request, self.dialog, now)
        else:
            transaction.respond(request.reply(200), now)
        if self._answer is not None and not self._reliable.is_waiting:
            (answer, headers), self._answer = self._answer, None
            self.accept(answer, now, headers)

    def fire(self, timer: Timer, now: float) -> None:
        match timer:
            case Timer.RINGING:
                self.ring(now, status=self._last_status)
            case Timer.RESEND_RELIABLE if self._reliable is not None:
                self._reliable.resend(now)
            case Timer.RELIABLE_WAIT:
                self._end_early(504, "no PRACK", now)
            case Timer.UNANSWERED:
                self._end_early(487, "expired", now)
            case _:
                super().fire(timer, now)

    def lost(self, transaction: ServerInvite, now: float) -> None:
        """A response to the unanswered INVITE can't be delivered: nobody is there to be answered."""
        if transaction is self._transaction and self.state is State.EARLY:
            self.finish(Canceled(reason="transport"), now)

    def finish(self, event: SessionEvent, now: float) -> None:
        """However it ends, the INVITE is answered."""
        if not self.is_answered:
            self._transaction.respond(self.request.reply(480, to_tag=self._tag), now)
        super().finish(event, now)

    def _end_early(self, status: int, reason: str, now: float) -> None:
        if self.state is State.EARLY and not self.is_answered:
            self._transaction.respond(self.request.reply(status, to_tag=self._tag), now)
            self.finish(Canceled(reason=reason), now)
