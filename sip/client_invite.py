"""INVITE client transaction: RFC 3261 section 17.1.1 as corrected by RFC 6026, as a table."""

from __future__ import annotations

from collections.abc import Callable

from sip.machine import Host, Machine, Word
from sip.matching import client_key
from sip.message import Headers, Request, Response
from sip.timers import Timer
from sip.transport import Flow


class State(Word):
    CALLING = "calling"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    TERMINATED = "terminated"


class Input(Word):
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "3xx to 6xx"
    TRANSPORT_ERROR = "transport error"
    MOVED = "another connection"


class ClientInvite(Machine):
    """Owns the retransmission of an INVITE and the ACK of a failure; a 2xx is ACKed by its user, in the dialog."""

    __slots__ = ("_ack", "_interval", "state")

    def __init__(self, host: Host, request: Request, flow: Flow) -> None:
        super().__init__(host, request, flow, client_key(request))
        self.state = State.CALLING
        self._interval = 0.0
        self._ack: bytes | None = None

    def start(self, now: float) -> None:
        self.send(self.request.to_bytes())
        self._interval = self.values.t1
        if not self.flow.reliable:
            self.set(Timer.A, now + self._interval)
        self.set(Timer.B, now + self.values.timeout)

    def receive(self, response: Response, now: float) -> None:
        kind = Input.PROVISIONAL if response.status < 200 else Input.SUCCESS if response.status < 300 else Input.FAILURE
        self._step(kind, now, response)

    def fire(self, timer: Timer, now: float) -> None:
        self._step(timer, now)

    def transport_failed(self, now: float) -> None:
        self._step(Input.TRANSPORT_ERROR, now)

    def move(self, flow: Flow, now: float) -> None:
        super().move(flow, now)
        self._step(Input.MOVED, now)

    def _step(self, event: Input | Timer, now: float, response: Response | None = None) -> None:
        row = TABLE.get((self.state, event))
        if row is None:
            return  # a late or repeated message: 17.1.1.2 has it absorbed
        self.state, act = row
        act(self, now, response)

    def _resend(self, now: float, _: Response | None) -> None:
        self.send(self.request.to_bytes())
        self._interval *= 2
        self.set(Timer.A, now + self._interval)

    def _deliver(self, now: float, response: Response | None) -> None:
        if response is not None:
            self.host.response(self, response, now)

    def _proceed(self, now: float, response: Response | None) -> None:
        """Timer C, as a proxy has it (16.6 item 11), so that a peer that never answers is not waited for without end."""
        self.clear(Timer.A, Timer.B)
        self.set(Timer.C, now + self.values.c)
        self._deliver(now, response)

    def _accept(self, now: float, response: Response | None) -> None:
        """RFC 6026 section 7.2: stay for 64*T1, so that repeated and forked 2xx reach the user."""
        self.clear()
        self.set(Timer.M, now + self.values.timeout)
        self._deliver(now, response)

    def _fail(self, now: float, response: Response | None) -> None:
        if response is not None:
            self._ack = ack_of_failure(self.request, response).to_bytes()
            self.send(self._ack)
        self.clear()
        self.set(Timer.D, now + (0.0 if self.flow.reliable else self.values.d))
        self._deliver(now, response)

    def _again(self, _now: float, _response: Response | None) -> None:
        if self._ack is not None:
            self.send(self._ack)

    def _again_there(self, _now: float, _response: Response | None) -> None:
        self.send(self.request.to_bytes())

    def _time_out(self, now: float, _: Response | None) -> None:
        self.finish()
        self.host.timed_out(self, now)

    def _lose(self, now: float, _: Response | None) -> None:
        self.finish()
        self.host.unreachable(self, now)

    def _end(self, _now: float, _response: Response | None) -> None:
        self.finish()


def ack_of_failure(invite: Request, response: Response) -> Request:
    """The ACK that the transaction itself sends (17.1.1.3): same branch, To of the response."""
    headers = Headers()
    headers.add("Via", str(invite.via))
    for value in invite.headers.get_all("Route"):
        headers.add("Route", value)
    headers.add("From", invite.headers.get("From") or "")
    headers.add("To", response.headers.get("To") or "")
    headers.add("Call-ID", invite.call_id)
    headers.add("CSeq", f"{invite.cseq.number} ACK")
    headers.add("Max-Forwards", "70")
    return Request("ACK", invite.uri, headers)


def cancel_of(invite: Request, reason: str | None = None) -> Request:
    """CANCEL of an INVITE that has had a provisional response (9.1)."""
    headers = Headers()
    headers.add("Via", str(invite.via))
    for value in invite.headers.get_all("Route"):
        headers.add("Route", value)
    for name in ("From", "To", "Call-ID"):
        headers.add(name, invite.headers.get(name) or "")
    headers.add("CSeq", f"{invite.cseq.number} CANCEL")
    headers.add("Max-Forwards", "70")
    if reason:
        headers.add("Reason", reason)
    return Request("CANCEL", invite.uri, headers)


TABLE: dict[tuple[State, Input | Timer], tuple[State, Callable[[ClientInvite, float, Response | None], None]]] = {
    (State.CALLING, Timer.A): (State.CALLING, ClientInvite._resend),
    (State.CALLING, Timer.B): (State.TERMINATED, ClientInvite._time_out),
    (State.CALLING, Input.MOVED): (State.CALLING, ClientInvite._again_there),
    (State.CALLING, Input.PROVISIONAL): (State.PROCEEDING, ClientInvite._proceed),
    (State.CALLING, Input.SUCCESS): (State.ACCEPTED, ClientInvite._accept),
    (State.CALLING, Input.FAILURE): (State.COMPLETED, ClientInvite._fail),
    (State.CALLING, Input.TRANSPORT_ERROR): (State.TERMINATED, ClientInvite._lose),
    (State.PROCEEDING, Timer.C): (State.TERMINATED, ClientInvite._time_out),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, ClientInvite._proceed),
    (State.PROCEEDING, Input.SUCCESS): (State.ACCEPTED, ClientInvite._accept),
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, ClientInvite._fail),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, ClientInvite._lose),
    (State.ACCEPTED, Input.SUCCESS): (State.ACCEPTED, ClientInvite._deliver),
    (State.ACCEPTED, Timer.M): (State.TERMINATED, ClientInvite._end),
    (State.COMPLETED, Input.FAILURE): (State.COMPLETED, ClientInvite._again),
    (State.COMPLETED, Timer.D): (State.TERMINATED, ClientInvite._end),
}
