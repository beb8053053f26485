"""INVITE server transaction: RFC 3261 section 17.2.1 as corrected by RFC 6026, as a table."""

from __future__ import annotations

from collections.abc import Callable

from sip.machine import Host, Machine, Word
from sip.matching import server_key
from sip.message import Request, Response
from sip.timers import Timer
from sip.transport import Flow


class State(Word):
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Input(Word):
    INVITE = "INVITE again"
    ACK = "ACK"
    PROVISIONAL = "1xx from user"
    SUCCESS = "2xx from user"
    FAILURE = "3xx to 6xx from user"
    TRANSPORT_ERROR = "transport error"


class ServerInvite(Machine):
    """Owns 100 Trying, the answer to a repeated INVITE and the repeating of a failure until its ACK.

    A 2xx is repeated by its user until the ACK (13.3.1.4), which goes to the dialog: `response` hands it through.
    """

    __slots__ = ("_interval", "_last", "state")

    def __init__(self, host: Host, request: Request, flow: Flow) -> None:
        super().__init__(host, request, flow, server_key(request))
        self.state = State.PROCEEDING
        self._interval = 0.0
        self._last: bytes | None = None

    def start(self, now: float) -> None:
        """100 at once: the webhook that decides takes longer than the 200 ms of 17.2.1."""
        self._last = self.request.reply(100).to_bytes()
        self.send(self._last)

    @property
    def is_answered(self) -> bool:
        """Whether a final response has been sent."""
        return self.state is not State.PROCEEDING

    def again(self, now: float) -> None:
        self._step(Input.INVITE, now)

    def acked(self, now: float) -> None:
        self._step(Input.ACK, now)

    def respond(self, response: Response, now: float) -> None:
        """Send what the user answers; ignored where the state has no room for it."""
        kind = Input.PROVISIONAL if response.status < 200 else Input.SUCCESS if response.status < 300 else Input.FAILURE
        self._step(kind, now, response)

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

    def _ring(self, _now: float, response: Response | None) -> None:
        if response is not None:
            self._last = response.to_bytes()
            self.send(self._last)

    def _accept(self, now: float, response: Response | None) -> None:
        self._ring(now, response)
        self.set(Timer.L, now + self.values.timeout)

    def _repeat_2xx(self, now: float, response: Response | None) -> None:
        self._ring(now, response)

    def _refuse(self, now: float, response: Response | None) -> None:
        self._ring(now, response)
        self._interval = self.values.t1
        if not self.flow.reliable:
            self.set(Timer.G, now + self._interval)
        self.set(Timer.H, now + self.values.timeout)

    def _resend(self, now: float, _: Response | None) -> None:
        self._again(now, None)
        self._interval = min(2 * self._interval, self.values.t2)
        self.set(Timer.G, now + self._interval)

    def _confirm(self, now: float, _: Response | None) -> None:
        self.clear(Timer.G, Timer.H)
        self.set(Timer.I, now + (0.0 if self.flow.reliable else self.values.t4))

    def _absorb(self, _now: float, _response: Response | None) -> None:
        return

    def _give_up(self, now: float, _: Response | None) -> None:
        self.finish()
        self.host.timed_out(self, now)

    def _lose(self, now: float, _: Response | None) -> None:
        self.finish()
        self.host.unreachable(self, now)

    def _end(self, _now: float, _response: Response | None) -> None:
        self.finish()


TABLE: dict[tuple[State, Input | Timer], tuple[State, Callable[[ServerInvite, float, Response | None], None]]] = {
    (State.PROCEEDING, Input.INVITE): (State.PROCEEDING, ServerInvite._again),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, ServerInvite._ring),
    (State.PROCEEDING, Input.SUCCESS): (State.ACCEPTED, ServerInvite._accept),
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, ServerInvite._refuse),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, ServerInvite._lose),
    (State.ACCEPTED, Input.INVITE): (State.ACCEPTED, ServerInvite._absorb),  # its user repeats the 2xx
    (State.ACCEPTED, Input.SUCCESS): (State.ACCEPTED, ServerInvite._repeat_2xx),
    (State.ACCEPTED, Input.ACK): (State.ACCEPTED, ServerInvite._absorb),
    (State.ACCEPTED, Timer.L): (State.TERMINATED, ServerInvite._end),
    (State.COMPLETED, Input.INVITE): (State.COMPLETED, ServerInvite._again),
    (State.COMPLETED, Timer.G): (State.COMPLETED, ServerInvite._resend),
    (State.COMPLETED, Input.ACK): (State.CONFIRMED, ServerInvite._confirm),
    (State.COMPLETED, Timer.H): (State.TERMINATED, ServerInvite._give_up),
    (State.COMPLETED, Input.TRANSPORT_ERROR): (State.TERMINATED, ServerInvite._lose),
    (State.CONFIRMED, Timer.I): (State.TERMINATED, ServerInvite._end),
}
