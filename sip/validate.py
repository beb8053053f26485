"""What is refused before the stack sees it: one table of checks, each with the status that it answers with."""

from __future__ import annotations

from collections.abc import Callable

from sip.errors import BadMessage, RemoteError
from sip.headers import MAGIC_COOKIE, is_token, parse_number
from sip.message import Request, Response

ALLOWED = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE", "REFER", "NOTIFY", "REGISTER")
"""Methods that the stack serves, as Allow lists them."""

KNOWN = frozenset({*ALLOWED, "MESSAGE", "SUBSCRIBE", "PUBLISH"})
"""Methods that are not served but are known: 405. Any other is 501."""

SUPPORTED = ("100rel", "timer", "norefersub", "outbound", "replaces")
"""Option tags that a Require may name."""

_SERVED = frozenset(ALLOWED)
_ANSWERED_HERE = frozenset({"OPTIONS", "REGISTER", "ACK", "CANCEL", "BYE"})
_OFFERING = frozenset({"INVITE", "UPDATE", "PRACK", "ACK"})
_DIALOG_FORMING = frozenset({"INVITE", "UPDATE", "REFER"})
_ONCE = ("Call-ID", "CSeq", "From", "To", "Max-Forwards", "Content-Type", "Expires")

Refusal = tuple[int, str | None, tuple[tuple[str, str], ...]]


def refuse(status: int, reason: str | None = None, *headers: tuple[str, str]) -> Refusal:
    """A row's verdict: status, reason phrase (None: the usual one) and headers of the answer."""
    return status, reason, headers


def _mandatory(request: Request) -> Refusal | None:
    """RFC 3261 section 8.1.1, less Max-Forwards and the tags, which RFC 2543 did not know."""
    index = request.headers.index()
    missing = [name for name in ("Via", "From", "To", "Call-ID", "CSeq") if name not in index]
    return refuse(400, f"No {missing[0]}") if missing else None


def _single(request: Request) -> Refusal | None:
    index = request.headers.index()
    for name in _ONCE:
        if name in index and len(index[name]) > 1:
            return refuse(400, f"More Than One {name}")
    return None


def _via(request: Request) -> Refusal | None:
    """A branch that is the bare cookie would match any other such request (RFC 4475 section 3.2.1)."""
    return refuse(400, "Branch Is Not Unique") if request.via.branch == MAGIC_COOKIE else None


def _addresses(request: Request) -> Refusal | None:
    if request.from_.tag == "" or request.to.tag == "":
        return refuse(400, "Empty Tag")
    return None if request.call_id else refuse(400, "Empty Call-ID")


def _sequence(request: Request) -> Refusal | None:
    return None if request.cseq.method == request.method else refuse(400, "CSeq Is for Another Method")


def _max_forwards(request: Request) -> Refusal | None:
    """0 ends the way of what we would pass on, not of what is answered here (RFC 3261 sections 8.1.1.6 and 16.3)."""
    value = request.headers.get("Max-Forwards")
    if value is None:
        return None
    hops = parse_number(value, "Max-Forwards", below=256)
    if hops == 0 and request.method not in _ANSWERED_HERE and request.to.tag is None:
        return refuse(483)
    return None


def _method(request: Request) -> Refusal | None:
    """RFC 3261 section 8.2.1."""
    if request.method in _SERVED:
        return None
    return refuse(405 if request.method in KNOWN else 501, None, ("Allow", ", ".join(ALLOWED)))


def _target(request: Request) -> Refusal | None:
    """RFC 3261 section 8.2.2.1; headers have no place in a Request-URI (section 19.1.1)."""
    try:
        uri = request.request_uri
    except RemoteError as error:
        return refuse(error.status, error.reason)
    return refuse(400, "Headers in Request-URI") if uri.headers else None


def _routes(request: Request) -> Refusal | None:
    """What later decides where messages go must be readable: Route, Record-Route, Contact."""
    index = request.headers.index()
    if "Route" in index:
        _ = request.routes
    if "Record-Route" in index:
        _ = request.record_routes
    if "Contact" not in index or (request.star_contact and request.method == "REGISTER"):
        return None
    if len(request.contacts) != 1 and request.method in _DIALOG_FORMING:  # section 8.1.1.8
        return refuse(400, "Not Exactly One Contact")
    return None


def _expiry(request: Request) -> Refusal | None:
    _ = request.expires
    return None


def _extensions(request: Request) -> Refusal | None:
    """RFC 3261 section 8.2.2.3: never for ACK and CANCEL."""
    if "Require" not in request.headers.index() or request.method in ("ACK", "CANCEL"):
        return None
    tags = [tag.strip(" \t") for value in request.headers.get_all("Require") for tag in value.split(",")]
    if not all(map(is_token, tags)):
        return refuse(400, "Malformed Require")
    unknown = [tag for tag in tags if tag.lower() not in SUPPORTED]
    return refuse(420, None, ("Unsupported", ", ".join(unknown))) if unknown else None


def _content(request: Request) -> Refusal | None:
    """RFC 3261 section 8.2.3: a body that we must understand and do not."""
    if not request.body:
        return None
    encoding = request.headers.get("Content-Encoding")
    if encoding is not None and encoding.lower() not in ("", "identity"):
        return refuse(415, None, ("Accept-Encoding", "identity"))
    if request.method not in _OFFERING:
        return None
    kind = request.content_type
    if not kind:
        return refuse(400, "Body Without Content-Type")
    if kind == "application/sdp" or kind.startswith("multipart/") or _is_optional(request):
        return None
    return refuse(415, None, ("Accept", "application/sdp, multipart/mixed"))


def _is_optional(request: Request) -> bool:
    disposition = (request.headers.get("Content-Disposition") or "").replace(" ", "").lower()
    return "handling=optional" in disposition


TABLE: tuple[Callable[[Request], Refusal | None], ...] = (
    _mandatory,
    _single,
    _via,
    _addresses,
    _sequence,
    _method,
    _max_forwards,
    _target,
    _routes,
    _expiry,
    _extensions,
    _content,
)
"""The checks in order; the first that refuses decides. A value that can't be read is 400, whichever row reads it."""


def check(request: Request) -> Response | None:
    """The refusal of a request, None when it is fine. An ACK is never answered: drop it when it is refused."""
    try:
        for row in TABLE:
            verdict = row(request)
            if verdict is not None:
                status, reason, headers = verdict
                return request.reply(status, reason, headers=headers)
    except RemoteError as error:
        return request.reply(400, error.reason)
    return None


def check_response(response: Response) -> bool:
    """Whether a response can be taken for one to us; False: drop it (RFC 3261 sections 8.1.3.3 and 18.1.2)."""
    index = response.headers.index()
    if any(len(index.get(name, ())) != 1 for name in ("From", "To", "Call-ID", "CSeq")):
        return False
    try:
        _ = response.from_, response.to, response.cseq
        if response.status < 300:  # these set up dialogs
            _ = response.contacts, response.record_routes
        return len(response.vias) == 1
    except RemoteError:
        return False


def answer_bad_message(error: BadMessage) -> Response | None:
    """What to answer octets that `parse` refused with; None when too little of them could be read."""
    return None if error.request is None else error.request.reply(error.status, error.reason)
