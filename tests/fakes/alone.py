"""One stack in virtual time, and a peer written by hand: what it sends is text, what it gets is parsed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sip.authentication import Authenticator
from sip.client import Exchange, out_of_dialog
from sip.digest import Credentials
from sip.events import SessionEvent
from sip.headers import Address
from sip.incoming import IncomingSession
from sip.message import Request, Response, parse
from sip.outgoing import OutgoingSession
from sip.session import Session
from sip.stack import Accept, Admission, Incoming, Received, Send, Stack
from sip.timers import TimerValues
from sip.transport import Flow
from sip.uri import Uri

US, PEER, OTHER = ("198.51.100.1", 5060), ("198.51.100.2", 5060), ("198.51.100.3", 5060)
OFFER = b"v=0\r\no=- 1 1 IN IP4 198.51.100.2\r\ns=-\r\nc=IN IP4 198.51.100.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
ANSWER = OFFER.replace(b"198.51.100.2", b"198.51.100.1")

Message = Request | Response


@dataclass(frozen=True, slots=True)
class Sent:
    """One message of ours."""

    at: float
    flow: Flow
    message: Message

    @property
    def line(self) -> str:
        """`INVITE` or `200`."""
        return self.message.method if isinstance(self.message, Request) else str(self.message.status)


def accept_all(_request: Request, _flow: Flow, _now: float) -> Admission:
    return Accept("anyone")


def lines(sent: Sequence[Sent]) -> list[str]:
    """Their start lines."""
    return [item.line for item in sent]


class Alone:
    """The world of a test: `receive` gives the stack a message, `sent` is all that it has sent, `run` lets time pass."""

    def __init__(
        self,
        *,
        transport: str = "udp",
        admit: Callable[[Request, Flow, float], Admission] = accept_all,
        random: float = 0.5,
        values: TimerValues | None = None,
        allow: Callable[[str, float], bool] = lambda source, now: True,
    ) -> None:
        tokens = itertools.count()
        self.stack = Stack(
            admit=admit,
            contact=lambda flow: f"<sip:us@{US[0]}:{US[1]}>",
            token=lambda: f"ours{next(tokens)}",
            random=lambda: random,
            values=values,
            allow=allow,
        )
        self.flow = Flow(transport, US, PEER, 0 if transport == "udp" else 1)
        self.now = 0.0
        self.sent: list[Sent] = []
        self.sessions: list[IncomingSession] = []
        self.received: list[Received] = []
        self._told: dict[int, list[SessionEvent]] = {}
        self._branches = itertools.count()

    # -- the peer ---------------------------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        *,
        branch: str = "",
        cseq: int = 1,
        to_tag: str = "",
        from_tag: str = "theirs",
        call_id: str = "call",
        uri: str = "sip:us@198.51.100.1",
        headers: Sequence[str] = (),
        body: bytes = b"",
    ) -> bytes:
        """A request of the peer; *headers* are whole lines, a Contact among them replaces the usual one."""
        via = f"SIP/2.0/{self.flow.transport.upper()} {PEER[0]}:{PEER[1]}"
        written = [
            f"{method} {uri} SIP/2.0",
            f"Via: {via};branch=z9hG4bK{branch or f'b{next(self._branches)}'}",
            "Max-Forwards: 70",
            f"From: <sip:peer@{PEER[0]}>;tag={from_tag}",
            f"To: <sip:us@{US[0]}>" + (f";tag={to_tag}" if to_tag else ""),
            f"Call-ID: {call_id}",
            f"CSeq: {cseq} {method}",
            *headers,
        ]
        if not any(line.startswith("Contact:") for line in headers):
            written.append(f"Contact: <sip:peer@{PEER[0]}:{PEER[1]}>")
        if body and not any(line.startswith("Content-Type:") for line in headers):
            written.append("Content-Type: application/sdp")
        return "\r\n".join([*written, f"Content-Length: {len(body)}", "", ""]).encode() + body

    def answer(
        self, request: Message, status: int, *, to_tag: str = "theirs", headers: Sequence[str] = (), body: bytes = b""
    ) -> bytes:
        """The peer's response to a request of ours."""
        assert isinstance(request, Request)
        extra = [(line.partition(":")[0], line.partition(":")[2].strip()) for line in headers]
        if not any(name == "Contact" for name, _ in extra):
            extra.append(("Contact", f"<sip:peer@{PEER[0]}:{PEER[1]}>"))
        if body:
            extra.append(("Content-Type", "application/sdp"))
        return request.reply(status, to_tag=to_tag, headers=extra, body=body).to_bytes()

    def receive(self, data: bytes, flow: Flow | None = None) -> list[Sent]:
        """Give it to the stack; gives what the stack sends at once."""
        before = len(self.sent)
        self.stack.receive(data, flow or self.flow, self.now)
        self.flush()
        return self.sent[before:]

    # -- us ---------------------------------------------------------------------------------------------------------

    def invite(
        self, flows: Sequence[Flow] = (), *, credentials: Credentials | None = None, body: bytes = ANSWER
    ) -> OutgoingSession:
        """We call the peer."""
        flows = list(flows) or [self.flow]
        hosts = [flow.remote[0] for flow in flows]
        session = self.stack.invite(_made("INVITE", body), flows, Authenticator(credentials, "cnonce", hosts))
        self._listen(session)
        session.start(self.now)
        self.flush()
        return session

    def exchange(
        self, answered: Callable[[Response], None], flows: Sequence[Flow] = (), credentials: Credentials | None = None
    ) -> Exchange:
        """We ask the peer for its OPTIONS."""
        flows = list(flows) or [self.flow]
        authenticator = Authenticator(credentials, "cnonce", [flow.remote[0] for flow in flows])
        exchange = self.stack.exchange(_made("OPTIONS", b""), flows, authenticator, answered)
        exchange.start(self.now)
        self.flush()
        return exchange

    def ringing(self, *headers: str, body: bytes = OFFER) -> IncomingSession:
        """A session that the peer began (its INVITE has the branch `first`); what was sent is forgotten."""
        self.receive(self.request("INVITE", branch="first", body=body, headers=headers))
        self.sent.clear()
        return self.sessions[-1]

    def established(self, *headers: str) -> IncomingSession:
        """A session that the peer began and we accepted; what was sent and told is forgotten."""
        session = self.ringing(*(headers or ("Allow: INVITE, UPDATE",)))
        self.do(lambda now: session.accept(ANSWER, now))
        self.receive(self.inside(session, "ACK", cseq=1))
        self.forget(session)
        return session

    def called(self, *headers: str, credentials: Credentials | None = None) -> OutgoingSession:
        """A session that we began and the peer accepted; what was sent and told is forgotten."""
        session = self.invite(credentials=credentials)
        self.receive(self.answer(self.sent[-1].message, 200, body=OFFER, headers=headers or ("Allow: INVITE, UPDATE",)))
        self.forget(session)
        return session

    def forget(self, session: Session) -> None:
        self.sent.clear()
        self.events(session).clear()

    def inside(self, session: Session, method: str, cseq: int = 2, **more: object) -> bytes:
        """A request of the peer inside a session."""
        tags = {"to_tag": session.local.tag or "", "from_tag": session.remote.tag or "", "call_id": session.call_id}
        return self.request(method, cseq=cseq, **{**tags, **more})  # type: ignore[arg-type]  # keywords of `request`

    def do(self, step: Callable[[float], None]) -> list[Sent]:
        """Run a step of our user; gives what is sent at once."""
        before = len(self.sent)
        step(self.now)
        self.flush()
        return self.sent[before:]

    def events(self, session: Session) -> list[SessionEvent]:
        """What our user was told."""
        return self._told[id(session)]

    def kinds(self, session: Session) -> list[str]:
        return [type(event).__name__ for event in self.events(session)]

    def _listen(self, session: Session) -> None:
        session.tell = self._told.setdefault(id(session), []).append

    # -- time -------------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        while outputs := self.stack.outputs():
            for output in outputs:
                match output:
                    case Send(flow, data):
                        if data.strip():
                            self.sent.append(Sent(self.now, flow, parse(data)))
                    case Incoming(session):
                        self.sessions.append(session)
                        self._listen(session)
                    case Received():
                        self.received.append(output)

    def run(self, seconds: float) -> list[Sent]:
        """Let so much time pass, jumping from deadline to deadline; gives what was sent in it."""
        before, end = len(self.sent), self.now + seconds
        while (at := self.stack.next_deadline()) is not None and at <= end:
            self.now = max(self.now, at)
            self.stack.tick(self.now)
            self.flush()
        self.now = end
        return self.sent[before:]


def _made(method: str, body: bytes) -> Request:
    from_ = Address("", Uri.parse(f"sip:us@{US[0]}"))
    return out_of_dialog(method, Uri.parse(f"sip:peer@{PEER[0]}"), from_, None, "mytag", body, (), None, "test")
