"""The sans-IO SIP core: bytes and `now` in, octets to send and new sessions out, one deadline."""

from __future__ import annotations

import secrets
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol

from sip.authentication import Authenticator
from sip.client_invite import ClientInvite
from sip.client_request import ClientRequest
from sip.dialog import Dialog
from sip.errors import BadMessage, RemoteError
from sip.events import SessionEvent
from sip.headers import Via
from sip.incoming import IncomingSession
from sip.machine import Machine
from sip.matching import DialogKey, client_key, dialog_key_as_uas, invite_key_of_cancel, merge_key, server_key
from sip.message import Request, Response, parse
from sip.outgoing import OutgoingSession
from sip.server_invite import ServerInvite
from sip.server_request import ServerRequest
from sip.session import Session
from sip.timers import TimerTable, TimerValues
from sip.transport import DEFAULT_PORTS, Flow
from sip.validate import answer_bad_message, check, check_response

_PORT_AND_TRANSPORT = {"udp": "UDP", "tcp": "TCP", "tls": "TLS", "ws": "WS", "wss": "WSS"}


@dataclass(frozen=True, slots=True)
class Refuse:
    """Admission says no: answered without any state."""

    response: Response
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Accept:
    """Admission says yes, and who it is."""

    principal: object = None


Admission = Refuse | Accept


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
    """A request outside any session that wants an answer: REGISTER, OPTIONS, MESSAGE …"""

    transaction: ServerRequest
    principal: object


Output = Send | Incoming | Received


class User(Protocol):
    """Whoever owns a client transaction."""

    def receive_response(self, machine: Machine, response: Response, now: float) -> None: ...

    def failed(self, machine: Machine, now: float, status: int) -> None: ...


class Stack:
    """Owns transactions, dialogs and timers, and nothing that waits. `outputs()` is to be taken after every call."""

    def __init__(
        self,
        *,
        admit: Callable[[Request, Flow, float], Admission],
        contact: Callable[[Flow], str],
        values: TimerValues | None = None,
        allow: Callable[[str, float], bool] = lambda source, now: True,
        session_expires_s: int = 1800,
        token: Callable[[], str] = lambda: secrets.token_hex(8),
        random: Callable[[], float] = lambda: secrets.randbelow(2**24) / 2**24,
    ) -> None:
        self.values = values or TimerValues()
        self.timers = TimerTable()
        self.session_expires_s = session_expires_s
        self.token = token
        self.random = random
        self.refusing = False
        """Draining: new calls get 503."""

        self.counters: Counter[str] = Counter()
        self._admit = admit
        self._allow = allow
        self._contact = contact
        self._clients: dict[object, ClientInvite | ClientRequest] = {}
        self._servers: dict[object, ServerInvite | ServerRequest] = {}
        self._sessions: dict[object, IncomingSession] = {}
        self._dialogs: dict[DialogKey, Session] = {}
        self._merged: dict[object, object] = {}
        self._lost: set[Flow] = set()
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
        if isinstance(message, Response):
            self._take_response(message, now)
        else:
            self._take_request(message, flow, now)

    def tick(self, now: float) -> None:
        """Fire what is due."""
        for owner, timer in self.timers.due(now):
            if isinstance(owner, Machine | Session):
                owner.fire(timer, now)

    def next_deadline(self) -> float | None:
        return self.timers.next_deadline()

    def outputs(self) -> list[Output]:
        """Take what there is to do, in order."""
        taken, self._outputs = self._outputs, []
        return taken

    def flow_lost(self, flow: Flow, now: float) -> None:
        """A connection is gone (or a datagram came back): its transactions fail, its dialogs go on over a new one."""
        if flow.connection:
            self._lost.add(flow)
        for machine in [m for m in (*self._clients.values(), *self._servers.values()) if m.flow == flow]:
            machine.transport_failed(now)

    @property
    def load(self) -> tuple[int, int]:
        """(transactions, dialogs) alive."""
        return len(self._clients) + len(self._servers), len(self._dialogs)

    # -- requests of ours -------------------------------------------------------------------------------------------

    def invite(self, request: Request, flow: Flow, authenticator: Authenticator) -> OutgoingSession:
        """A session to be started by `session.start(now)`; its Contact is set here."""
        contact = self._contact(flow)
        request.headers.set("Contact", contact)
        events: deque[SessionEvent] = deque()
        return OutgoingSession(self, request, flow, contact, events.append, authenticator)

    def send_request(self, user: User, request: Request, flow: Flow, now: float) -> Machine:
        """Begin a client transaction."""
        if "Via" not in request.headers:
            request.headers.insert_first("Via", self._via(flow))
        machine: ClientInvite | ClientRequest
        machine = (
            ClientInvite(self, request, flow) if request.method == "INVITE" else ClientRequest(self, request, flow)
        )
        machine.user = user
        self._clients[machine.key] = machine
        machine.start(now)
        return machine

    def send_ack(self, request: Request, flow: Flow) -> bytes:
        request.headers.insert_first("Via", self._via(flow))
        octets = request.to_bytes()
        self.send(flow, octets)
        return octets

    def send(self, flow: Flow, data: bytes) -> None:
        self._outputs.append(Send(flow, data))

    def _via(self, flow: Flow) -> str:
        host, port = flow.local
        host = f"[{host}]" if ":" in host else host
        return f"SIP/2.0/{_PORT_AND_TRANSPORT[flow.transport]} {host}:{port};rport;branch=z9hG4bK{self.token()}"

    def flow_for(self, dialog: Dialog) -> Flow:
        """Where requests inside a dialog go: to its route or target where that is an address of the same transport,
        over the flow that it came by where the peer sits behind a NAT, has a name, or holds a connection (RFC 5626)."""
        flow = dialog.flow
        if flow.reliable and flow not in self._lost:
            return flow
        uri = dialog.next_uri
        host = uri.host.strip("[]")
        transport = (uri.param("transport") or ("tls" if uri.scheme == "sips" else flow.transport)).lower()
        try:
            numeric = ip_address(host)
        except ValueError:
            return flow if not flow.reliable else Flow(flow.transport, flow.local, flow.remote)
        if transport != flow.transport and not flow.reliable:
            return flow
        behind_nat = numeric.is_private and host != flow.remote[0] and not ip_address(flow.remote[0]).is_private
        port = uri.port or DEFAULT_PORTS.get(transport, 5060)
        remote = flow.remote if behind_nat or numeric.is_unspecified else (host, port)
        return Flow(flow.transport, flow.local, remote)

    # -- what transactions tell -------------------------------------------------------------------------------------

    def response(self, transaction: Machine, response: Response, now: float) -> None:
        user = transaction.user
        if user is not None:
            user.receive_response(transaction, response, now)  # type: ignore[attr-defined]  # a User by construction

    def timed_out(self, transaction: Machine, now: float) -> None:
        if transaction.user is not None and isinstance(transaction, ClientInvite | ClientRequest):
            transaction.user.failed(transaction, now, 408)  # type: ignore[attr-defined]

    def unreachable(self, transaction: Machine, now: float) -> None:
        if isinstance(transaction, ClientInvite | ClientRequest):
            if transaction.user is not None:
                transaction.user.failed(transaction, now, 503)  # type: ignore[attr-defined]
        elif (session := self._sessions.get(transaction.key)) is not None:
            session.lost()

    def ended(self, transaction: Machine) -> None:
        if isinstance(transaction, ClientInvite | ClientRequest):
            if self._clients.get(transaction.key) is transaction:
                del self._clients[transaction.key]
        else:
            self._servers.pop(transaction.key, None)
            self._sessions.pop(transaction.key, None)
            self._merged.pop(merge_key(transaction.request), None)

    def bind(self, dialog: Dialog, session: Session) -> None:
        self._dialogs[dialog.key] = session

    def unbind(self, dialog: Dialog) -> None:
        self._dialogs.pop(dialog.key, None)

    # -- what comes in ----------------------------------------------------------------------------------------------

    def _take_response(self, response: Response, now: float) -> None:
        if not check_response(response):
            self.counters["malformed"] += 1
            return
        machine = self._clients.get(client_key(response))
        if machine is None:
            self.counters["stray_response"] += 1
        else:
            self._guarded(response, lambda: machine.receive(response, now))

    def _take_request(self, request: Request, flow: Flow, now: float) -> None:
        try:
            request.mark_received(*flow.remote[:2])
        except RemoteError as fault:
            self.counters["malformed"] += 1
            self._refuse(request, request.reply(fault.status, fault.reason), flow)
            return
        if (refusal := check(request)) is not None:
            self.counters["refused"] += 1
            self._refuse(request, refusal, flow)
            return
        key = server_key(request)
        transaction = self._servers.get(key)
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
            self._guarded(request, lambda: session.receive_ack(request, now))

    def _take_cancel(self, request: Request, flow: Flow, now: float) -> None:
        session = self._sessions.get(invite_key_of_cancel(request))
        cancel = ServerRequest(self, request, reply_flow(request.via, flow))
        self._servers[cancel.key] = cancel
        if session is None:
            cancel.respond(request.reply(481), now)
        else:
            session.receive_cancel(cancel, now)

    def _take_in_dialog(self, request: Request, flow: Flow, now: float) -> None:
        session = self._dialogs.get(dialog_key_as_uas(request))
        if session is None:
            self._reply_statelessly(request.reply(481), flow)
            return
        transaction = self._serve(request, flow, now)
        if session.dialog is not None and flow.transport == session.dialog.flow.transport and flow.reliable:
            session.dialog.flow = session.flow = flow  # the peer's newest connection
        self._guarded(request, lambda: session.receive_request(transaction, request, now))

    def _take_new(self, request: Request, flow: Flow, now: float) -> None:
        merged = merge_key(request)
        if merged in self._merged:
            self._reply_statelessly(request.reply(482), flow)
            return
        if self.refusing and request.method in ("INVITE", "OPTIONS"):
            self._reply_statelessly(request.reply(503, headers=[("Retry-After", "30")]), flow)
            return
        verdict = self._admit(request, flow, now)
        if isinstance(verdict, Refuse):
            self.counters["not_admitted"] += 1
            self._reply_statelessly(verdict.response, flow)
            return
        if request.method == "INVITE" and len(request.contacts) != 1:
            self._reply_statelessly(request.reply(400, "Not Exactly One Contact"), flow)
            return
        transaction = self._serve(request, flow, now)
        self._merged[merged] = transaction.key
        if isinstance(transaction, ServerInvite):
            events: deque[SessionEvent] = deque()
            session = IncomingSession(self, transaction, self._contact(flow), events.append, verdict.principal)
            self._sessions[transaction.key] = session
            self._outputs.append(Incoming(session))
        else:
            self._outputs.append(Received(transaction, verdict.principal))

    def _serve(self, request: Request, flow: Flow, now: float) -> ServerInvite | ServerRequest:
        transaction: ServerInvite | ServerRequest
        flow = reply_flow(request.via, flow)
        transaction = (
            ServerInvite(self, request, flow) if request.method == "INVITE" else ServerRequest(self, request, flow)
        )
        self._servers[transaction.key] = transaction
        transaction.start(now)
        return transaction

    def _refuse(self, request: Request, response: Response, flow: Flow) -> None:
        if request.method != "ACK":
            self._reply_statelessly(response, flow)

    def _reply_statelessly(self, response: Response, flow: Flow) -> None:
        """By the flow it came from, or where its topmost Via says (18.2.2); an unreadable Via gets the flow."""
        try:
            flow = reply_flow(response.via, flow)
        except RemoteError:
            self.counters["unreadable_via"] += 1
        self.send(flow, response.to_bytes())

    def _guarded(self, message: Request | Response, act: Callable[[], None]) -> None:
        """A value that only now turns out to be malformed (a bad Contact in a 2xx, a bad Session-Expires) ends nothing else."""
        try:
            act()
        except RemoteError:
            self.counters["malformed"] += 1
            _ = message


def reply_flow(via: Via, flow: Flow) -> Flow:
    """Where a response goes: streams answer on themselves; datagrams to `rport`, else to the sent-by port (RFC 3581, 18.2.2)."""
    if flow.reliable or via.rport is not None:
        return flow
    return Flow(flow.transport, flow.local, (flow.remote[0], via.port or DEFAULT_PORTS["udp"]))
