"""What sessions ask of the stack that holds them, and what we say of ourselves in every dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sip.machine import Machine
from sip.message import Request, Response
from sip.timers import TimerTable, TimerValues
from sip.transport import Flow

if TYPE_CHECKING:
    from sip.dialog import Dialog
    from sip.session import Session

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"
SUPPORTED = "timer, 100rel, replaces"
SUPPORTED_INSIDE = "timer"
"""Of a re-INVITE or UPDATE: its provisional responses need not be reliable."""


class User(Protocol):
    """Whoever owns a client transaction."""

    def receive_response(self, machine: Machine, response: Response, now: float) -> None: ...

    def failed(self, machine: Machine, now: float, status: int) -> None:
        """Nobody answered (408), or nobody can be reached (503)."""
        ...


class Core(Protocol):
    """The stack, as sessions see it."""

    timers: TimerTable
    values: TimerValues
    session_expires_s: int

    def send_request(self, user: User, request: Request, flow: Flow, now: float) -> Machine:
        """Begin a client transaction."""
        ...

    def send_ack(self, request: Request, flow: Flow) -> bytes:
        """Send a request that has no transaction; gives its octets, to be repeated."""
        ...

    def send(self, flow: Flow, data: bytes) -> None: ...

    def bind(self, dialog: Dialog, session: Session) -> None: ...

    def unbind(self, dialog: Dialog) -> None: ...

    def await_forks(self, session: Session, waiting: bool) -> None:
        """Whether requests from peers that have not answered yet are this session's too."""
        ...

    def contact(self, flow: Flow) -> str:
        """Our Contact value on a flow."""
        ...

    def flow_for(self, dialog: Dialog) -> Flow:
        """Where requests inside a dialog go."""
        ...

    def avoid(self, flow: Flow, now: float) -> None:
        """This peer did not answer: others come first for a while."""
        ...

    def token(self) -> str: ...

    def random(self) -> float: ...
