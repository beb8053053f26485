"""A telephone without sound that does what a script says at the millisecond: ring, answer, refuse, hang up, transfer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

from sip.digest import Credentials, Outcome, Verifier
from sip.endpoint import Endpoint, ServerRequest, Session
from sip.events import (
    Accepted,
    Answered,
    Canceled,
    Confirmed,
    Ended,
    Offered,
    Progress,
    ReferProgress,
    Referred,
    Refused,
    SessionEvent,
)
from sip.headers import Address
from sip.message import Request, Response
from sip.stack import Accept, Admission, Refuse
from sip.transport import Flow, Hop
from sip.uri import Uri
from tests.peers.ports import LOOPBACK

SDP = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


class Line:
    """One session of a scripted telephone, and all that happened to it."""

    def __init__(self, session: Session, sdp: bytes) -> None:
        self.session, self._sdp = session, sdp
        self.events: list[SessionEvent] = []
        self._changed = asyncio.Condition()
        self._task = asyncio.get_running_loop().create_task(self._take())

    async def _take(self) -> None:
        while True:
            event = await self.session.next_event()
            if isinstance(event, Offered):
                self.session.answer(self._sdp)
            async with self._changed:
                self.events.append(event)
                self._changed.notify_all()
            if Session.is_last(event):
                return

    def saw(self, kind: type[SessionEvent]) -> bool:
        return any(isinstance(event, kind) for event in self.events)

    @property
    def is_up(self) -> bool:
        """Answered, and nobody has hung up."""
        return (self.saw(Accepted) or self.saw(Confirmed)) and not self.is_over

    @property
    def is_over(self) -> bool:
        return self.saw(Ended) or self.saw(Refused) or self.saw(Canceled)

    async def until(self, so: Callable[[], bool], *, within_s: float = 30.0) -> None:
        """Wait until what has happened to this line makes it *so*."""
        try:
            async with asyncio.timeout(within_s), self._changed:
                await self._changed.wait_for(so)
        except TimeoutError:
            raise AssertionError(f"it did not come to that, only {self.events}") from None

    async def wait_for(self, *kinds: type[SessionEvent], within_s: float = 30.0) -> SessionEvent:
        """The first event of one of *kinds*, which may have come before."""
        await self.until(lambda: any(isinstance(event, kinds) for event in self.events), within_s=within_s)
        return next(event for event in self.events if isinstance(event, kinds))

    async def is_connected(self) -> None:
        """Wait until it is up."""
        await self.until(lambda: self.is_up)

    @property
    def status(self) -> int:
        """Of the refusal."""
        return next((event.status for event in self.events if isinstance(event, Refused)), 0)

    def ring(self) -> None:
        self.session.ring()

    def answer(self, headers: Sequence[tuple[str, str]] = ()) -> None:
        self.session.accept(self._sdp, headers)

    def refuse(self, status: int) -> None:
        self.session.refuse(status)

    def hang_up(self) -> None:
        """BYE, CANCEL or a refusal, as the state has it."""
        self.session.bye()

    def offer(self, more: str = "") -> None:
        """Re-INVITE with the same description and *more* lines."""
        self.session.offer(self._sdp + more.encode())

    def refer(self, target: str) -> None:
        self.session.refer(target)

    @property
    def notified(self) -> list[int]:
        """What the gateway has told of our REFER: its own answer, then what NOTIFYs say."""
        return [event.status for event in self.events if isinstance(event, ReferProgress)]

    @property
    def replaces(self) -> str:
        """This dialog as a Replaces that the other side understands."""
        local, remote = self.session.local.tag, self.session.remote.tag
        return f"{self.session.call_id};to-tag={remote};from-tag={local}"


class Scripted:
    """A socket at which any user lives. *script* is run for every call that comes in."""

    def __init__(
        self,
        gateway: str,
        *,
        user: str = "",
        password: str = "secret",
        port: int = 0,
        rtp_port: int = 4000,
        host: str = LOOPBACK,
        asks_for: Credentials | None = None,
    ) -> None:
        """*asks_for*: who calls must know this."""
        name, _, its_port = gateway.rpartition(":")
        self._hop = Hop("udp", name, int(its_port))
        self.user = user
        self._credentials = Credentials(username=user, password=password) if user else None
        self._sdp = SDP.format(host=host, port=rtp_port).encode()
        self._asks_for = asks_for
        self._verifier = Verifier("scripted", b"a secret of nobody's")
        self.script: Callable[[Line], Awaitable[None]] = _ring_only
        self.incoming: list[Line] = []
        self._arrived = asyncio.Condition()
        self.endpoint = Endpoint(
            [f"udp://{host}:{port}", f"tcp://{host}:{port}"],
            admit=self._admit,
            on_invite=self._on_invite,
            on_request=self._on_request,
            resolver=_NoResolver(),
            user_agent="scripted",
        )

    async def __aenter__(self) -> Self:
        await self.endpoint.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.endpoint.__aexit__(kind, error, trace)

    @property
    def address(self) -> str:
        """Host and port for UDP."""
        return self.endpoint.addresses[0].partition("://")[2]

    async def register(self) -> None:
        """Be a phone of the gateway."""
        me = Address("", Uri.parse(f"sip:{self.user}@{LOOPBACK}"))
        response = await self.endpoint.request(
            "REGISTER",
            Uri.parse(f"sip:{LOOPBACK}"),
            from_=me,
            to=me,
            headers=[("Contact", f"<sip:{self.user}@{self.address}>"), ("Expires", "300")],
            next_hops=[self._hop],
            credentials=self._credentials,
        )
        assert response.status == 200, response.status

    @property
    def tcp_address(self) -> str:
        return self.endpoint.addresses[1].partition("://")[2]

    async def call(self, to: str, headers: Sequence[tuple[str, str]] = (), *, caller: str = "") -> Line:
        """Call a user or number of the gateway."""
        session = await self.endpoint.invite(
            Uri.parse(f"sip:{to}@{LOOPBACK}"),
            from_=Address("", Uri.parse(f"sip:{caller or self.user or '+15557654321'}@{LOOPBACK}")),
            sdp=self._sdp,
            headers=headers,
            next_hops=[self._hop],
            credentials=self._credentials,
        )
        return Line(session, self._sdp)

    async def next_call(self, *, count: int = 1, within_s: float = 30.0) -> Line:
        """The call number *count* that came in."""
        try:
            async with asyncio.timeout(within_s), self._arrived:
                await self._arrived.wait_for(lambda: len(self.incoming) >= count)
        except TimeoutError:
            raise AssertionError(f"{len(self.incoming)} calls came in, not {count}") from None
        return self.incoming[count - 1]

    async def _on_invite(self, session: Session) -> None:
        line = Line(session, self._sdp)
        async with self._arrived:
            self.incoming.append(line)
            self._arrived.notify_all()
        await self.script(line)
        await line.wait_for(Ended, Refused, Canceled, within_s=600.0)

    def _admit(self, request: Request, _flow: Flow, now: float) -> Admission:
        asked = self._asks_for
        if asked is None or request.method != "INVITE":
            return Accept()
        values = request.headers.get_all("Authorization")
        password = {asked.username: asked.password}
        verdict = self._verifier.verify(values, request.method, request.uri, request.body, password.get, now)
        if verdict.outcome is Outcome.GOOD:
            return Accept()
        return Refuse(request.reply(401, headers=self._verifier.challenges(now)), "challenged")

    async def _on_request(self, request: ServerRequest) -> None:
        request.reply(200)


class _NoResolver:
    """Everything is where its URI says."""

    async def resolve(self, uri: Uri) -> list[Hop]:
        return [Hop((uri.param("transport") or "udp").lower(), uri.host, uri.port or 5060)]


async def _ring_only(line: Line) -> None:
    line.ring()


async def answer_at_once(line: Line) -> None:
    line.ring()
    line.answer()


__all__ = [
    "SDP",
    "Accepted",
    "Answered",
    "Canceled",
    "Confirmed",
    "Ended",
    "Line",
    "Progress",
    "ReferProgress",
    "Referred",
    "Refused",
    "Response",
    "Scripted",
    "answer_at_once",
]
