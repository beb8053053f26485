"""Sessions and requests as asyncio code holds them: the pure machine, the endpoint's clock, a queue of events (edge)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from sip.events import Canceled, Ended, Refused, SessionEvent
from sip.headers import Address
from sip.incoming import IncomingSession
from sip.matching import DialogKey
from sip.message import Request, Response
from sip.outgoing import OutgoingSession
from sip.server_request import ServerRequest as Transaction
from sip.session import State
from sip.transport import Flow
from sip.uri import Uri

Headers = Sequence[tuple[str, str]]
Act = Callable[[Callable[[float], None]], None]
"""Runs a function of `now` on the stack and sends what comes of it."""


class Session:
    """One INVITE usage. Every method may be called in any state: what no longer makes sense is absorbed."""

    def __init__(self, machine: IncomingSession | OutgoingSession, act: Act) -> None:
        self._machine = machine
        self._act = act
        self._events: asyncio.Queue[SessionEvent] = asyncio.Queue()
        machine.tell = self._events.put_nowait

    def __repr__(self) -> str:
        return f"<Session {self.call_id}>"

    @property
    def call_id(self) -> str:
        return self._machine.call_id

    @property
    def local(self) -> Address:
        return self._machine.local

    @property
    def remote(self) -> Address:
        return self._machine.remote

    @property
    def dialogs(self) -> list[DialogKey]:
        """Call-ID, our tag and the peer's, of each that there is: before the answer there may be several."""
        return [dialog.key for dialog in self._machine.dialogs]

    @property
    def request(self) -> Request:
        """The INVITE."""
        return self._machine.request

    @property
    def flow(self) -> Flow:
        return self._machine.flow

    @property
    def principal(self) -> object:
        return self._machine.principal

    @property
    def is_uac(self) -> bool:
        return self._machine.is_uac

    @property
    def state(self) -> State:
        return self._machine.state

    @property
    def is_heard(self) -> bool:
        """Whether the peer has answered our INVITE with anything, be it 100; True for one of its own."""
        return self._machine.is_heard

    @property
    def remote_target(self) -> Uri | None:
        """The peer's Contact; None before there is a dialog."""
        return self._machine.remote_target

    async def next_event(self) -> SessionEvent:
        """The next event, in order. After `Ended`, `Refused` or `Canceled` there is none."""
        return await self._events.get()

    @staticmethod
    def is_last(event: SessionEvent) -> bool:
        return isinstance(event, Ended | Refused | Canceled)

    def ring(self, sdp: bytes | None = None, *, status: int = 180, headers: Headers = ()) -> None:
        machine = self._machine
        if isinstance(machine, IncomingSession):
            self._act(lambda now: machine.ring(now, status=status, body=sdp, headers=headers))

    def accept(self, sdp: bytes, headers: Headers = ()) -> None:
        machine = self._machine
        if isinstance(machine, IncomingSession):
            self._act(lambda now: machine.accept(sdp, now, headers))

    def refuse(self, status: int, reason: str | None = None, headers: Headers = ()) -> None:
        machine = self._machine
        if isinstance(machine, IncomingSession):
            self._act(lambda now: machine.refuse(status, now, reason, headers))

    def cancel(self, reason: str | None = None) -> None:
        machine = self._machine
        if isinstance(machine, OutgoingSession):
            self._act(lambda now: machine.cancel(now, reason))

    def bye(self, reason: str | None = None) -> None:
        """End it in whatever state: BYE, CANCEL or 480."""
        self._act(lambda now: self._machine.bye(now, reason))

    def offer(self, sdp: bytes) -> None:
        self._act(lambda now: self._machine.offer(sdp, now))

    def answer(self, sdp: bytes) -> None:
        self._act(lambda now: self._machine.answer(sdp, now))

    def reject_offer(self, status: int = 488) -> None:
        self._act(lambda now: self._machine.reject_offer(status, now))

    def info(self, content_type: str, body: bytes) -> None:
        self._act(lambda now: self._machine.info(content_type, body, now))

    def refer(self, target: str, headers: Headers = ()) -> None:
        self._act(lambda now: self._machine.refer(target, now, headers))

    def accept_refer(self) -> None:
        self._act(self._machine.accept_refer)

    def refuse_refer(self, status: int) -> None:
        self._act(lambda now: self._machine.refuse_refer(status, now))

    def notify_refer(self, status: int, reason: str | None = None) -> None:
        self._act(lambda now: self._machine.notify_refer(status, now, reason))


class ServerRequest:
    """A request outside any session that wants one final answer."""

    def __init__(self, transaction: Transaction, principal: object, act: Act) -> None:
        self._transaction = transaction
        self._act = act
        self.principal = principal

    @property
    def request(self) -> Request:
        return self._transaction.request

    @property
    def flow(self) -> Flow:
        return self._transaction.flow

    @property
    def is_answered(self) -> bool:
        return self._transaction.is_answered

    def reply(self, status: int, reason: str | None = None, headers: Headers = (), body: bytes = b"") -> None:
        """Answer once; later answers are absorbed."""
        response: Response = self.request.reply(status, reason, headers=headers, body=body)
        self._act(lambda now: self._transaction.respond(response, now))
