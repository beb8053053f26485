"""A dialog: identity, sequence numbers, route set and remote target; it builds the requests that travel inside (RFC 3261 section 12)."""

from __future__ import annotations

from dataclasses import dataclass

from sip.errors import RemoteError
from sip.headers import Address
from sip.matching import DialogKey
from sip.message import Headers, Request, Response
from sip.transport import Flow
from sip.uri import Uri


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
    early: bool = True

    @property
    def key(self) -> DialogKey:
        return self.call_id, self.local.tag or "", self.remote.tag or ""

    @staticmethod
    def as_uas(request: Request, response: Response, contact: str, flow: Flow) -> Dialog:
        """From a request and the first of our responses that has a To tag (12.1.1)."""
        return Dialog(
            call_id=request.call_id,
            local=response.to,
            remote=request.from_,
            target=_target(request),
            routes=tuple(request.record_routes),
            contact=contact,
            local_cseq=0,
            remote_cseq=request.cseq.number,
            flow=flow,
        )

    @staticmethod
    def as_uac(request: Request, response: Response, contact: str, flow: Flow) -> Dialog:
        """From our request and a response with a To tag (12.1.2)."""
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
        """A request inside the dialog (12.2.1.1), without Via: that is the stack's. ACK and CANCEL give their INVITE's `cseq`."""
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        uri, routes = self._way()
        headers = Headers()
        for route in routes:
            headers.add("Route", route)
        headers.add("From", str(self.local))
        headers.add("To", str(self.remote))
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"{cseq} {method}")
        headers.add("Max-Forwards", "70")
        if method not in ("BYE", "CANCEL", "INFO", "PRACK"):
            headers.add("Contact", self.contact)
        if body:
            headers.add("Content-Type", content_type or "application/sdp")
        return Request(method, uri, headers, body)

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


def _target(request: Request) -> Uri:
    if not request.contacts:
        raise RemoteError(400, "No Contact")
    return request.contacts[0].uri
