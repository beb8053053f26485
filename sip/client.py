"""Requests of ours outside any dialog: how they are built, and the exchange that ends with a final response. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from sip.authentication import Authenticator
from sip.core import ALLOW, SUPPORTED, Core
from sip.headers import Address
from sip.machine import Machine
from sip.message import Headers, Request, Response
from sip.session_timer import DEFAULT_EXPIRES_S, header_as_uac
from sip.timers import Timer
from sip.transport import Flow, may_be_deaf
from sip.uri import Uri

MOST_TRIES = 5
"""How often a request is sent again to one hop because of challenges."""


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
    session_expires_s: int = DEFAULT_EXPIRES_S,
) -> Request:
    """A request that begins something (RFC 3261 section 8.1.1), without Via and Contact. *headers* may say Max-Forwards."""
    hops = next((value for name, value in headers if name == "Max-Forwards"), "70")
    headers = [item for item in headers if item[0] != "Max-Forwards"]
    made = [
        ("Max-Forwards", hops),
        ("From", str(from_.with_tag(from_.tag or token))),
        ("To", str(to if to is not None else Address("", uri.bare))),
        ("Call-ID", call_id or f"{token}{token[::-1]}"),
        ("CSeq", f"{cseq} {method}"),
        ("User-Agent", user_agent),
    ]
    if method == "INVITE":
        # without an offer the peer's comes in the 2xx: a reliable provisional one would have to be answered in its PRACK
        made += [
            ("Allow", ALLOW),
            ("Supported", SUPPORTED if body else "timer, replaces"),
            *header_as_uac(session_expires_s),
        ]
        if body:
            made.append(("Content-Type", "application/sdp"))
    return Request(method, str(uri), Headers([*made, *headers]), body)


class Exchange:
    """One request and its final response, over as many hops and challenges as it takes; 408 or 503 of our own in the end."""

    def __init__(
        self,
        core: Core,
        request: Request,
        flows: Sequence[Flow],
        authenticator: Authenticator,
        answered: Callable[[Response], None],
    ) -> None:
        self._core = core
        self._request = request
        self._flows = deque(flows)
        self._authenticator = authenticator
        self._answered = answered
        self._machine: Machine | None = None
        self._tries = 0
        self._over = False

    def start(self, now: float) -> None:
        """Send it to the hop whose turn it is."""
        flow = self._flows[0]
        self._authenticator.authorize(self._request, flow)
        self._machine = self._core.send_request(self, self._request, flow, now)
        if may_be_deaf(self._flows):
            self._core.timers.set(self, Timer.NEXT_HOP, now + self._core.values.next_hop)

    def receive_response(self, machine: Machine, response: Response, now: float) -> None:
        if machine is not self._machine or self._over:
            return
        self._core.timers.clear(self)
        if response.status < 200:
            return
        if response.status in (401, 407) and self._tries < MOST_TRIES:
            self._tries += 1
            if self._authenticator.challenged(self._request, response, machine.flow):
                self._flows[0] = machine.flow
                self._again(now)
                return
        if response.status != 503 or not self._next_hop(now):
            self._finish(response)

    def failed(self, machine: Machine, now: float, status: int) -> None:
        if machine is self._machine and not self._over and not self._next_hop(now):
            self._finish(self._request.reply(status))

    def fire(self, timer: Timer, now: float) -> None:
        """The hop says nothing, and there is another; what it says later is nobody's."""
        if timer is Timer.NEXT_HOP and not self._over:
            self._next_hop(now)

    def _next_hop(self, now: float) -> bool:
        self._core.avoid(self._flows[0], now)
        if len(self._flows) < 2:
            return False
        self._flows.popleft()
        self._again(now)
        return True

    def _again(self, now: float) -> None:
        """The same request for a new transaction: no Via, the next CSeq."""
        left_out = ("Via", "Authorization", "Proxy-Authorization")
        headers = Headers([(name, value) for name, value in self._request.headers if name not in left_out])
        headers.set("CSeq", f"{self._request.cseq.number + 1} {self._request.method}")
        self._request = Request(self._request.method, self._request.uri, headers, self._request.body)
        self.start(now)

    def _finish(self, response: Response) -> None:
        self._over = True
        self._core.timers.clear(self)
        self._answered(response)
