"""SIP messages: start line, headers kept as text and parsed when asked for; build, reply, write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from hashlib import blake2s

from sip.errors import BadMessage, LocalError, RemoteError
from sip.headerlist import NAMES, Headers, long_name
from sip.headers import Address, CSeq, Via, find_param, is_token, parse_media_type, parse_number, parse_seconds
from sip.status import phrase
from sip.uri import Uri

__all__ = ["Headers", "Message", "Request", "Response", "parse", "sdp"]

VERSION = "SIP/2.0"
MAX_MESSAGE = 65_536
"""Octets of a message: what a datagram can hold; a stream gets no more."""

MAX_HEADERS = 256
MAX_LINE = 8_192
_BLANK = " \t"


def _one(headers: Headers, name: str) -> str:
    value = headers.get(name)
    if value is None:
        raise RemoteError(400, f"No {name}")
    return value


def _parse_vias(headers: Headers) -> list[Via]:
    return [via for line in headers.get_all("Via") for via in Via.parse_many(line)]


def _parse_from(headers: Headers) -> Address:
    return Address.parse(_one(headers, "From"))


def _parse_to(headers: Headers) -> Address:
    return Address.parse(_one(headers, "To"))


def _parse_contacts(headers: Headers) -> list[Address]:
    lines = headers.get_all("Contact")
    return [] if lines == ["*"] else [address for line in lines for address in Address.parse_many(line)]


def _parse_cseq(headers: Headers) -> CSeq:
    return CSeq.parse(_one(headers, "CSeq"))


class Message(ABC):
    """What a request and a response share. Properties are parsed once, and raise RemoteError 400 for a bad value."""

    __slots__ = ("body", "headers")

    headers: Headers
    body: bytes

    @abstractmethod
    def start_line(self) -> str:
        """The first line, without its line end."""

    def to_bytes(self) -> bytes:
        """The message as it goes on the wire, Content-Length last."""
        lines = [self.start_line()]
        lines += [f"{name}: {value}" for name, value in self.headers if name != "Content-Length"]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body

    @property
    def vias(self) -> list[Via]:
        """All Via values, the topmost first."""
        return self.headers.once("vias", _parse_vias)

    @property
    def via(self) -> Via:
        """The topmost Via."""
        vias = self.vias
        if not vias:
            raise RemoteError(400, "No Via")
        return vias[0]

    @property
    def from_(self) -> Address:
        return self.headers.once("from", _parse_from)

    @property
    def to(self) -> Address:
        return self.headers.once("to", _parse_to)

    @property
    def cseq(self) -> CSeq:
        return self.headers.once("cseq", _parse_cseq)

    @property
    def call_id(self) -> str:
        return _one(self.headers, "Call-ID")

    @property
    def contacts(self) -> list[Address]:
        """All Contact addresses; none for `Contact: *`, see `star_contact`."""
        return self.headers.once("contacts", _parse_contacts)

    @property
    def star_contact(self) -> bool:
        """Whether the one Contact is `*` (RFC 3261 section 10.2.2)."""
        return self.headers.get_all("Contact") == ["*"]

    @property
    def routes(self) -> list[Address]:
        return self._addresses("Route")

    @property
    def record_routes(self) -> list[Address]:
        return self._addresses("Record-Route")

    def _addresses(self, name: str) -> list[Address]:
        return self.headers.once(
            name, lambda h: [address for line in h.get_all(name) for address in Address.parse_many(line)]
        )

    @property
    def content_type(self) -> str:
        """The body's media type in lower case, without parameters; "" when there is no Content-Type."""
        value = self.headers.get("Content-Type")
        return parse_media_type(value)[0] if value is not None else ""

    @property
    def supported(self) -> frozenset[str]:
        """Option tags of Supported, in lower case."""
        return self.headers.tokens("Supported")

    @property
    def require(self) -> frozenset[str]:
        """Option tags of Require, in lower case."""
        return self.headers.tokens("Require")

    @property
    def expires(self) -> int | None:
        """Seconds of the Expires header, at most 2**32-1; None when there is none."""
        value = self.headers.get("Expires")
        return None if value is None else parse_seconds(value, "Expires")

    @property
    def retry_after(self) -> int | None:
        """Seconds of the Retry-After header; None when there is none."""
        value = self.headers.get("Retry-After")
        return None if value is None else parse_seconds(value, "Retry-After")


class Request(Message):
    """A SIP request; `uri` is the Request-URI as text."""

    __slots__ = ("method", "uri")

    def __init__(
        self,
        method: str,
        uri: str,
        headers: Headers | Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        self.method, self.uri = method, uri
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.body = body

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri}>"

    def start_line(self) -> str:
        line = f"{self.method} {self.uri} {VERSION}"
        if "\r" in line or "\n" in line or "\0" in line:
            raise LocalError("the start line may not hold CR, LF or NUL")
        return line

    @property
    def request_uri(self) -> Uri:
        """The Request-URI parsed: RemoteError 416 for an unknown scheme, 400 for a malformed one."""
        return Uri.parse(self.uri)

    def reply(
        self,
        status: int,
        reason: str | None = None,
        *,
        to_tag: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Response:
        """A response to this request (RFC 3261 section 8.2.6).

        To gets `to_tag`, or else one that is the same for each retransmission of the request (section 8.2.7).
        Record-Route is copied to 1xx and 2xx (section 12.1.1). What the request lacks, the response lacks.
        """
        names = _COPIED_TO_DIALOG if 100 < status < 300 else _COPIED
        tag = self._new_to_tag(to_tag) if status > 100 else None
        return Response(status, reason, self.headers.derive(names, tag, headers), body)

    def _new_to_tag(self, wanted: str | None) -> str | None:
        try:
            if self.to.tag is not None:
                return None
        except RemoteError:
            return None
        if wanted is not None:
            return wanted
        seed = "\n".join([self.headers.get(name) or "" for name in ("Via", "From", "Call-ID", "CSeq")])
        return blake2s(seed.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()

    def mark_received(self, host: str, port: int) -> None:
        """Note where the request came from in its topmost Via (RFC 3261 section 18.2.1, RFC 3581 section 4)."""
        via = self.via
        wants_port = via.rport is not None
        if wants_port or via.host.strip("[]") != host:
            via = via.with_param("received", host)
        if wants_port:
            via = via.with_param("rport", str(port))
        if via is not self.vias[0]:
            vias = [via, *self.vias[1:]]
            texts = [str(item) for item in vias]
            if any(control in text for text in texts for control in "\r\n\0"):
                raise RemoteError(400, "Malformed Via")
            self.headers.set("Via", *texts)
            self.headers.once("vias", lambda _: vias)


_COPIED = frozenset({"Via", "From", "To", "Call-ID", "CSeq", "Timestamp"})
_COPIED_TO_DIALOG = _COPIED | {"Record-Route"}


class Response(Message):
    """A SIP response."""

    __slots__ = ("reason", "status")

    def __init__(
        self,
        status: int,
        reason: str | None = None,
        headers: Headers | Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        self.status = status
        self.reason = phrase(status) if reason is None else reason
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.body = body

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"

    def start_line(self) -> str:
        if "\r" in self.reason or "\n" in self.reason or "\0" in self.reason:
            raise LocalError("a reason phrase may not hold CR, LF or NUL")
        return f"{VERSION} {self.status} {self.reason}"


def parse(data: bytes) -> Request | Response:
    """Read one message; Content-Length bounds the body and octets beyond it are dropped (RFC 3261 section 18.3).

    Raises BadMessage; `.request` is what could be read of a request that can still be answered.
    """
    head, blank, rest = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    text = head[:MAX_MESSAGE].decode("utf-8", "surrogateescape")
    lines = text.split("\r\n", MAX_HEADERS + 1)
    headers, fault = _read_headers(lines)
    if text.count("\n") >= len(lines) or text.count("\r") >= len(lines):
        fault = fault or (400, "Bare CR or LF")
        headers = Headers.as_read([item for item in headers if "\n" not in item[1] and "\r" not in item[1]])
    if (
        len(data) > MAX_MESSAGE
        or len(lines) > MAX_HEADERS
        or (len(text) > MAX_LINE and max(map(len, lines)) > MAX_LINE)
    ):
        fault = (513, "Message Too Large")
    elif not blank:
        fault = fault or (400, "No End of Headers")
    body, fault = (rest, fault) if fault else _read_body(headers, rest)
    if lines[0].startswith("SIP/"):
        return _read_status_line(lines[0], headers, body, fault)
    return _read_request_line(lines[0], headers, body, fault)


Fault = tuple[int, str] | None


def _read_headers(lines: list[str]) -> tuple[Headers, Fault]:
    """The headers of these lines but the first, unfolded; lines that are none are passed over, the first is a fault."""
    items: list[tuple[str, str]] = []
    fault: Fault = None
    for line in lines[1 : MAX_HEADERS + 1]:
        name, colon, value = line.partition(":")
        known = NAMES.get(name)
        if known is None or not colon:
            if line[:1] in (" ", "\t") and items:
                last, text = items[-1]
                items[-1] = (last, f"{text} {line.strip(_BLANK)}".strip(_BLANK))
                continue
            name = name.rstrip(_BLANK)
            known = long_name(name) or name
            if not colon or not is_token(name):
                fault = fault or (400, "Malformed Header Line")
                continue
        items.append((known, value.strip(_BLANK)))
    return Headers.as_read(items), fault


def _read_body(headers: Headers, rest: bytes) -> tuple[bytes, Fault]:
    lengths = headers.index().get("Content-Length")
    if lengths is None:
        return rest, None
    try:
        length = parse_number(lengths[0], "Content-Length")
    except RemoteError as error:
        return b"", (error.status, error.reason)
    if len(lengths) > 1:
        return b"", (400, "Multiple Content-Length")
    if length > len(rest):
        return rest, (400, "Body Shorter Than Content-Length")
    return rest[:length], None


def _read_status_line(line: str, headers: Headers, body: bytes, fault: Fault) -> Response:
    version, _, rest = line.partition(" ")
    code, _, reason = rest.partition(" ")
    if (
        version.upper() != VERSION
        or len(code) != 3
        or not (code.isascii() and code.isdigit())
        or not "1" <= code[0] <= "6"
    ):
        fault = fault or (400, "Malformed Status Line")
    if fault:
        raise BadMessage(*fault)
    return Response(int(code), reason, headers, body)


def _read_request_line(line: str, headers: Headers, body: bytes, fault: Fault) -> Request:
    parts = line.split(" ")
    if len(parts) != 3:  # RFC 4475 section 3.1.2.8 to 10: refuse, though enough can be read to say so
        fault = fault or (400, "Malformed Request Line")
        parts = [*line.split(), "", "", ""][:3]
    method, uri, version = parts
    if not is_token(method):
        raise BadMessage(*(fault or (400, "Malformed Request Line")))
    if version.upper() != VERSION and not fault:
        fault = (
            (505, "Version Not Supported") if version.upper().startswith("SIP/") else (400, "Malformed Request Line")
        )
    request = Request(method, uri, headers, body)
    if fault:
        raise BadMessage(*fault, request if "Via" in headers and method != "ACK" else None)
    return request


def sdp(message: Request | Response) -> bytes | None:
    """The session description in the body, alone or as a part of a multipart body; None when there is none."""
    if not message.body:
        return None
    value = message.headers.get("Content-Type")
    if value is None:
        return None
    kind, params = parse_media_type(value)
    if kind == "application/sdp":
        return message.body
    if kind.startswith("multipart/"):
        return _sdp_part(message.body, find_param(params, "boundary"))
    return None


def _sdp_part(body: bytes, boundary: str | None) -> bytes | None:
    """The first application/sdp part (RFC 5621, RFC 2046 section 5.1)."""
    if not boundary:
        raise RemoteError(400, "Multipart Without Boundary")
    dashes = b"\r\n--" + boundary.encode("utf-8", "surrogateescape")
    for part in (b"\r\n" + body).split(dashes)[1:]:
        if part.startswith(b"--"):
            break
        head, _, content = part.lstrip(b" \t").partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            kind = value.partition(b";")[0].strip().lower()
            if name.strip().lower() in (b"content-type", b"c") and kind == b"application/sdp":
                return content
    return None
