"""The sans-IO SIP core: bytes and `now` in, octets to send and new sessions out, one deadline."""

from __future__ import annotations

import secrets
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sip.admission import Accept, Admission, Admit, Refuse
from sip.authentication import Authenticator
from sip.client import Exchange
from sip.client_invite import ClientInvite
from sip.client_request import ClientRequest
from sip.core import User
from sip.dialog import Dialog
from sip.errors import BadMessage, RemoteError
from sip.events import SessionEvent
from sip.incoming import IncomingSession
from sip.machine import Machine
from sip.matching import DialogKey, client_key, dialog_key_as_uas, invite_key_of_cancel, merge_key, server_key
from sip.message import Request, Response, parse
from sip.outgoing import OutgoingSession
from sip.paths import Paths, reply_flow
from sip.server_invite import ServerInvite
from sip.server_request import ServerRequest
from sip.session import Session
from sip.session_timer import MIN_SE_S
from sip.timers import TimerTable, TimerValues
from sip.transactions import Transactions
from sip.transport import Flow
from sip.validate import answer_bad_message, check, check_response

__all__ = ["Accept", "Admission", "Incoming", "Output", "Received", "Refuse", "Send", "Stack"]

MOST_TRANSACTIONS = 40_000
"""Of peers, alive at once; beyond, new requests get 503 without any state. 64*T1 of 600 requests a second is half of it."""

MOST_OF_ONE_SOURCE = 8_000
"""Of them, those of one source outside any dialog: one flood does not keep the others out."""

NEEDS_DIALOG = frozenset({"BYE", "INFO", "PRACK", "UPDATE", "NOTIFY", "REFER"})
"""481 without a To tag; REFER also begins dialogs elsewhere, but nobody here serves those."""


@dataclass(frozen=True, slots=True)
class Send:
    """Octets for a flow; a stream flow with connection 0 is to be connected first."""

    flow: Flow
    data: bytes


@dataclass(frozen=True, slots=True)
class Incoming:
    """A new session; its 100 has been sent."""

    session: IncomingSession


@dataclass(frozen=True, slots=True)
class Received:
    """A request outside any session that wants an answer: REGISTER, OPTIONS …"""

    transaction: ServerRequest
    principal: object


Output = Send | Incoming | Received


class Stack:
    """Owns transactions, dialogs and timers, and nothing that waits. `outputs()` is to be taken after every call."""

    def __init__(
        self,
        *,
        admit: Admit,
        contact: Callable[[Flow], str],
        paths: Paths | None = None,
        values: TimerValues | None = None,
        allow: Callable[[str, float], bool] = lambda source, now: True,
        session_expires_s: int = 1800,
        token: Callable[[], str] = lambda: secrets.token_hex(8),
        random: Callable[[], float] = lambda: secrets.randbelow(2**24) / 2**24,
    ) -> None:
        self.values = values or TimerValues()
        self.timers = TimerTable()
        self.paths = paths or Paths()
        self.session_expires_s = session_expires_s
        self.contact = contact
        self.token = token
        self.random = random
        self.refusing = False
        """Draining: new calls get 503."""

        self.counters: Counter[str] = Counter()
        self._admit = admit
        self._allow = allow
        self._transactions = Transactions()
        self._dialogs: dict[DialogKey, Session] = {}
        self._forking: dict[tuple[str, str], Session] = {}
        self._outputs: list[Output] = []

    # -- what the driver does ---------------------------------------------------------------------------------------

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """One datagram, or one message of a stream. Never raises for what the peer sent."""
        if not self._allow(flow.remote[0], now):
            self.counters["over_limit"] += 1
            return
        if not data.strip(b"\r\n\0"):
            if data.startswith(b"\r\n\r\n"):  # RFC 5626 section 4.4.1
                self.send(flow, b"\r\n")
            return
        try:
            message = parse(data)
        except BadMessage as fault:
            self.counters["malformed"] += 1
            if (response := answer_bad_message(fault)) is not None:
                self._reply_statelessly(response, flow)
            return
        try:
            if isinstance(message, Response):
                self._take_response(message, flow, now)
            else:
                self._take_request(message, flow, now)
        except RemoteError:  # a value that only now turns out to be malformed ends nothing else
            self.counters["malformed"] += 1

    def tick(self, now: float) -> None:
        """Fire what is due."""
        for owner, timer in self.timers.due(now):
            owner.fire(timer, now)

    def next_deadline(self) -> float | None:
        return self.timers.next_deadline()

    def outputs(self) -> list[Output]:
        """Take what there is to do, in order."""
        taken, self._outputs = self._outputs, []
        return taken

    def flow_lost(self, flow: Flow, now: float) -> None:
        """A connection is gone: what goes on over it goes on over a new one. Connection 0: nobody is there to be reached."""
        if not flow.connection:
            for machine in self._transactions.towards(flow):
                machine.transport_failed(now)
            return
        for machine in self._transactions.towards(flow):
            if machine.flow.connection in (flow.connection, 0):
                is_server = isinstance(machine, ServerInvite | ServerRequest)
                self._move(machine, self.paths.again(machine.request, flow, is_server=is_server), now)
        gone = Flow(flow.transport, flow.local, flow.remote)
        for session in self._dialogs.values():
            if session.dialog is not None and session.dialog.flow == flow:
                session.dialog.flow = gone

    @property
    def load(self) -> tuple[int, int]:
        """(transactions, dialogs) alive."""
        return len(self._transactions), len(self._dialogs)

    # -- requests of ours -------------------------------------------------------------------------------------------

    def invite(self, request: Request, flows: Sequence[Flow], authenticator: Authenticator) -> OutgoingSession:
        """A session to be started by `session.start(now)`; its Contact is set then."""
        events: deque[SessionEvent] = deque()
        return OutgoingSession(self, request, flows, events.append, authenticator)

    def exchange(
        self,
        request: Request,
        flows: Sequence[Flow],
        authenticator: Authenticator,
        answered: Callable[[Response], None],
    ) -> Exchange:
        """A request outside any dialog, to be started by `exchange.start(now)`."""
        return Exchange(self, request, flows, authenticator, answered)

    def send_request(self, user: User, request: Request, flow: Flow, now: float) -> Machine:
        if "Via" not in request.headers:
            request.headers.insert_first("Via", self.paths.via(flow, self.token()))
        kind = ClientInvite if request.method == "INVITE" else ClientRequest
        machine: ClientInvite | ClientRequest = kind(self, request, flow)
        machine.user = user
        self._transactions.add_client(machine)
        machine.start(now)
        return machine

    def send_ack(self, request: Request, flow: Flow) -> bytes:
        request.headers.insert_first("Via", self.paths.via(flow, self.token()))
        octets = request.to_bytes()
        self.send(flow, octets)
        return octets

    def send(self, flow: Flow, data: bytes) -> None:
        self._outputs.append(Send(flow, data))

    def flow_for(self, dialog: Dialog) -> Flow:
        return self.paths.inside(dialog)

    def avoid(self, flow: Flow, now: float) -> None:
        self.paths.avoid(flow, now)

    # -- what transactions and sessions tell ------------------------------------------------------------------------

    def response(self, transaction: Machine, response: Response, now: float) -> None:
        if transaction.user is not None:
            transaction.user.receive_response(transaction, response, now)

    def timed_out(self, transaction: Machine, now: float) -> None:
        if transaction.user is not None and isinstance(transaction, ClientInvite | ClientRequest):
            transaction.user.failed(transaction, now, 408)

    def unreachable(self, transaction: Machine, now: float) -> None:
        if isinstance(transaction, ClientInvite | ClientRequest):
            if transaction.user is not None:
                transaction.user.failed(transaction, now, 503)
        elif isinstance(transaction, ServerInvite) and isinstance(transaction.user, Session):
            transaction.user.lost(transaction, now)

    def ended(self, transaction: Machine) -> None:
        self._transactions.remove(transaction)

    def bind(self, dialog: Dialog, session: Session) -> None:
        self._dialogs[dialog.key] = session

    def unbind(self, dialog: Dialog) -> None:
        self._dialogs.pop(dialog.key, None)

    def await_forks(self, session: Session, waiting: bool) -> None:
        key = session.request.call_id, session.request.from_.tag or ""
        if waiting:
            self._forking[key] = session
        else:
            self._forking.pop(key, None)

    # -- what comes in ----------------------------------------------------------------------------------------------

    def _take_response(self, response: Response, flow: Flow, now: float) -> None:
        if not check_response(response):
            self.counters["malformed"] += 1
            return
        machine = self._transactions.client(client_key(response))
        if machine is None:
            self.counters["stray_response"] += 1
            return
        if flow.connection and not machine.flow.connection and flow.remote == machine.flow.remote:
            machine.flow = flow  # the connection that was made for it
        machine.receive(response, now)

    def _take_request(self, request: Request, flow: Flow, now: float) -> None:
        refusal: Response | None
        try:
            request.mark_received(*flow.remote[:2])
            refusal = check(request)
        except RemoteError as fault:
            refusal = request.reply(fault.status, fault.reason)
        if refusal is not None:
            self.counters["refused"] += 1
            if request.method != "ACK":
                self._reply_statelessly(refusal, flow)
            return
        transaction = self._transactions.server(server_key(request))
        if request.method == "ACK":
            self._take_ack(request, transaction, now)
        elif transaction is not None:
            transaction.again(now)
        elif request.method == "CANCEL":
            self._take_cancel(request, flow, now)
        elif request.to.tag is not None:
            self._take_in_dialog(request, flow, now)
        else:
            self._take_new(request, flow, now)

    def _take_ack(self, request: Request, transaction: ServerInvite | ServerRequest | None, now: float) -> None:
        if isinstance(transaction, ServerInvite):
            transaction.acked(now)
        session = self._dialogs.get(dialog_key_as_uas(request))
        if session is not None:
            session.receive_ack(request, now)

    def _take_cancel(self, request: Request, flow: Flow, now: float) -> None:
        meant = self._transactions.server(invite_key_of_cancel(request))
        if isinstance(meant, ServerInvite) and isinstance(meant.user, Session):
            cancel = ServerRequest(self, request, reply_flow(request.via, flow))
            self._transactions.add_server(cancel)
            meant.user.receive_cancel(cancel, meant, now)
        else:
            self._reply_statelessly(request.reply(481), flow)

    def _take_in_dialog(self, request: Request, flow: Flow, now: float) -> None:
        key = dialog_key_as_uas(request)
        session = self._dialogs.get(key) or self._forking.get(key[:2])
        if session is None:
            self._reply_statelessly(request.reply(481), flow)
            return
        transaction: ServerInvite | ServerRequest
        kind = ServerInvite if request.method == "INVITE" else ServerRequest
        transaction = kind(self, request, reply_flow(request.via, flow))
        transaction.user = session
        self._transactions.add_server(transaction)
        transaction.start(now)
        session.receive_request(transaction, request, now)

    def _take_new(self, request: Request, flow: Flow, now: float) -> None:
        if request.method in NEEDS_DIALOG:
            self._reply_statelessly(request.reply(481), flow)
        elif self._transactions.is_merged(merge_key(request)):
            self._reply_statelessly(request.reply(482), flow)
        elif self.refusing and request.method in ("INVITE", "OPTIONS"):
            self._reply_statelessly(request.reply(503, headers=[("Retry-After", "30")]), flow)
        elif self._is_overloaded(flow):
            self.counters["overload"] += 1
            self._reply_statelessly(request.reply(503, headers=[("Retry-After", "10")]), flow)
        else:
            verdict = self._judge(request, flow, now)
            if isinstance(verdict, Refuse):
                self.counters["not_admitted"] += 1
                self._reply_statelessly(verdict.response, flow)
            elif request.method == "INVITE":
                self._begin_session(request, flow, verdict.principal, now)
            else:
                transaction = ServerRequest(self, request, reply_flow(request.via, flow))
                self._transactions.add_server(transaction, merge_key(request))
                transaction.start(now)
                self._outputs.append(Received(transaction, verdict.principal))

    def _is_overloaded(self, flow: Flow) -> bool:
        begun = self._transactions.begun_by(flow.remote[0])
        return begun >= MOST_OF_ONE_SOURCE or len(self._transactions) >= MOST_TRANSACTIONS

    def _judge(self, request: Request, flow: Flow, now: float) -> Admission:
        try:
            return self._admit(request, flow, now)
        except RemoteError as fault:
            return Refuse(request.reply(fault.status, fault.reason), "malformed")

    def _begin_session(self, request: Request, flow: Flow, principal: object, now: float) -> None:
        transaction = ServerInvite(self, request, reply_flow(request.via, flow))
        events: deque[SessionEvent] = deque()
        try:
            session = IncomingSession(self, transaction, self.contact(flow), events.append, principal)
        except RemoteError as fault:
            headers = [("Min-SE", str(MIN_SE_S))] if fault.status == 422 else []
            self._reply_statelessly(request.reply(fault.status, fault.reason, headers=headers), flow)
            return
        transaction.user = session
        self._transactions.add_server(transaction, merge_key(request))
        transaction.start(now)
        session.start(now)
        self._outputs.append(Incoming(session))

    def _move(self, machine: Machine, flow: Flow, now: float) -> None:
        self._transactions.move(machine, flow, now)

    def _reply_statelessly(self, response: Response, flow: Flow) -> None:
        """By the flow it came from, or where its topmost Via says (18.2.2); an unreadable Via gets the flow."""
        try:
            flow = reply_flow(response.via, flow)
        except RemoteError:
            self.counters["unreadable_via"] += 1
        self.send(flow, response.to_bytes())
