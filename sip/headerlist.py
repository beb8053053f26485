"""The header list of a message: ordered, case-insensitive, compact names made long, values kept as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar, cast

from sip.errors import LocalError
from sip.headers import is_token

T = TypeVar("T")

_COMPACT = {  # RFC 3261 section 7.3.3 and the IANA registry
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
}
# fmt: off
_LONG = (
    "Accept", "Accept-Contact", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow", "Allow-Events",
    "Authentication-Info", "Authorization", "Call-ID", "Call-Info", "Contact", "Content-Disposition",
    "Content-Encoding", "Content-Language", "Content-Length", "Content-Type", "CSeq", "Date", "Diversion",
    "Error-Info", "Event", "Expires", "From", "History-Info", "In-Reply-To", "Max-Forwards", "MIME-Version",
    "Min-Expires", "Min-SE", "Organization", "P-Asserted-Identity", "P-Preferred-Identity", "Path", "Priority",
    "Privacy", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Require", "RAck", "Reason", "Record-Route",
    "Refer-Sub", "Refer-To", "Referred-By", "Reject-Contact", "Remote-Party-ID", "Replaces", "Reply-To",
    "Request-Disposition", "Require", "Retry-After", "Route", "RSeq", "Server", "Service-Route", "Session-Expires",
    "SIP-ETag", "SIP-If-Match", "Subject", "Subscription-State", "Supported", "Target-Dialog", "Timestamp", "To",
    "Unsupported", "User-Agent", "Via", "Warning", "WWW-Authenticate",
)
# fmt: on
_LONG_NAMES = frozenset(_LONG)
_BY_LOWER = {name.lower(): name for name in _LONG} | _COMPACT
NAMES = {name: name for name in _LONG} | _BY_LOWER | {short.upper(): name for short, name in _COMPACT.items()}
"""Spellings that occur on the wire, to the long name as the RFCs write it."""


def long_name(name: str) -> str | None:
    """The long name as RFCs spell it, for any spelling of a known header; None for an unknown one."""
    return NAMES.get(name) or _BY_LOWER.get(name.lower())


def _key(name: str) -> str:
    return long_name(name) or name.lower()


class Headers:
    """Headers in order. One item per header line; adding CR, LF or NUL raises LocalError."""

    __slots__ = ("_index", "_items", "_parsed")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items = [_checked(name, value) for name, value in items]
        self._index: dict[str, list[str]] | None = None
        self._parsed: dict[str, object] = {}

    @classmethod
    def as_read(cls, items: list[tuple[str, str]]) -> Headers:
        """Headers off the wire, their names made long by the reader; octets that we would not send stay."""
        headers = cls()
        headers._items = items
        return headers

    def _forget(self) -> None:
        self._index = None
        self._parsed = {}

    def index(self) -> dict[str, list[str]]:
        """Values by long name (lower-case name for headers unknown here); made once, not to be changed."""
        index = self._index
        if index is None:
            index = self._index = {}
            for name, value in self._items:
                key = name if name in NAMES else name.lower()
                if key in index:
                    index[key].append(value)
                else:
                    index[key] = [value]
        return index

    def get(self, name: str) -> str | None:
        """The first value under this name."""
        values = self._values(name)
        return values[0] if values else None

    def get_all(self, name: str) -> list[str]:
        """All values under this name, one per header line."""
        return list(self._values(name))

    def _values(self, name: str) -> Sequence[str]:
        index = self.index() if self._index is None else self._index
        values = index.get(name)
        if values is None:
            return () if name in _LONG_NAMES else index.get(_key(name), ())
        return values

    def tokens(self, name: str) -> frozenset[str]:
        """The comma-separated tokens of all lines under this name, in lower case."""
        values = self._values(name)
        if not values:
            return frozenset()
        return frozenset(item.strip(" \t").lower() for item in ",".join(values).split(",")) - {""}

    def once(self, key: str, make: Callable[[Headers], T]) -> T:
        """What *make* makes of the headers, kept under *key* until they change."""
        found = self._parsed.get(key)
        if found is None:
            found = self._parsed[key] = make(self)
        return cast("T", found)

    def add(self, name: str, value: str) -> None:
        """Append a header."""
        self._items.append(_checked(name, value))
        self._forget()

    def insert_first(self, name: str, value: str) -> None:
        """Put a header before all others of its name, or at the head when there is none."""
        item = _checked(name, value)
        at = next((i for i, (other, _) in enumerate(self._items) if other == item[0]), 0)
        self._items.insert(at, item)
        self._forget()

    def set(self, name: str, *values: str) -> None:
        """Put these values in place of all headers of this name."""
        items = [_checked(name, value) for value in values]
        key = _key(name)
        places = [i for i, (other, _) in enumerate(self._items) if _key(other) == key]
        at = places[0] if places else len(self._items)
        kept = [item for item in self._items[at:] if _key(item[0]) != key]
        self._items[at:] = items + kept
        self._forget()

    def remove(self, name: str) -> None:
        """Drop all headers of this name."""
        key = _key(name)
        self._items = [item for item in self._items if _key(item[0]) != key]
        self._forget()

    def copy(self) -> Headers:
        return Headers.as_read(list(self._items))

    def derive(self, names: frozenset[str], to_tag: str | None, more: Iterable[tuple[str, str]]) -> Headers:
        """The headers of a response: those with these long names, To (there is one) with a tag added, and *more*."""
        items = [item for item in self._items if item[0] in names]
        if to_tag is not None:
            at = next(i for i, (name, _) in enumerate(items) if name == "To")
            items[at] = ("To", items[at][1] + _checked("To", f";tag={to_tag}")[1])
        items += [_checked(name, value) for name, value in more]
        return Headers.as_read(items)

    def __contains__(self, name: str) -> bool:
        return bool(self._values(name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Headers({self._items!r})"


def _checked(name: str, value: str) -> tuple[str, str]:
    if "\r" in value or "\n" in value or "\0" in value:
        raise LocalError(f"{name} may not hold CR, LF or NUL")
    known = long_name(name)
    if known is None and not is_token(name):
        raise LocalError(f"{name!r} is no header name")
    return known or name, value
