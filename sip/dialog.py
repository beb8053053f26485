"""A dialog: identity, sequence numbers, route set and remote target; it builds the requests that travel inside (RFC 3261 section 12)."""

from __future__ import annotations

from dataclasses import dataclass, field

from sip.errors import RemoteError
from sip.headers import Address
from sip.matching import DialogKey
from sip.message import Headers, Request, Response
from sip.transport import Flow
from sip.uri import Uri

MAX_ROUTES = 32
"""Entries of a route set; a longer one is nobody's honest way."""

WITHOUT_CONTACT = frozenset({"BYE", "CANCEL", "INFO", "PRACK"})


@dataclass(eq=False, slots=True, kw_only=True)
class Dialog:
    """One dialog as one side keeps it. Owns nothing of timers, offers or state of the call."""

    call_id: str
    local: Address
    """Our From in requests that we send, tag included."""

    remote: Address
    target: Uri
    """Contact of the peer: the Request-URI of what we send."""

    routes: tuple[Address, ...]
    contact: str
    """Our own Contact value."""

    local_cseq: int
    remote_cseq: int | None
    flow: Flow
    behind_nat: bool = False
    """The peer itself sent the request, from another address than it believes to have: its Contact is of no use."""

    _from: str = field(init=False, default="")
    _to: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self._from, self._to = _writable(self.local), _writable(self.remote)
        self.follow(self.routes)

    @property
    def key(self) -> DialogKey:
        return self.call_id, self.local.tag or "", self.remote.tag or ""

    @staticmethod
    def as_uas(request: Request, tag: str, contact: str, flow: Flow) -> Dialog:
        """From a request and the To tag that our responses will have (12.1.1). Raises `RemoteError` 400."""
        if not request.contacts:
            raise RemoteError(400, "No Contact")
        return Dialog(
            call_id=request.call_id,
            local=request.to.with_tag(tag),
            remote=request.from_,
            target=request.contacts[0].uri,
            routes=tuple(request.record_routes),
            contact=contact,
            local_cseq=0,
            remote_cseq=request.cseq.number,
            flow=flow,
            behind_nat=_is_behind_nat(request),
        )

    @staticmethod
    def as_uac(request: Request, response: Response, contact: str, flow: Flow) -> Dialog:
        """From our request and a response with a To tag (12.1.2). Raises `RemoteError` 400."""
        return Dialog(
            call_id=request.call_id,
            local=request.from_,
            remote=response.to,
            target=response.contacts[0].uri if response.contacts else request.request_uri,
            routes=tuple(reversed(response.record_routes)),
            contact=contact,
            local_cseq=request.cseq.number,
            remote_cseq=None,
            flow=flow,
        )

    def follow(self, routes: tuple[Address, ...]) -> None:
        """Take this route set: the one of the 2xx replaces that of the early dialog (13.2.2.4). Raises `RemoteError` 400."""
        if len(routes) > MAX_ROUTES:
            raise RemoteError(400, "Too Many Record-Routes")
        self.routes = tuple(Address("", route.uri, route.params) for route in routes)
        for route in self.routes:
            _writable(route)

    def refresh_target(self, message: Request | Response) -> None:
        """Target refresh: the Contact of an INVITE or UPDATE, or of a 2xx to one (12.2)."""
        if message.contacts:
            self.target = message.contacts[0].uri

    def take_cseq(self, request: Request) -> None:
        """Accept the sequence number of a request of the peer (12.2.2). Raises `RemoteError` 500 for one that is not higher."""
        number = request.cseq.number
        if self.remote_cseq is not None and number <= self.remote_cseq:
            raise RemoteError(500, "CSeq Is Lower Than Expected")
        self.remote_cseq = number

    def request(self, method: str, *, cseq: int | None = None, body: bytes = b"", content_type: str = "") -> Request:
        """A request inside the dialog (12.2.1.1), without Via: that is the stack's. ACK gives its INVITE's `cseq`."""
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        uri, routes = self._way()
        made = [("Route", route) for route in routes]
        made += [
            ("From", self._from),
            ("To", self._to),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Max-Forwards", "70"),
        ]
        if method not in WITHOUT_CONTACT:
            made.append(("Contact", self.contact))
        if body:
            made.append(("Content-Type", content_type or "application/sdp"))
        return Request(method, uri, Headers(made), body)

    def _way(self) -> tuple[str, list[str]]:
        """Request-URI and Route values; a strict router at the top gets the URI in its own fashion (12.2.1.1)."""
        if not self.routes or self.routes[0].uri.param("lr") is not None:
            return str(self.target), [str(route) for route in self.routes]
        rest = [str(route) for route in self.routes[1:]]
        return str(self.routes[0].uri), [*rest, f"<{self.target}>"]

    @property
    def next_uri(self) -> Uri:
        """Where requests go first: the topmost route, else the target."""
        return self.routes[0].uri if self.routes else self.target


def _is_behind_nat(request: Request) -> bool:
    """One Via, its host that of the Contact, and not where the request came from (RFC 3581 section 4)."""
    via = request.via
    return (
        len(request.vias) == 1
        and via.received is not None
        and via.received != via.host.strip("[]")
        and via.host.lower() == request.contacts[0].uri.host.lower()
    )


def _writable(address: Address) -> str:
    """As From, To or Route of ours. A display name that may not be sent (controls, RFC 4475 section 3.1.1.1) is left out:
    tags identify, names do not. Raises `RemoteError` 400 where that does not help."""
    text = str(address)
    if text.isprintable():
        return text
    tag = address.tag
    text = str(Address("", address.uri, (("tag", tag),) if tag is not None else ()))
    if any(control in text for control in "\r\n\0"):
        raise RemoteError(400, "Malformed Address")
    return text
