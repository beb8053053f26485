"""Server transaction of every method but INVITE: RFC 3261 section 17.2.2, as a table."""

from __future__ import annotations

from collections.abc import Callable

from sip.machine import Host, Machine, Word
from sip.matching import server_key
from sip.message import Request, Response
from sip.timers import Timer
from sip.transport import Flow


class State(Word):
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    TERMINATED = "terminated"


class Input(Word):
    REQUEST = "the request again"
    PROVISIONAL = "1xx from user"
    FINAL = "2xx to 6xx from user"
    TRANSPORT_ERROR = "transport error"


class ServerRequest(Machine):
    """Owns the answer to a repeated request."""

    __slots__ = ("_last", "state")

    def __init__(self, host: Host, request: Request, flow: Flow) -> None:
        super().__init__(host, request, flow, server_key(request))
        self.state = State.TRYING
        self._last: bytes | None = None

    def start(self, now: float) -> None:
        """Nothing is sent until the user answers; by 64*T1 nobody waits for it any more."""
        self.set(Timer.UNANSWERED, now + self.values.timeout)

    @property
    def is_answered(self) -> bool:
        return self.state in (State.COMPLETED, State.TERMINATED)

    def again(self, now: float) -> None:
        self._step(Input.REQUEST, now)

    def respond(self, response: Response, now: float) -> None:
        self._step(Input.PROVISIONAL if response.status < 200 else Input.FINAL, now, response)

    def fire(self, timer: Timer, now: float) -> None:
        self._step(timer, now)

    def transport_failed(self, now: float) -> None:
        self._step(Input.TRANSPORT_ERROR, now)

    def _step(self, event: Input | Timer, now: float, response: Response | None = None) -> None:
        row = TABLE.get((self.state, event))
        if row is None:
            return
        self.state, act = row
        act(self, now, response)

    def _again(self, _now: float, _response: Response | None) -> None:
        if self._last is not None:
            self.send(self._last)

    def _answer(self, _now: float, response: Response | None) -> None:
        if response is not None:
            self._last = response.to_bytes()
            self.send(self._last)

    def _complete(self, now: float, response: Response | None) -> None:
        self.clear(Timer.UNANSWERED)
        self._answer(now, response)
        self.set(Timer.J, now + (0.0 if self.flow.reliable else self.values.timeout))

    def _lose(self, now: float, _: Response | None) -> None:
        self.finish()
        self.host.unreachable(self, now)

    def _end(self, _now: float, _response: Response | None) -> None:
        self.finish()


TABLE: dict[tuple[State, Input | Timer], tuple[State, Callable[[ServerRequest, float, Response | None], None]]] = {
    (State.TRYING, Input.PROVISIONAL): (State.PROCEEDING, ServerRequest._answer),
    (State.TRYING, Input.FINAL): (State.COMPLETED, ServerRequest._complete),
    (State.TRYING, Timer.UNANSWERED): (State.TERMINATED, ServerRequest._end),
    (State.TRYING, Input.TRANSPORT_ERROR): (State.TERMINATED, ServerRequest._lose),
    (State.PROCEEDING, Input.REQUEST): (State.PROCEEDING, ServerRequest._again),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, ServerRequest._answer),
    (State.PROCEEDING, Input.FINAL): (State.COMPLETED, ServerRequest._complete),
    (State.PROCEEDING, Timer.UNANSWERED): (State.TERMINATED, ServerRequest._end),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, ServerRequest._lose),
    (State.COMPLETED, Input.REQUEST): (State.COMPLETED, ServerRequest._again),
    (State.COMPLETED, Timer.J): (State.TERMINATED, ServerRequest._end),
}
