"""Write a session description (RFC 8866 section 5)."""

from __future__ import annotations

from collections.abc import Iterator

from sip.errors import LocalError
from sip.sdp.model import Attributes, SessionDescription


def write(description: SessionDescription) -> bytes:
    """The description as it goes on the wire; CR, LF or NUL in any part raises LocalError."""
    lines = list(_lines(description))
    text = "\r\n".join(lines) + "\r\n"
    if text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
        raise LocalError("a session description may not hold CR, LF or NUL in a line")
    return text.encode("utf-8", "surrogateescape")


def _lines(description: SessionDescription) -> Iterator[str]:
    origin = description.origin
    yield "v=0"
    yield f"o={origin.username} {origin.session_id} {origin.version} IN {_network(origin.address)}"
    yield f"s={description.name or '-'}"
    if description.address is not None:
        yield f"c=IN {_network(description.address)}"
    yield f"t={description.timing}"
    yield from _attributes(description.attributes)
    for media in description.media:
        yield f"m={media.kind} {media.port} {media.protocol} {' '.join(media.formats)}"
        if media.address is not None:
            yield f"c=IN {_network(media.address)}"
        yield from _attributes(media.attributes)


def _network(address: str) -> str:
    return f"{'IP6' if ':' in address else 'IP4'} {address}"


def _attributes(attributes: Attributes) -> Iterator[str]:
    for name, value in attributes:
        yield f"a={name}" if value is None else f"a={name}:{value}"
