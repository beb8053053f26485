"""Typed header values: Via, addresses (From, To, Contact, Route …), CSeq, media types and lists of tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sip.errors import RemoteError
from sip.uri import Params, Uri, check_ipv6, read_port

_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_PLAIN_VALUE = re.compile(r"[^\s\"<>;,=\\\x00-\x1f\x7f]+")
_PARAM = re.compile(r';[ \t]*([^\s";=]+)[ \t]*(?:=[ \t]*("[^"\\]*(?:\\.[^"\\]*)*"|[^\s";]+)[ \t]*)?', re.DOTALL)
_SENT_PROTOCOL = re.compile(
    r"([\w.!%*+`'~-]+)[ \t]*/[ \t]*([\w.!%*+`'~-]+)[ \t]*/[ \t]*([\w.!%*+`'~-]+)[ \t]+", re.ASCII
)
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.%\w]+\]|[A-Za-z0-9._-]+)(?:[ \t]*:[ \t]*([0-9]{1,5}))?")
_USUAL_VIA = re.compile(r"SIP/2\.0/([A-Z]+) ([A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(;.*)?", re.DOTALL)
_QUOTE_SPECIALS = re.compile(r'(["\\])')
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_UNQUOTE = re.compile(r"\\(.)", re.DOTALL)

MAGIC_COOKIE = "z9hG4bK"
"""How the branch of an RFC 3261 client begins (section 8.1.1.7)."""

_MAX_SEQUENCE = 2**31
_SHORT = 200
"""Longer values are not kept when parsed, so that nobody fills the memory with them."""


def unquote(text: str) -> str:
    """The content of a quoted string, or the text itself when it is not quoted."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    return _UNQUOTE.sub(r"\1", text[1:-1]) if "\\" in text else text[1:-1]


def quoted(text: str) -> str:
    """*text* as a quoted string; control characters, which no header of ours may carry, are left out."""
    return '"' + _QUOTE_SPECIALS.sub(r"\\\1", _CONTROLS.sub("", text)) + '"'


def split_commas(text: str) -> list[str]:
    """The items of a comma-separated value; commas in quoted strings and angle brackets do not count."""
    if "," not in text:
        return [text.strip(" \t")]
    if '"' not in text and "<" not in text:
        return [item.strip(" \t") for item in text.split(",")]
    return [item.strip(" \t") for item in _split_outside(text)]


def _split_outside(text: str) -> Iterator[str]:
    start = at = 0
    while at < len(text):
        if text[at] == '"':
            found = _QUOTED.match(text, at)
            if found is None:
                raise RemoteError(400, "Unterminated Quoted String")
            at = found.end()
            continue
        if text[at] == "<":
            at = text.find(">", at)
            if at < 0:
                raise RemoteError(400, "Unterminated Angle Bracket")
        elif text[at] == ",":
            yield text[start:at]
            start = at + 1
        at += 1
    yield text[start:]


def parse_params(text: str) -> Params:
    """`;name=value;flag`, values as written (quotes kept)."""
    if not text:
        return ()
    if '"' in text or " " in text or "\t" in text:
        return tuple(_parse_params_slowly(text.strip(" \t")))
    params: list[tuple[str, str | None]] = []
    if text[0] != ";":
        raise RemoteError(400, "Malformed Header Parameters")
    for item in text[1:].split(";"):
        name, equals, value = item.partition("=")
        if not name or (equals and not value):
            raise RemoteError(400, "Malformed Header Parameters")
        params.append((name, value if equals else None))
    return tuple(params)


def _parse_params_slowly(text: str) -> Iterator[tuple[str, str | None]]:
    at = 0
    while at < len(text):
        found = _PARAM.match(text, at)
        if found is None:
            raise RemoteError(400, "Malformed Header Parameters")
        yield found[1], found[2]
        at = found.end()


def write_params(params: Params) -> str:
    """Header parameters as text."""
    return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in params])


def find_param(params: Params, name: str) -> str | None:
    """The parameter's value unquoted; "" when it stands without one, None when it is not there."""
    for key, value in params:
        if key == name or key.lower() == name:
            return "" if value is None else unquote(value) if value[0] == '"' else value
    return None


def set_param(params: Params, name: str, value: str | None) -> Params:
    """The parameters with *name* set in its place, or added; a value that is no plain text is quoted."""
    if value is not None and not _PLAIN_VALUE.fullmatch(value):
        value = quoted(value)
    if not any(key.lower() == name.lower() for key, _ in params):
        return (*params, (name, value))
    return tuple((key, value) if key.lower() == name.lower() else (key, old) for key, old in params)


@dataclass(frozen=True, slots=True)
class Address:
    """A name-addr or addr-spec with its header parameters (RFC 3261 section 20.10)."""

    display: str
    uri: Uri
    params: Params = ()

    @staticmethod
    def parse(text: str) -> Address:
        """Read one address; a display name with a comma in it, though unquoted, is let through."""
        return _parse_short_address(text) if len(text) <= _SHORT else _parse_address(text)

    @staticmethod
    def parse_many(text: str) -> list[Address]:
        """Read a comma-separated list of addresses."""
        if "," not in text:
            return [Address.parse(text)]
        return [Address.parse(item) for item in split_commas(text)]

    def __str__(self) -> str:
        display = quoted(self.display) + " " if self.display else ""
        return f"{display}<{self.uri}>{write_params(self.params)}"

    @property
    def tag(self) -> str | None:
        return find_param(self.params, "tag")

    def param(self, name: str) -> str | None:
        """A header parameter's value; "" when it stands without one, None when it is not there."""
        return find_param(self.params, name)

    def with_param(self, name: str, value: str | None) -> Address:
        """The same address with this header parameter set."""
        return Address(self.display, self.uri, set_param(self.params, name, value))

    def with_tag(self, tag: str) -> Address:
        """The same address with this tag."""
        return self.with_param("tag", tag)


def _parse_address(text: str) -> Address:
    text = text.strip(" \t")
    if text[:1] == '"':
        found = _QUOTED.match(text)
        if found is None:
            raise RemoteError(400, "Unterminated Quoted String")
        opened = found.end()
        while text[opened : opened + 1] in (" ", "\t"):
            opened += 1
        if text[opened : opened + 1] != "<":
            raise RemoteError(400, "Malformed Address")
        display = unquote(found[0])
    else:
        opened = text.find("<")
        if opened < 0:
            return _parse_bare(text)
        display = text[:opened].rstrip(" \t")
        if '"' in display or ";" in display:
            raise RemoteError(400, "Malformed Display Name")
    closed = text.find(">", opened)
    if closed < 0:
        raise RemoteError(400, "Unterminated Angle Bracket")
    return Address(display, Uri.parse(text[opened + 1 : closed].strip(" \t")), parse_params(text[closed + 1 :]))


_parse_short_address = lru_cache(4096)(_parse_address)
"""A call says From, To and Contact in each of its messages."""


def _parse_bare(text: str) -> Address:
    """An addr-spec: parameters belong to the header, and `?` and `,` may not occur (RFC 3261 section 20)."""
    spec, semicolon, params = text.partition(";")
    spec = spec.rstrip(" \t")
    if "?" in spec or "," in spec:
        raise RemoteError(400, "Address Needs Angle Brackets")
    return Address("", Uri.parse(spec), parse_params(semicolon + params))


@dataclass(frozen=True, slots=True)
class Via:
    """One Via value (RFC 3261 section 20.42)."""

    transport: str
    host: str
    port: int | None = None
    params: Params = ()
    version: str = "SIP/2.0"

    @staticmethod
    def parse(text: str) -> Via:
        """Read one Via value."""
        return _parse_short_via(text) if len(text) <= _SHORT else _parse_via(text)

    @staticmethod
    def parse_many(text: str) -> list[Via]:
        """Read a comma-separated list of Via values."""
        if "," not in text:
            return [Via.parse(text)]
        return [Via.parse(item) for item in split_commas(text)]

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"{self.version}/{self.transport} {self.host}{port}{write_params(self.params)}"

    @property
    def branch(self) -> str | None:
        return find_param(self.params, "branch")

    @property
    def received(self) -> str | None:
        return find_param(self.params, "received")

    @property
    def rport(self) -> str | None:
        """ "" when the client asked for it, its port once we filled it in (RFC 3581 section 3)."""
        return find_param(self.params, "rport")

    @property
    def has_cookie(self) -> bool:
        """Whether the branch is unique by RFC 3261: the magic cookie and something after it."""
        branch = self.branch or ""
        return branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE)

    def with_param(self, name: str, value: str | None) -> Via:
        """The same Via with this parameter set."""
        return Via(self.transport, self.host, self.port, set_param(self.params, name, value), self.version)


def _parse_via(text: str) -> Via:
    usual = _USUAL_VIA.fullmatch(text)
    if usual is not None:
        transport, host, port, params = usual.groups()
        return Via(transport, host, read_port(port) if port else None, parse_params(params) if params else ())
    text = text.strip(" \t")
    found = _SENT_PROTOCOL.match(text)
    if found is None:
        raise RemoteError(400, "Malformed Via")
    sent_by = _HOST_PORT.match(text, found.end())
    if sent_by is None:
        raise RemoteError(400, "Malformed Via")
    host, port = sent_by.groups()
    if host[0] == "[":
        check_ipv6(host)
    name, version, transport = found.groups()
    return Via(
        transport.upper(),
        host,
        read_port(port) if port else None,
        parse_params(text[sent_by.end() :]),
        "SIP/2.0" if name == "SIP" and version == "2.0" else f"{name}/{version}",
    )


_parse_short_via = lru_cache(4096)(_parse_via)
"""Each response to a request of ours has the same."""


@dataclass(frozen=True, slots=True)
class CSeq:
    """A CSeq value (RFC 3261 section 20.16)."""

    number: int
    method: str

    @staticmethod
    def parse(text: str) -> CSeq:
        """Read a CSeq; the number is below 2**31 (section 8.1.1.5)."""
        number, _, method = text.partition(" ")
        if len(number) < 10 and number.isascii() and number.isdigit() and method.isascii() and method.isalpha():
            return CSeq(int(number), method)
        parts = text.split()
        if len(parts) != 2 or not _TOKEN.fullmatch(parts[1]):
            raise RemoteError(400, "Malformed CSeq")
        return CSeq(parse_number(parts[0], "CSeq", below=_MAX_SEQUENCE), parts[1])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def parse_number(text: str, header: str, *, below: int = 2**32) -> int:
    """Digits only, and *below* a bound: RemoteError 400 that names the header otherwise."""
    if not text.isascii() or not text.isdigit() or len(text) > 20 or int(text) >= below:
        raise RemoteError(400, f"Malformed {header}")
    return int(text)


def parse_seconds(text: str, header: str) -> int:
    """A delta-seconds value; one that is too large counts as the largest, 2**32-1 (RFC 3261 section 20.19)."""
    text = text.partition("(")[0].partition(";")[0].strip(" \t")  # Retry-After may have a comment and parameters
    if not text.isascii() or not text.isdigit():
        raise RemoteError(400, f"Malformed {header}")
    return int(text) if len(text) <= 10 and int(text) < 2**32 else 2**32 - 1


def parse_media_type(text: str) -> tuple[str, Params]:
    """A media type in lower case, and its parameters."""
    if text == "application/sdp":
        return text, ()
    kind, semicolon, params = text.partition(";")
    main, slash, sub = kind.partition("/")
    main, sub = main.strip(" \t"), sub.strip(" \t")
    if not slash or not _TOKEN.fullmatch(main) or not _TOKEN.fullmatch(sub):
        raise RemoteError(400, "Malformed Media Type")
    return f"{main}/{sub}".lower(), parse_params(semicolon + params)


def is_token(text: str) -> bool:
    """Whether *text* is a token (RFC 3261 section 25.1)."""
    return _TOKEN.fullmatch(text) is not None
