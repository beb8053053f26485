"""`sip:`, `sips:` and `tel:` URIs: parse, write, escape and compare (RFC 3261 section 19.1, RFC 3966)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import quote, unquote

from sip.errors import RemoteError

Params = tuple[tuple[str, str | None], ...]

_SIP = re.compile(
    r"(?:([^@\s<>\"\x00-\x1f\x7f]*)@)?"  # user and password
    r"(\[[0-9A-Fa-f:.%\w]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?"  # host and port
    r"((?:;[^;?@\s<>\"\x00-\x1f\x7f]+)*)"  # parameters
    r"(?:\?([^\s<>\"\x00-\x1f\x7f]*))?"  # headers
)
_TEL = re.compile(r"(\+?[0-9A-Fa-f*#().-]+)((?:;[^;?@\s<>\"\x00-\x1f\x7f]+)*)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_VISUAL_SEPARATORS = str.maketrans("", "", "-.()")

_USER = "!~*'()&=+$,;?/"  # beyond letters, digits, "-._~": RFC 3261 section 25.1 `user`
_PASSWORD = "!~*'()&=+$,"
_PARAM = "!~*'()[]/:&+$"
_HEADER = "!~*'()[]/?:+$"
_DECISIVE = frozenset({"user", "ttl", "method", "maddr", "transport"})  # in one URI only: never a match (19.1.4)


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI with its parts unescaped; a `tel:` URI has its number, less visual separators, as `user` and no host."""

    scheme: str
    user: str | None
    password: str | None = None
    host: str = ""
    port: int | None = None
    params: Params = ()
    headers: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def parse(text: str) -> Uri:
        """Read a URI; RemoteError 416 for another scheme, 400 for anything malformed."""
        return _parse_short(text) if len(text) <= _SHORT else _parse(text)

    def __str__(self) -> str:
        if self.scheme == "tel":
            return f"tel:{self.user}{write_params(self.params)}"
        port = "" if self.port is None else f":{self.port}"
        headers = "&".join(f"{_escape(k, _HEADER)}={_escape(v, _HEADER)}" for k, v in self.headers)
        tail = f"{write_params(self.params)}?{headers}" if headers else write_params(self.params)
        return f"{self.scheme}:{self._userinfo}{self.host}{port}{tail}"

    @property
    def _userinfo(self) -> str:
        if self.user is None:
            return ""
        password = "" if self.password is None else ":" + _escape(self.password, _PASSWORD)
        return f"{_escape(self.user, _USER)}{password}@"

    def param(self, name: str) -> str | None:
        """The parameter's value; "" when it stands without one, None when it is not there."""
        for key, value in self.params:
            if key == name or key.lower() == name:
                return value or ""
        return None

    def with_params(self, *params: tuple[str, str | None]) -> Uri:
        """The same URI with these parameters set, in place of any of the same names."""
        names = {key.lower() for key, _ in params}
        kept = tuple(item for item in self.params if item[0].lower() not in names)
        return replace(self, params=kept + params)

    def without_params(self, *names: str) -> Uri:
        """The same URI less these parameters."""
        return replace(self, params=tuple(item for item in self.params if item[0].lower() not in names))

    @property
    def bare(self) -> Uri:
        """Scheme, user, host and port only: what may stand in From and To."""
        return replace(self, password=None, params=(), headers=())

    @property
    def aor(self) -> str:
        """The address of record as a key: `sip:user@host`, user unescaped, host in lower case (RFC 3261 10.3)."""
        if self.scheme == "tel":
            return f"tel:{self.user}"
        return f"sip:{self.user}@{self.host.lower()}" if self.user is not None else f"sip:{self.host.lower()}"

    def equals(self, other: Uri) -> bool:
        """Whether the two are the same address by RFC 3261 section 19.1.4 (RFC 3966 section 4 for `tel:`)."""
        if (self.scheme, self.password, self.port) != (other.scheme, other.password, other.port):
            return False
        if self.scheme == "tel":
            return (self.user or "").lower() == (other.user or "").lower() and _folded(self) == _folded(other)
        if self.user != other.user or self.host.lower() != other.host.lower():
            return False
        mine, theirs = _folded(self), _folded(other)
        if any(mine.get(key) != theirs.get(key) for key in _DECISIVE | (mine.keys() & theirs.keys())):
            return False
        return sorted((k.lower(), v) for k, v in self.headers) == sorted((k.lower(), v) for k, v in other.headers)


def _parse(text: str) -> Uri:
    scheme, _, rest = text.partition(":")
    if scheme not in _READERS:
        if not _SCHEME.match(text):
            raise RemoteError(400, "Malformed URI")
        scheme = scheme.lower()
        if scheme not in _READERS:
            raise RemoteError(416, "Unsupported URI Scheme")
    if "%" in rest and _BAD_ESCAPE.search(rest):
        raise RemoteError(400, "Malformed Escape in URI")
    return _READERS[scheme](scheme, rest)


_SHORT = 200
_parse_short = lru_cache(maxsize=4096)(_parse)
"""The messages of a call name the same few URIs over and over. Long ones are not kept: they could fill memory."""


def _folded(uri: Uri) -> dict[str, str]:
    return {key.lower(): (value or "").lower() for key, value in uri.params}


def _read_sip(scheme: str, rest: str) -> Uri:
    found = _SIP.fullmatch(rest)
    if found is None:
        raise RemoteError(400, "Malformed URI")
    userinfo, host, port, params, headers = found.groups()
    if host[0] == "[":
        check_ipv6(host)
    user, password = userinfo, None
    if userinfo is not None:
        if ":" in userinfo:
            user, _, password = userinfo.partition(":")
            password = _unescape(password)
        user = _unescape(user)
        if not user:
            raise RemoteError(400, "Empty User in URI")
    return Uri(
        scheme,
        user,
        password,
        host,
        read_port(port) if port else None,
        _read_params(params) if params else (),
        tuple(_read_headers(headers)) if headers else (),
    )


def _read_tel(scheme: str, rest: str) -> Uri:
    found = _TEL.fullmatch(rest)
    number = found[1].translate(_VISUAL_SEPARATORS) if found else ""
    if found is None or not number.removeprefix("+"):
        raise RemoteError(400, "Malformed Telephone Number")
    return Uri(scheme, number, params=_read_params(found[2]) if found[2] else ())


_READERS: dict[str, Callable[[str, str], Uri]] = {"sip": _read_sip, "sips": _read_sip, "tel": _read_tel}


def read_port(text: str) -> int:
    """A port number, at most 65535."""
    port = int(text)
    if port > 65_535:
        raise RemoteError(400, "Port Out Of Range")
    return port


def check_ipv6(host: str) -> None:
    """Refuse a bracketed host that is no IPv6 address (RFC 5118 section 4.10)."""
    try:
        IPv6Address(host[1:-1])
    except AddressValueError:
        raise RemoteError(400, "Malformed IPv6 Address") from None


def _read_params(text: str) -> Params:
    params: list[tuple[str, str | None]] = []
    for item in text[1:].split(";"):
        name, equals, value = item.partition("=")
        params.append((_unescape(name), _unescape(value) if equals else None))
    return tuple(params)


def _read_headers(text: str) -> Iterable[tuple[str, str]]:
    for item in text.split("&"):
        name, _, value = item.partition("=")
        yield _unescape(name), _unescape(value)


def write_params(params: Params) -> str:
    """URI parameters as text, escaped."""
    return "".join(
        f";{_escape(name, _PARAM)}" if value is None else f";{_escape(name, _PARAM)}={_escape(value, _PARAM)}"
        for name, value in params
    )


def _unescape(text: str) -> str:
    return unquote(text, errors="surrogateescape") if "%" in text else text


def _escape(text: str, safe: str) -> str:
    return text if text.isalnum() and text.isascii() else quote(text, safe, errors="surrogateescape")
