"""Documents that a GET has brought in one call: asked for again, they come only where they have changed (RFC 9110 section 13)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from gateway.twiml.reply import Reply

MOST = 8
LONGEST = 16_384
"""Octets of a document that is worth keeping: a call has a few of them, and there are many calls."""

Key = tuple[str, tuple[tuple[str, str], ...]]
"""The URL as it was given, and its parameters."""


@dataclass(eq=False, slots=True)
class Seen:
    """By URL and parameters, as a browser has it; what a POST says is never kept (twiml.md section 2)."""

    _replies: OrderedDict[Key, Reply] = field(default_factory=OrderedDict)

    def get(self, key: Key | None) -> Reply | None:
        return self._replies.get(key) if key is not None else None

    def keep(self, key: Key | None, reply: Reply) -> None:
        """If it can be asked for by its ETag or date, and nobody minds."""
        if key is None:
            return
        self._replies.pop(key, None)
        is_kept = bool(conditions(reply)) and "no-store" not in _header(reply, "cache-control").lower()
        if not is_kept or not reply.body or len(reply.body) > LONGEST:
            return
        self._replies[key] = reply
        if len(self._replies) > MOST:
            self._replies.popitem(last=False)


def conditions(reply: Reply) -> list[tuple[str, str]]:
    """Headers that ask for it only where it has changed."""
    named = (("If-None-Match", _header(reply, "etag")), ("If-Modified-Since", _header(reply, "last-modified")))
    return [(name, value) for name, value in named if value]


def _header(reply: Reply, wanted: str) -> str:
    return next((value for name, value in reply.headers if name.lower() == wanted), "")
