"""Two stacks tied over a seeded bad link in virtual time: delay, loss, duplication, reordering, or one chosen message dropped."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from sip.authentication import Authenticator
from sip.client import out_of_dialog
from sip.digest import Credentials
from sip.events import Accepted, Confirmed, Offered, SessionEvent
from sip.headers import Address
from sip.incoming import IncomingSession
from sip.message import Request
from sip.outgoing import OutgoingSession
from sip.session import Session
from sip.stack import Accept, Admission, Incoming, Received, Send, Stack
from sip.transport import Flow
from sip.uri import Uri

A, B = ("192.0.2.1", 5060), ("192.0.2.2", 5060)
OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
ANSWER = OFFER.replace(b"192.0.2.1", b"192.0.2.2")


@dataclass
class Side:
    """One stack, the sessions that came to it, and what every session was told."""

    stack: Stack
    address: tuple[str, int]
    incoming: list[IncomingSession] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    told: dict[int, list[SessionEvent]] = field(default_factory=dict)
    on_incoming: Callable[[IncomingSession, float], None] = lambda session, now: None
    answers: bytes | None = None
    """What later offers of the peer are answered with, at once; None: nothing answers them."""

    hang_up: bool = False
    """Whether a session that is confirmed from now on is ended at once."""

    def listen(self, session: Session, soon: Callable[[Callable[[float], None]], None]) -> None:
        events = self.told.setdefault(id(session), [])

        def tell(event: SessionEvent) -> None:
            events.append(event)
            if isinstance(event, Offered) and (answer := self.answers) is not None:
                soon(lambda now: session.answer(answer, now))
            if isinstance(event, Accepted | Confirmed) and self.hang_up:
                soon(session.bye)

        session.tell = tell

    def events(self, session: Session) -> list[SessionEvent]:
        return self.told[id(session)]

    def kinds(self, session: Session) -> list[str]:
        return [type(event).__name__ for event in self.events(session)]


def accept_all(_request: Request, _flow: Flow, _now: float) -> Admission:
    return Accept("anyone")


class Link:
    """The world of a test: `run` moves messages and fires timers in order of time until nothing is left or *until*."""

    def __init__(
        self,
        *,
        seed: int = 1,
        loss: float = 0.0,
        duplication: float = 0.0,
        delay: tuple[float, float] = (0.01, 0.01),
        drop: Iterable[int] = (),
        transport: str = "udp",
        admit_b: Callable[[Request, Flow, float], Admission] = accept_all,
    ) -> None:
        self._random = Random(seed)
        self._loss, self._duplication, self._delay = loss, duplication, delay
        self._drop = frozenset(drop)
        self._transport = transport
        self._number = itertools.count()
        self._tie = itertools.count()
        self._air: list[tuple[float, int, tuple[str, int], tuple[str, int], bytes]] = []
        self._later: list[tuple[float, int, Callable[[float], None]]] = []
        self.now = 1000.0
        self.sent: list[tuple[float, tuple[str, int], bytes]] = []
        self.a = self._side(A, accept_all)
        self.b = self._side(B, admit_b)

    def _side(self, address: tuple[str, int], admit: Callable[[Request, Flow, float], Admission]) -> Side:
        tokens = itertools.count()
        name = address[0].replace(".", "")
        stack = Stack(
            admit=admit,
            contact=lambda flow: f"<sip:crosspoint@{address[0]}:{address[1]}>",
            token=lambda: f"{name}x{next(tokens)}",
            random=self._random.random,
        )
        return Side(stack, address)

    def flow(self, side: Side) -> Flow:
        """From this side to the other."""
        other = B if side.address == A else A
        connection = 0 if self._transport == "udp" else 1
        return Flow(self._transport, side.address, other, connection)

    def invite(
        self, *, credentials: Credentials | None = None, body: bytes = OFFER, canceled: bool = False
    ) -> OutgoingSession:
        """A calls B."""
        request = out_of_dialog(
            "INVITE",
            Uri.parse(f"sip:bob@{B[0]}"),
            Address("", Uri.parse(f"sip:alice@{A[0]}")),
            None,
            self.a.stack.token(),
            body,
            (),
            None,
            "test",
        )
        session = self.a.stack.invite(request, [self.flow(self.a)], Authenticator(credentials, "cnonce", [B[0]]))
        self.a.listen(session, self._soon)
        session.start(self.now)
        self.flush()
        return session

    def flush(self) -> None:
        for side in (self.a, self.b):
            while outputs := side.stack.outputs():
                for output in outputs:
                    match output:
                        case Send(_, data):
                            self._send(side, data)
                        case Incoming(session):
                            side.incoming.append(session)
                            side.listen(session, self._soon)
                            side.on_incoming(session, self.now)
                        case Received():
                            side.received.append(output)

    def after(self, seconds: float, step: Callable[[float], None]) -> None:
        """Run a step of a user in so much time."""
        heapq.heappush(self._later, (self.now + seconds, next(self._tie), step))

    def _soon(self, step: Callable[[float], None]) -> None:
        self.after(0.0, step)

    def _send(self, side: Side, data: bytes) -> None:
        self.sent.append((self.now, side.address, data))
        number = next(self._number)
        if number in self._drop or self._random.random() < self._loss:
            return
        copies = 2 if self._random.random() < self._duplication else 1
        other = B if side.address == A else A
        for _ in range(copies):
            at = self.now + self._random.uniform(*self._delay)
            heapq.heappush(self._air, (at, next(self._tie), side.address, other, data))

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.now + seconds
        while True:
            self.flush()
            times = [queue[0][0] for queue in (self._air, self._later) if queue]
            times += [at for side in (self.a, self.b) if (at := side.stack.next_deadline()) is not None]
            if not times or min(times) > end:
                self.now = end
                return
            self.now = max(self.now, min(times))
            while self._air and self._air[0][0] <= self.now:
                _, _, source, target, data = heapq.heappop(self._air)
                side = self.a if target == A else self.b
                connection = 0 if self._transport == "udp" else 1
                side.stack.receive(data, Flow(self._transport, target, source, connection), self.now)
                self.flush()
            while self._later and self._later[0][0] <= self.now:
                heapq.heappop(self._later)[2](self.now)
                self.flush()
            for side in (self.a, self.b):
                side.stack.tick(self.now)
                self.flush()

    def first_lines(self, address: tuple[str, int] | None = None) -> list[str]:
        """Start lines of what was sent, by one side or both: `INVITE`, `200`."""
        lines = [data.split(b"\r\n", 1)[0].decode() for _, who, data in self.sent if address in (None, who)]
        return [line.split(" ")[1] if line.startswith("SIP/2.0") else line.split(" ")[0] for line in lines]
