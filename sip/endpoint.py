"""The asyncio driver of one stack: sockets, one timer, awaitable requests, a task for every new session (edge)."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from sip.authentication import Authenticator
from sip.client import Exchange, HopChooser, out_of_dialog
from sip.digest import Credentials
from sip.errors import LocalError
from sip.handle import Headers, ServerRequest, Session
from sip.headers import Address
from sip.incoming import IncomingSession
from sip.message import Request, Response
from sip.stack import Admission, Incoming, Received, Send, Stack
from sip.timers import TimerValues
from sip.transport import Flow, Hop, Transport
from sip.transport.tcp import TcpTransport
from sip.transport.udp import UdpTransport
from sip.uri import Uri

log = logging.getLogger(__name__)

__all__ = ["Endpoint", "Resolver", "ServerRequest", "Session"]

Trace = Callable[[bool, Flow, bytes], None]
MAX_DATAGRAM = 1300
"""A larger request goes by TCP where the target has it (RFC 3261 section 18.1.1)."""


class Resolver(Protocol):
    """RFC 3263: where a URI's requests go, the best first; empty when it can't be resolved."""

    async def resolve(self, uri: Uri) -> list[Hop]: ...


class Endpoint:
    """`async with` opens the sockets and closes them. Callbacks run as tasks of their own; one that fails ends only its call."""

    def __init__(
        self,
        listen: Sequence[str],
        *,
        admit: Callable[[Request, Flow, float], Admission],
        on_invite: Callable[[Session], Awaitable[None]],
        on_request: Callable[[ServerRequest], Awaitable[None]],
        resolver: Resolver,
        on_trace: Trace | None = None,
        allow: Callable[[str, float], bool] = lambda source, now: True,
        timers: TimerValues | None = None,
        user_agent: str = "Crosspoint",
        session_expires_s: int = 1800,
        public_host: str = "",
        server_tls: ssl.SSLContext | None = None,
    ) -> None:
        self._listen = tuple(listen)
        self._on_invite, self._on_request = on_invite, on_request
        self._resolver = resolver
        self._trace = on_trace
        self._user_agent = user_agent
        self._public_host = public_host
        self._server_tls = server_tls
        self._transports: dict[str, list[Transport]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._flushing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.stack = Stack(
            admit=admit, contact=self.contact_for, values=timers, allow=allow, session_expires_s=session_expires_s
        )

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        try:
            for text in self._listen:
                transport = self._make(text)
                await transport.open()
                self._transports.setdefault(transport.name, []).append(transport)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._close()

    async def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for transports in self._transports.values():
            for transport in transports:
                await transport.close()
        self._transports.clear()

    def _make(self, text: str) -> Transport:
        name, _, address = text.partition("://")
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if name == "udp":
            return UdpTransport(host, int(port), received=self._received, lost=self._lost)
        if name in ("tcp", "tls"):
            tls = self._server_tls if name == "tls" else None
            client = ssl.create_default_context() if name == "tls" else None
            return TcpTransport(
                host, int(port), received=self._received, lost=self._lost, name=name, server_tls=tls, client_tls=client
            )
        raise LocalError(f"no transport {name!r}")

    @property
    def addresses(self) -> list[str]:
        """What is listened on, with the ports that were bound."""
        return [f"{name}://{t.local[0]}:{t.local[1]}" for name, found in self._transports.items() for t in found]

    @property
    def counters(self) -> Counter[str]:
        return self.stack.counters

    def contact_for(self, flow: Flow) -> str:
        """Our Contact on a flow."""
        host = self._public_host or flow.local[0]
        host = f"[{host}]" if ":" in host else host
        transport = "" if flow.transport == "udp" else f";transport={flow.transport}"
        return f"<sip:crosspoint@{host}:{flow.local[1]}{transport}>"

    # -- asking -----------------------------------------------------------------------------------------------------

    async def invite(
        self,
        uri: Uri | str,
        *,
        from_: Address,
        sdp: bytes,
        to: Address | None = None,
        headers: Headers = (),
        next_hops: Sequence[Hop | Flow] = (),
        credentials: Credentials | None = None,
        call_id: str | None = None,
    ) -> Session:
        """Call somebody. The INVITE is on its way when this returns, or the session's first event is `Refused`.

        `next_hops` come instead of the URI's own resolution. `credentials` answer challenges of this peer only.
        """
        target = Uri.parse(uri) if isinstance(uri, str) else uri
        hops = HopChooser(list(next_hops) or list(await self._resolver.resolve(target)), self._flow)
        request = out_of_dialog(
            "INVITE", target, from_, to, self.stack.token(), sdp, headers, call_id, self._user_agent
        )
        flow = hops.next() or self._any_flow()
        machine = self.stack.invite(request, flow, Authenticator(credentials, self.stack.token()))
        session = Session(machine, self._act)

        def next_hop(_status: int) -> bool:
            following = hops.next()
            if following is None:
                return False
            machine.next_attempt()
            self._act(lambda now: machine.start(now, following))
            return True

        machine.on_unreachable = next_hop
        if hops.found:
            self._act(machine.start)
        else:
            self._act(lambda now: machine.failed_to_start(404 if not next_hops else 503))
        return session

    async def request(
        self,
        method: str,
        uri: Uri | str,
        *,
        from_: Address,
        to: Address | None = None,
        headers: Headers = (),
        body: bytes = b"",
        next_hops: Sequence[Hop | Flow] = (),
        credentials: Credentials | None = None,
        call_id: str | None = None,
        cseq: int = 1,
    ) -> Response:
        """Send a request outside any dialog and wait for its final response; 408 or 503 of our own where nobody answers."""
        target = Uri.parse(uri) if isinstance(uri, str) else uri
        hops = HopChooser(list(next_hops) or list(await self._resolver.resolve(target)), self._flow)
        made = out_of_dialog(
            method, target, from_, to, self.stack.token(), body, headers, call_id, self._user_agent, cseq
        )
        exchange = Exchange(self.stack, made, hops, Authenticator(credentials, self.stack.token()), self._loop)
        self._act(exchange.start)
        return await exchange.answer

    def _flow(self, hop: Hop | Flow) -> Flow | None:
        """A flow to a hop over a transport that we listen on; a stream is connected when something is sent."""
        if isinstance(hop, Flow):
            return hop
        for transport in self._transports.get(hop.transport, ()):
            return Flow(hop.transport, transport.local, (hop.address, hop.port))
        return None

    def _any_flow(self) -> Flow:
        transport = next(iter(next(iter(self._transports.values()))))
        return Flow(transport.name, transport.local, transport.local)

    # -- driving the stack ------------------------------------------------------------------------------------------

    def _received(self, data: bytes, flow: Flow) -> None:
        if self._trace is not None:
            self._trace(False, flow, data)
        self.stack.receive(data, flow, self._loop.time())
        self._flush()

    def _lost(self, flow: Flow) -> None:
        self._act(lambda now: self.stack.flow_lost(flow, now))

    def _tick(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        self.stack.tick(self._loop.time())
        self._flush()

    def _act(self, step: Callable[[float], None]) -> None:
        step(self._loop.time())
        self._flush()

    def _flush(self) -> None:
        """Send and start what the stack gave; re-arm the one timer. Sending may bring the next outputs."""
        if self._flushing:
            return
        self._flushing = True
        try:
            while outputs := self.stack.outputs():
                for output in outputs:
                    match output:
                        case Send(flow, data):
                            self._send(flow, data)
                        case Incoming(machine):
                            self._spawn(self._run_invite(machine), f"invite {machine.call_id}")
                        case Received(transaction, principal):
                            request = ServerRequest(transaction, principal, self._act)
                            self._spawn(
                                self._run_request(request), f"{request.request.method} {request.request.call_id}"
                            )
        finally:
            self._flushing = False
        deadline = self.stack.next_deadline()
        if deadline is not None and deadline < self._timer_at - 0.001:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = deadline
            self._timer = self._loop.call_at(deadline, self._tick)

    def _send(self, flow: Flow, data: bytes) -> None:
        if self._trace is not None:
            self._trace(True, flow, data)
        for transport in self._transports.get(flow.transport, ()):
            if transport.local == flow.local or len(self._transports[flow.transport]) == 1:
                transport.send(flow, data)
                return

    def _spawn(self, work: Awaitable[None], name: str) -> None:
        task = asyncio.ensure_future(work)
        task.set_name(name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_invite(self, machine: IncomingSession) -> None:
        session = Session(machine, self._act)
        try:
            await self._on_invite(session)
        except Exception:
            log.exception("a call failed: Call-ID %r", session.call_id)
            session.refuse(500)
            session.bye()

    async def _run_request(self, request: ServerRequest) -> None:
        try:
            await self._on_request(request)
        except Exception:
            log.exception("a request failed: Call-ID %r", request.request.call_id)
        if not request.is_answered:
            request.reply(500)
