"""Client transaction of every method but INVITE: RFC 3261 section 17.1.2, as a table."""

from __future__ import annotations

from collections.abc import Callable

from sip.machine import Host, Machine, Word
from sip.matching import client_key
from sip.message import Request, Response
from sip.timers import Timer
from sip.transport import Flow


class State(Word):
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    TERMINATED = "terminated"


class Input(Word):
    PROVISIONAL = "1xx"
    FINAL = "2xx to 6xx"
    TRANSPORT_ERROR = "transport error"
    MOVED = "another connection"


class ClientRequest(Machine):
    """Owns the retransmission of one request and absorbs repeated answers."""

    __slots__ = ("_interval", "state")

    def __init__(self, host: Host, request: Request, flow: Flow) -> None:
        super().__init__(host, request, flow, client_key(request))
        self.state = State.TRYING
        self._interval = 0.0

    def start(self, now: float) -> None:
        self.send(self.request.to_bytes())
        self._interval = self.values.t1
        if not self.flow.reliable:
            self.set(Timer.E, now + self._interval)
        self.set(Timer.F, now + self.values.timeout)

    def receive(self, response: Response, now: float) -> None:
        self._step(Input.PROVISIONAL if response.status < 200 else Input.FINAL, now, response)

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
            return
        self.state, act = row
        act(self, now, response)

    def _resend(self, now: float, _: Response | None) -> None:
        self.send(self.request.to_bytes())
        self._interval = min(2 * self._interval, self.values.t2)
        self.set(Timer.E, now + self._interval)

    def _resend_slowly(self, now: float, _: Response | None) -> None:
        self.send(self.request.to_bytes())
        self.set(Timer.E, now + self.values.t2)

    def _deliver(self, now: float, response: Response | None) -> None:
        if response is not None:
            self.host.response(self, response, now)

    def _complete(self, now: float, response: Response | None) -> None:
        self.clear(Timer.E, Timer.F)
        self.set(Timer.K, now + (0.0 if self.flow.reliable else self.values.t4))
        self._deliver(now, response)

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


TABLE: dict[tuple[State, Input | Timer], tuple[State, Callable[[ClientRequest, float, Response | None], None]]] = {
    (State.TRYING, Timer.E): (State.TRYING, ClientRequest._resend),
    (State.TRYING, Timer.F): (State.TERMINATED, ClientRequest._time_out),
    (State.TRYING, Input.MOVED): (State.TRYING, ClientRequest._again_there),
    (State.TRYING, Input.PROVISIONAL): (State.PROCEEDING, ClientRequest._deliver),
    (State.TRYING, Input.FINAL): (State.COMPLETED, ClientRequest._complete),
    (State.TRYING, Input.TRANSPORT_ERROR): (State.TERMINATED, ClientRequest._lose),
    (State.PROCEEDING, Timer.E): (State.PROCEEDING, ClientRequest._resend_slowly),
    (State.PROCEEDING, Timer.F): (State.TERMINATED, ClientRequest._time_out),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, ClientRequest._deliver),
    (State.PROCEEDING, Input.FINAL): (State.COMPLETED, ClientRequest._complete),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, ClientRequest._lose),
    (State.COMPLETED, Timer.K): (State.TERMINATED, ClientRequest._end),
}
