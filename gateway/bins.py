"""TwiML Bins: documents kept in the configuration, with the request's parameters put in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

SCHEME = "bin:"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLACE = re.compile(r"\{\{\s*([A-Za-z_][\w.-]*)\s*\}\}")


class NoSuchBin(LookupError):
    """No `[[bin]]` has this name."""


class Bins:
    """Documents by name. A template's `{{To}}` is the parameter To, XML-escaped; one that is not there is nothing."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self._documents = dict(documents)

    def render(self, url: str, params: Iterable[tuple[str, str]]) -> str:
        """The document at `bin:name` or `bin:name?more=parameters`. Raises `NoSuchBin`."""
        name, _, query = url.removeprefix(SCHEME).partition("?")
        document = self._documents.get(name)
        if document is None:
            raise NoSuchBin(f"there is no bin {name!r}")
        values = dict(parse_qsl(query, keep_blank_values=True)) | dict(params)
        return _PLACE.sub(lambda found: _escaped(values.get(found[1], "")), document)


def _escaped(value: str) -> str:
    return escape(_NOT_XML.sub("", value), {'"': "&quot;", "'": "&apos;"})
