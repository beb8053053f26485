"""A session that a peer began: ringing, reliable provisional responses, answer, refusal, CANCEL (RFC 3261 section 13.3, RFC 3262)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sip.dialog import Dialog
from sip.errors import LocalError, RemoteError
from sip.events import Canceled, SessionEvent
from sip.message import Request, Response
from sip.reliable import ReliableProvisionals
from sip.server_invite import ServerInvite
from sip.server_request import ServerRequest
from sip.session import ALLOW, SUPPORTED, Core, Session, State
from sip.session_timer import as_uas, header_as_uas
from sip.timers import Timer

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
        super().__init__(core, transaction.request, transaction.flow, contact, sink)
        self.principal = principal
        self._transaction = transaction
        self._tag = core.token()
        self._last: tuple[int, bytes] | None = None
        self._answer: tuple[bytes, Headers] | None = None
        allow = self.request.headers.get("Allow") or ""
        self._peer_allows = frozenset(method.strip().upper() for method in allow.split(","))
        tags = self.request.supported | self.request.require
        self._reliable = ReliableProvisionals(core, self, transaction) if "100rel" in tags else None

    @property
    def is_answered(self) -> bool:
        """Whether the final response has been sent."""
        return self._transaction.is_answered

    def ring(self, now: float, *, status: int = 180, body: bytes | None = None, headers: Headers = ()) -> None:
        """A provisional response, reliable where the caller requires it or (with SDP) supports it."""
        if self.state is not State.EARLY or self.is_answered or self._answer is not None:
            return
        response = self._respond(status, body or b"", headers)
        must = "100rel" in self.request.require
        if self._reliable is not None and (must or body):
            self._reliable.send(response, now)
        else:
            self._transaction.respond(response, now)
        self._last = (status, body or b"")
        self.core.timers.set(self, Timer.RINGING, now + RINGING_REFRESH_S)

    def accept(self, body: bytes, now: float, headers: Headers = ()) -> None:
        """200 OK with our SDP; it waits for a PRACK that is still due (RFC 3262 section 3)."""
        if self.state is not State.EARLY or self.is_answered:
            return
        if self._reliable is not None and self._reliable.is_waiting:
            self._answer = (body, headers)
            return
        extra = [*headers, ("Allow", ALLOW), ("Supported", SUPPORTED)]
        interval = as_uas(self.request, self.core.session_expires_s)
        if interval is not None:
            extra += header_as_uas(self.request, interval)
        response = self._respond(200, body, extra)
        self._local_sdp = body
        self.core.timers.clear(self)
        self._transaction.respond(response, now)
        self.state = State.ACCEPTED
        self._await_ack(response, self.request.cseq.number, now)
        self._agree_interval(interval, now)

    def refuse(self, status: int, now: float, reason: str | None = None, headers: Headers = ()) -> None:
        """A final response of 300 to 699. The session is over; no event follows."""
        if not 300 <= status <= 699:
            raise LocalError(f"{status} is no refusal")
        if self.state is not State.EARLY or self.is_answered:
            return
        self._transaction.respond(self.request.reply(status, reason, to_tag=self._tag, headers=headers), now)
        self._over()

    def bye(self, now: float, reason: str | None = None) -> None:
        """BYE once the 2xx is acknowledged or given up (section 15); a session without an answer is refused instead."""
        if self.state is State.EARLY:
            self.refuse(480, now)
            return
        super().bye(now, reason)

    def receive_cancel(self, cancel: ServerRequest, now: float) -> None:
        """200 to the CANCEL, 487 to the INVITE if it still waits (9.2)."""
        cancel.respond(cancel.request.reply(200, to_tag=self._tag), now)
        if self.is_answered or self.state is not State.EARLY:
            return
        self._transaction.respond(self.request.reply(487, to_tag=self._tag), now)
        self.finish(Canceled(reason=cancel.request.headers.get("Reason") or ""))

    def receive_request(self, transaction: ServerInvite | ServerRequest, request: Request, now: float) -> None:
        if request.method == "PRACK":
            self._take_prack(transaction, request, now)
        elif request.method == "BYE" and self.state is State.EARLY:  # 15: allowed on early dialogs
            transaction.respond(request.reply(200), now)
            self._transaction.respond(self.request.reply(487, to_tag=self._tag), now)
            self.finish(Canceled(reason="BYE"))
        else:
            super().receive_request(transaction, request, now)

    def _take_prack(self, transaction: ServerInvite | ServerRequest, request: Request, now: float) -> None:
        try:
            if self.dialog is None or self._reliable is None:
                raise RemoteError(481, "Nothing To Acknowledge")
            self.dialog.take_cseq(request)
            self._reliable.acknowledged(request, now)
        except RemoteError as fault:
            transaction.respond(request.reply(fault.status, fault.reason), now)
            return
        transaction.respond(request.reply(200), now)
        if self._answer is not None and not self._reliable.is_waiting:
            (body, headers), self._answer = self._answer, None
            self.accept(body, now, headers)

    def fire(self, timer: Timer, now: float) -> None:
        match timer:
            case Timer.RINGING:
                if self._last is not None and self.state is State.EARLY and not self.is_answered:
                    status, _ = self._last
                    self._transaction.respond(self._respond(status, b"", ()), now)
                    self.core.timers.set(self, Timer.RINGING, now + RINGING_REFRESH_S)
            case Timer.RESEND_RELIABLE if self._reliable is not None:
                self._reliable.resend(now)
            case Timer.RELIABLE_WAIT:
                self._transaction.respond(self.request.reply(504, to_tag=self._tag), now)
                self.finish(Canceled(reason="no PRACK"))
            case _:
                super().fire(timer, now)

    def lost(self) -> None:
        """The transport of an unanswered INVITE is gone: nobody is there to be answered."""
        if self.state is State.EARLY:
            self.finish(Canceled(reason="transport"))

    def _respond(self, status: int, body: bytes, headers: Headers) -> Response:
        extra = [("Contact", self.contact), *headers]
        if body:
            extra.append(("Content-Type", "application/sdp"))
        response = self.request.reply(status, to_tag=self._tag, headers=extra, body=body)
        if self.dialog is None:
            self.dialog = Dialog.as_uas(self.request, response, self.contact, self.flow)
            self.core.bind(self.dialog, self)
        return response

    def _over(self) -> None:
        """Ended by ourselves: no event."""
        self.state = State.ENDED
        self.core.timers.clear(self)
        if self.dialog is not None:
            self.core.unbind(self.dialog)
