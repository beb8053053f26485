"""A byte stream cut into messages by Content-Length, keep-alives among them (RFC 3261 section 18.3, RFC 5626)."""

from __future__ import annotations

import re

from sip.errors import RemoteError
from sip.message import MAX_MESSAGE

PING = b"\r\n\r\n"
"""A client's keep-alive: answer it with PONG (RFC 5626 section 3.5.1)."""

PONG = b"\r\n"

_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:((?:[^\r\n]|\r\n[ \t])*)(?=\r\n)", re.IGNORECASE)


class Framer:
    """Takes what a connection brings and gives whole messages and keep-alives, in order."""

    __slots__ = ("_buffer", "_fault", "_searched", "_we_ping", "_whole")

    def __init__(self, *, we_ping: bool = False) -> None:
        """*we_ping*: we opened the connection, so a lone CRLF is the answer to our ping and reported as PONG."""
        self._we_ping = we_ping
        self._buffer = bytearray()
        self._fault: RemoteError | None = None
        self._searched = 0
        self._whole = 0
        """Octets of the message at the head of the buffer; 0 while its headers are not all there."""

    def feed(self, data: bytes) -> list[bytes]:
        """Whole messages, PINGs and PONGs; RemoteError when the stream can't be followed any more: close it.

        What came before the fault is still given; then the next call raises.
        """
        if self._fault is None:
            self._buffer += data
        found: list[bytes] = []
        try:
            while self._fault is None and (message := self._next()):
                found.append(message)
        except RemoteError as error:
            self._fault = error
        if self._fault is not None and not found:
            raise self._fault
        return found

    @property
    def pending(self) -> int:
        """Octets of a message held back until more come; part of a keep-alive is none."""
        return 0 if PING.startswith(self._buffer) else len(self._buffer)

    def _next(self) -> bytes | None:
        if self._whole == 0:
            if keep_alive := self._take_keep_alive():
                return keep_alive
            if PING.startswith(self._buffer) or not self._find_end():  # nothing yet, or part of a keep-alive
                return None
        if len(self._buffer) < self._whole:
            return None
        message = bytes(self._buffer[: self._whole])
        del self._buffer[: self._whole]
        self._whole = self._searched = 0
        return message

    def _take_keep_alive(self) -> bytes | None:
        """A keep-alive at the head of the buffer; a lone CRLF that answers nothing is dropped once more has come."""
        line_end = PONG if self._we_ping else PING
        while self._buffer.startswith(b"\r\n"):
            if self._buffer.startswith(line_end):
                del self._buffer[: len(line_end)]
                return line_end
            if len(self._buffer) < len(PING) and PING.startswith(self._buffer):
                return None
            del self._buffer[:2]
        return None

    def _find_end(self) -> bool:
        blank = self._buffer.find(b"\r\n\r\n", self._searched)
        if blank < 0:
            if len(self._buffer) > MAX_MESSAGE:
                raise RemoteError(513, "Message Too Large")
            self._searched = max(0, len(self._buffer) - 3)
            return False
        self._whole = blank + 4 + _content_length(bytes(self._buffer[: blank + 2]))
        if self._whole > MAX_MESSAGE:
            raise RemoteError(513, "Message Too Large")
        return True


def _content_length(head: bytes) -> int:
    """The one Content-Length, which a stream must have; two could hide a message in another's body (RFC 4475 3.3.9)."""
    found = _LENGTH.findall(head)
    if len(found) != 1:
        raise RemoteError(400, "Not Exactly One Content-Length")
    text = found[0].strip()
    if not text.isdigit() or len(text) > 9:
        raise RemoteError(400, "Malformed Content-Length")
    return int(text)
