"""Requests of ours outside any dialog: how they are built, and the exchange that waits for the final response (edge)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from sip.authentication import Authenticator
from sip.headers import Address
from sip.machine import Machine
from sip.message import Headers, Request, Response
from sip.session import ALLOW, SUPPORTED
from sip.session_timer import header_as_uac
from sip.stack import Stack
from sip.transport import Flow, Hop
from sip.uri import Uri


class HopChooser:
    """The hops of one request in order (RFC 3263 section 4.3). Those that we have no transport for are passed over."""

    def __init__(self, hops: Sequence[Hop | Flow], flow: Callable[[Hop | Flow], Flow | None]) -> None:
        self._left = [found for hop in hops if (found := flow(hop)) is not None]
        self.found = bool(self._left)

    def next(self) -> Flow | None:
        return self._left.pop(0) if self._left else None


def out_of_dialog(
    method: str,
    uri: Uri,
    from_: Address,
    to: Address | None,
    token: str,
    body: bytes,
    headers: Sequence[tuple[str, str]],
    call_id: str | None,
    user_agent: str,
    cseq: int = 1,
) -> Request:
    """A request that begins something (RFC 3261 section 8.1.1), without Via and Contact."""
    made = Headers()
    made.add("Max-Forwards", "70")
    made.add("From", str(from_.with_tag(from_.tag or token)))
    made.add("To", str(to if to is not None else Address("", uri.bare)))
    made.add("Call-ID", call_id or f"{token}{token[::-1]}")
    made.add("CSeq", f"{cseq} {method}")
    made.add("User-Agent", user_agent)
    if method == "INVITE":
        made.add("Allow", ALLOW)
        made.add("Supported", SUPPORTED)
        for name, value in header_as_uac(1800):
            made.add(name, value)
        made.add("Content-Type", "application/sdp")
    for name, value in headers:
        made.add(name, value)
    return Request(method, str(uri), made, body)


class Exchange:
    """One request and its final response, over as many hops and challenges as it takes."""

    def __init__(
        self,
        stack: Stack,
        request: Request,
        hops: HopChooser,
        authenticator: Authenticator,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._stack = stack
        self._request = request
        self._hops = hops
        self._flow = hops.next()
        self._authenticator = authenticator
        self._retries = 0
        self.answer: asyncio.Future[Response] = loop.create_future()

    def start(self, now: float) -> None:
        if self._flow is None:
            self._finish(self._request.reply(503, "No Such Destination"))
        else:
            self._stack.send_request(self, self._request, self._flow, now)

    def receive_response(self, machine: Machine, response: Response, now: float) -> None:
        if response.status < 200:
            return
        if response.status in (401, 407) and self._retries < 3:
            self._retries += 1
            if self._authenticator.challenged(self._request, response):
                self._again()
                self._authenticator.authorize(self._request)
                self.start(now)
                return
        if response.status == 503 and self._next_hop(now):
            return
        self._finish(response)

    def failed(self, machine: Machine, now: float, status: int) -> None:
        if not self._next_hop(now):
            self._finish(self._request.reply(status))

    def _next_hop(self, now: float) -> bool:
        self._flow = self._hops.next()
        if self._flow is None:
            return False
        self._again()
        self.start(now)
        return True

    def _again(self) -> None:
        """The same request for a new transaction: no Via, the next CSeq."""
        headers = Headers([(name, value) for name, value in self._request.headers if name != "Via"])
        headers.set("CSeq", f"{self._request.cseq.number + 1} {self._request.method}")
        self._request = Request(self._request.method, self._request.uri, headers, self._request.body)

    def _finish(self, response: Response) -> None:
        if not self.answer.done():
            self.answer.set_result(response)
