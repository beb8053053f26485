"""What the four transactions share: a key, a request, a flow, timers, and the host they speak to."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

from sip.message import Request, Response
from sip.timers import Timer, TimerTable, TimerValues
from sip.transport import Flow

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from sip.core import User


class Word(Enum):
    """A state or an input. Members are singletons: identity hashes them, without the Python call of Enum's own."""

    __hash__ = object.__hash__


class Host(Protocol):
    """What a transaction needs of the stack that holds it."""

    timers: TimerTable
    values: TimerValues

    def send(self, flow: Flow, data: bytes) -> None: ...

    def response(self, transaction: Machine, response: Response, now: float) -> None:
        """A response for the transaction's user (client transactions)."""
        ...

    def timed_out(self, transaction: Machine, now: float) -> None:
        """No response came in time (client), or no ACK of our failure did (server)."""
        ...

    def unreachable(self, transaction: Machine, now: float) -> None:
        """The transport says that the peer can't be had."""
        ...

    def ended(self, transaction: Machine) -> None:
        """The transaction is over; forget it."""
        ...


class Machine:
    """One transaction. Identity is the object; `key` is how messages find it."""

    __slots__ = ("flow", "host", "key", "merge_key", "moves", "request", "source", "user", "values")

    def __init__(self, host: Host, request: Request, flow: Flow, key: Hashable) -> None:
        self.host = host
        self.request = request
        self.flow = flow
        self.key = key
        self.values = host.values
        self.merge_key: object = None
        self.moves = 0
        self.source = ""
        """Whose share of new requests it takes up."""

        self.user: User | None = None
        """Whose transaction it is; nobody's where a server transaction is no session's."""

    def start(self, now: float) -> None:
        raise NotImplementedError

    def fire(self, timer: Timer, now: float) -> None:
        raise NotImplementedError

    def transport_failed(self, now: float) -> None:
        """What was sent can't be delivered."""
        raise NotImplementedError

    def move(self, flow: Flow, now: float) -> None:
        """The connection is gone: go on over another. A client that has heard nothing yet sends its request again."""
        self.flow = flow

    def send(self, data: bytes) -> None:
        self.host.send(self.flow, data)

    def set(self, timer: Timer, at: float) -> None:
        self.host.timers.set(self, timer, at)

    def clear(self, *timers: Timer) -> None:
        self.host.timers.clear(self, *timers)

    def finish(self) -> None:
        """No timer is left and no message finds it any more."""
        self.clear()
        self.host.ended(self)


def printed(table: Mapping[tuple[Enum, Enum], tuple[Enum, Callable[..., None]]]) -> str:
    """A table of transitions for people: state, input, next state, action."""
    rows = [
        (s.value, i.value, t.value, act.__name__.strip("_").replace("_", " ")) for (s, i), (t, act) in table.items()
    ]
    return "\n".join(f"{s:<12}{i:<24}{t:<12}{act}" for s, i, t, act in rows)
