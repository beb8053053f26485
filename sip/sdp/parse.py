"""Read a session description: strict on what media depends on, deaf to the rest (RFC 8866)."""

from __future__ import annotations

from sip.errors import RemoteError
from sip.sdp.model import Attributes, Media, Origin, SessionDescription

MAX_MEDIA = 16
MAX_LINES = 512


def parse(data: bytes) -> SessionDescription:
    """Read a description; RemoteError 400 for a malformed one, 488 for one that is no use here."""
    lines = _split(data)
    first = next((i for i, (kind, _) in enumerate(lines) if kind == "m"), len(lines))
    if not lines or lines[0] != ("v", "0"):
        raise RemoteError(400, "Malformed SDP: No v=0")
    if sum(kind == "m" for kind, _ in lines) > MAX_MEDIA:
        raise RemoteError(488, "Too Many Media Streams")
    head, rest = lines[:first], lines[first:]
    values = dict(reversed(head))  # the first of each kind
    if "o" not in values:
        raise RemoteError(400, "Malformed SDP: No o=")
    description = SessionDescription(
        origin=_read_origin(values["o"]),
        address=_read_address(head),
        name=values.get("s") or "-",
        timing=values.get("t", "0 0"),
        attributes=_read_attributes(head),
        media=_read_all_media(rest),
    )
    if any(description.address_of(media) is None for media in description.media if not media.is_refused):
        raise RemoteError(400, "Malformed SDP: No c=")
    return description


def _split(data: bytes) -> list[tuple[str, str]]:
    """Type and value of each line; a bare LF ends a line too, blank lines at the end are let through (section 5)."""
    if b"\0" in data:
        raise RemoteError(400, "Malformed SDP: NUL")
    text = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    lines = [line for line in text.split("\n", MAX_LINES) if line]
    if len(lines) > MAX_LINES:
        raise RemoteError(400, "SDP Too Long")
    if any(line[1:2] != "=" for line in lines):
        raise RemoteError(400, "Malformed SDP Line")
    return [(line[0], line[2:]) for line in lines]


def _read_origin(value: str) -> Origin:
    parts = value.split()
    if len(parts) != 6:
        raise RemoteError(400, "Malformed SDP: o=")
    return Origin(_read_number(parts[1]), _read_number(parts[2]), parts[5], parts[0])


def _read_number(text: str) -> int:
    """A session id or version: digits of any length that a peer will need (section 5.2), 0 for the odd hex string."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 32 else 0


def _read_address(lines: list[tuple[str, str]]) -> str | None:
    """`c=IN IP4 192.0.2.1`, less any TTL."""
    value = next((value for kind, value in lines if kind == "c"), None)
    if value is None:
        return None
    parts = value.split()
    if len(parts) != 3 or parts[0] != "IN" or parts[1] not in ("IP4", "IP6"):
        raise RemoteError(400, "Malformed SDP: c=")
    return parts[2].partition("/")[0]


def _read_attributes(lines: list[tuple[str, str]]) -> Attributes:
    found: list[tuple[str, str | None]] = []
    for kind, value in lines:
        if kind == "a":
            name, colon, rest = value.strip().partition(":")
            found.append((name, rest if colon else None))
    return tuple(found)


def _read_all_media(lines: list[tuple[str, str]]) -> tuple[Media, ...]:
    starts = [i for i, (kind, _) in enumerate(lines) if kind == "m"]
    ends = [*starts[1:], len(lines)]
    return tuple(_read_media(lines[start][1], lines[start + 1 : end]) for start, end in zip(starts, ends, strict=False))


def _read_media(value: str, lines: list[tuple[str, str]]) -> Media:
    parts = value.split()
    if len(parts) < 4:
        raise RemoteError(400, "Malformed SDP: m=")
    port = parts[1].partition("/")[0]
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65_535):
        raise RemoteError(400, "Malformed SDP: Port")
    return Media(
        kind=parts[0].lower(),
        port=int(port),
        protocol=parts[2].upper(),
        formats=tuple(parts[3:]),
        address=_read_address(lines),
        attributes=_read_attributes(lines),
    )
