"""The asyncio driver of one stack: sockets, one timer, awaitable requests, a task for every new session (edge)."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Protocol, Self

from sip.authentication import Authenticator
from sip.client import out_of_dialog
from sip.digest import Credentials
from sip.errors import LocalError
from sip.handle import Headers, ServerRequest, Session
from sip.headers import Address
from sip.message import Request, Response
from sip.paths import Local, Paths, read_address, write_address
from sip.stack import Admission, Incoming, Received, Send, Stack
from sip.timers import TimerValues
from sip.transport import Flow, Hop, Transport
from sip.transport.tcp import TcpTransport
from sip.transport.udp import UdpTransport, address_towards
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
        self._by_local: dict[tuple[str, Local], Transport] = {}
        self._address_towards = lru_cache(1024)(address_towards)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._flushing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.stack = Stack(
            admit=admit,
            contact=self.contact_for,
            paths=Paths(sent_by=self._sent_by, local_for=self._local_for),
            values=timers,
            allow=allow,
            session_expires_s=session_expires_s,
        )

    async def __aenter__(self) -> Self:
        """Listen. Raises `OSError`, the address named."""
        self._loop = asyncio.get_running_loop()
        try:
            for text in self._listen:
                transport = self._make(text)
                try:
                    await transport.open()
                except OSError as fault:
                    raise OSError(fault.errno, f"{text}: {fault.strerror or fault}") from fault
                self._transports.setdefault(transport.name, []).append(transport)
                self._by_local[transport.name, transport.local] = transport
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
        self._by_local.clear()

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
        transport = "" if flow.transport == "udp" else f";transport={flow.transport}"
        return f"<sip:crosspoint@{self._sent_by(flow)}{transport}>"

    def _sent_by(self, flow: Flow) -> str:
        """Host and port where a peer can reach us: the public host, or the address that it sees when we listen on all."""
        host = self._public_host or flow.local[0]
        if host in ("0.0.0.0", "::"):
            host = self._address_towards(flow.remote[0]) or host
        return write_address(host, flow.local[1])

    def _local_for(self, name: str, host: str) -> Local | None:
        """Where we listen on a transport, of those that can reach a numeric host the likeliest; None: we have none."""
        remote = read_address(host)

        def distance(transport: Transport) -> int:
            local = read_address(transport.local[0])
            if remote is None or local is None or local.is_unspecified:
                return 1
            return 0 if local.is_loopback == remote.is_loopback else 2

        fit = [t for t in self._transports.get(name, ()) if remote is None or (":" in t.local[0]) == (":" in host)]
        return min(fit, key=distance).local if fit else None

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
        request = out_of_dialog(
            "INVITE",
            target,
            from_,
            to,
            self.stack.token(),
            sdp,
            headers,
            call_id,
            self._user_agent,
            session_expires_s=self.stack.session_expires_s,
        )
        flows = await self._flows(target, next_hops, request)
        machine = self.stack.invite(request, flows or [self._any_flow()], self._authenticator(credentials, flows))
        session = Session(machine, self._act)
        if flows:
            self._act(machine.start)
        else:
            self._act(lambda now: machine.fail(503 if next_hops else 404, now))
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
        made = out_of_dialog(
            method, target, from_, to, self.stack.token(), body, headers, call_id, self._user_agent, cseq
        )
        flows = await self._flows(target, next_hops, made)
        if not flows:
            return made.reply(503, "No Such Destination")
        answer: asyncio.Future[Response] = self._loop.create_future()

        def answered(response: Response) -> None:
            if not answer.done():
                answer.set_result(response)

        self._act(self.stack.exchange(made, flows, self._authenticator(credentials, flows), answered).start)
        return await answer

    async def _flows(self, uri: Uri, next_hops: Sequence[Hop | Flow], request: Request) -> list[Flow]:
        """Flows to *next_hops*, or to what the URI resolves to, over transports that we have; who answers before who did not."""
        hops = next_hops or await self._resolver.resolve(uri)
        big = not next_hops and uri.param("transport") is None and len(request.to_bytes()) > MAX_DATAGRAM
        flows: list[Flow] = []
        for hop in hops:
            if isinstance(hop, Flow):
                flows.append(hop)
                continue
            names = ("tcp", "udp") if big and hop.transport == "udp" else (hop.transport,)
            flows += [
                Flow(name, local, (hop.address, hop.port))
                for name in names
                if (local := self._local_for(name, hop.address)) is not None
            ]
        return self.stack.paths.best_first(flows, self._loop.time())

    def _authenticator(self, credentials: Credentials | None, flows: Sequence[Flow]) -> Authenticator:
        return Authenticator(credentials, self.stack.token(), [flow.remote[0] for flow in flows])

    def _any_flow(self) -> Flow:
        transport = next(iter(next(iter(self._transports.values()))))
        return Flow(transport.name, transport.local, transport.local)

    # -- driving the stack ------------------------------------------------------------------------------------------

    def _received(self, data: bytes, flow: Flow) -> None:
        if self._trace is not None:
            self._trace(False, flow, data)
        self._guarded(lambda now: self.stack.receive(data, flow, now))

    def _lost(self, flow: Flow) -> None:
        self._guarded(lambda now: self.stack.flow_lost(flow, now))

    def _tick(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        self._guarded(self.stack.tick)

    def _guarded(self, step: Callable[[float], None]) -> None:
        """What the network or the clock asks for: a fault of ours is logged, and no other call hears of it."""
        try:
            step(self._loop.time())
        except Exception:
            self.stack.counters["crashed"] += 1
            log.exception("the SIP stack has failed at one message")
        self._flush()

    def _act(self, step: Callable[[float], None]) -> None:
        """What our user asks for: faults are its own."""
        try:
            step(self._loop.time())
        finally:
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
                            session = Session(machine, self._act)  # now, so that no event is missed
                            self._spawn(self._run_invite(session), f"invite {session.call_id}")
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
        transport = self._by_local.get((flow.transport, flow.local))
        if transport is None and len(same := self._transports.get(flow.transport, [])) == 1:
            transport = same[0]  # a flow of an earlier run, that listened elsewhere
        if transport is not None:
            transport.send(flow, data)
        else:
            self._loop.call_soon(self._lost, Flow(flow.transport, flow.local, flow.remote))

    def _spawn(self, work: Awaitable[None], name: str) -> None:
        task = asyncio.ensure_future(work)
        task.set_name(name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_invite(self, session: Session) -> None:
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
