"""XML to verbs: everything that is wrong is found before the first verb runs."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

import gateway.twiml.verbs  # noqa: F401 - importing them registers them
from gateway.errors import TwimlFault
from gateway.twilio_codes import Code
from gateway.twiml.verb import VERBS, Element, Note, Verb, read_attributes

MAX_DEPTH = 20
MAX_ELEMENTS = 1_000
MAX_ATTRIBUTES = 100
"""Of one element."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The verbs of a `<Response>` in order, and what was wrong with them."""

    verbs: tuple[Verb, ...]
    notes: tuple[Note, ...] = ()


class _Bounded(TreeBuilder):
    """Refuses what is deeper, longer or richer than any document needs to be, while it is read."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: str, attrs: Mapping[str, str], /) -> ElementTree.Element:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH:
            raise TwimlFault(Code.XML_UNPARSABLE, f"elements are nested deeper than {MAX_DEPTH}")
        if self._count > MAX_ELEMENTS:
            raise TwimlFault(Code.XML_UNPARSABLE, f"more than {MAX_ELEMENTS} elements")
        if len(attrs) > MAX_ATTRIBUTES:
            raise TwimlFault(Code.XML_UNPARSABLE, f"more than {MAX_ATTRIBUTES} attributes on one element")
        return super().start(tag, dict(attrs))

    def end(self, tag: str, /) -> ElementTree.Element:
        self._depth -= 1
        return super().end(tag)


def parse(body: bytes, charset: str = "") -> Document:
    """Read a document. *charset* is what Content-Type said. Raises `TwimlFault` (12100 unparsable, 12102 wrong root)."""
    root = _tree(body, charset)
    if root.tag != "Response":
        raise TwimlFault(Code.XML_WRONG_ROOT, f"the root element is <{str(root.tag)[:100]}>, not <Response>")
    notes = [
        Note(Code.SCHEMA, f"<Response> has no attribute {name[:100]!r}")
        for name in root.attrib
        if name != "version" and not name.startswith("{")
    ]
    if (root.text or "").strip():
        notes.append(Note(Code.SCHEMA, "text within <Response> was passed over"))
    verbs = []
    for child in root:
        kind = VERBS.get(str(child.tag))
        if (child.tail or "").strip():
            notes.append(Note(Code.SCHEMA, "text within <Response> was passed over"))
        if kind is None:
            notes.append(Note(Code.SCHEMA, _unknown(str(child.tag), "Response", VERBS)))
            continue
        verb = read(kind, child, notes)
        if isinstance(verb, Verb):
            verbs.append(verb)
    return Document(verbs=tuple(verbs), notes=tuple(notes))


def read(kind: type[Element], xml: ElementTree.Element, notes: list[Note]) -> Element | None:
    """One element with all that is in it. None: it can't be used, and a note says why."""
    values = {} if kind.is_opaque else read_attributes(kind, xml.attrib, notes)
    values |= kind.content(xml, notes)
    if not kind.is_opaque and not kind.holds_markup:
        values["children"] = _children(kind, xml, notes)
        text = "".join([xml.text or "", *((child.tail or "") for child in xml)]).strip()
        if kind.takes_text:
            values["text"] = text
        elif text:
            notes.append(Note(Code.SCHEMA, f"text within <{kind.element}> was passed over"))
    return kind(**values).checked(notes)  # type: ignore[arg-type] # read by the fields' own types


def _children(kind: type[Element], xml: ElementTree.Element, notes: list[Note]) -> tuple[Element, ...]:
    found = []
    for child in xml:
        inner = kind.nests.get(str(child.tag))
        if inner is None:
            notes.append(Note(kind.nested_code, _unknown(str(child.tag), kind.element, VERBS)))
            continue
        made = read(inner, child, notes)
        if made is not None:
            found.append(made)
    return tuple(found)


def _unknown(tag: str, within: str, known: Mapping[str, object]) -> str:
    """Names are case-sensitive: a name that only differs in that is named as it should be."""
    meant = next((name for name in known if name.lower() == tag.lower() and name != tag), None)
    if meant is not None:
        return f"<{tag[:100]}> within <{within}> is unknown; did you mean <{meant}>?"
    return f"<{tag[:100]}> is not allowed within <{within}>"


def _tree(body: bytes, charset: str) -> ElementTree.Element:
    parser = DefusedXMLParser(target=_Bounded(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(_text(body, charset))
        root = parser.close()
    except DefusedXmlException as fault:
        raise TwimlFault(Code.XML_UNPARSABLE, f"a document type or an entity is not allowed: {fault}") from fault
    except (ParseError, ValueError, LookupError) as fault:  # ValueError: characters that don't belong to the encoding
        raise TwimlFault(Code.XML_UNPARSABLE, f"the document can't be parsed: {fault}") from fault
    return root  # type: ignore[no-any-return] # defusedxml has no types


_DECLARED = re.compile(rb"""<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,40})["']""")
_NO_ENCODINGS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})
"""What Python has besides; one of them takes a time that grows with the square of the length."""

_EXPATS_OWN = frozenset({"utf-8", "utf-16", "iso8859-1", "ascii"})


def _text(body: bytes, charset: str) -> bytes | str:
    """What Content-Type says of the encoding is above what the document says (RFC 7303 section 3); a BOM is above both.

    Expat knows encodings of one octet a character and its own four: Shift_JIS, GB2312, Big5 are read by Python.
    """
    if body.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)):
        return body
    declared = _DECLARED.match(body)
    if not charset and declared is None:
        return body
    name = codecs.lookup(charset or declared[1].decode()).name  # type: ignore[index] # one of the two is there
    if name in _NO_ENCODINGS:
        raise LookupError(f"unknown encoding: {name}")
    if name in _EXPATS_OWN and (not charset or (name == "utf-8" and declared is None)):
        return body
    return body.decode(name)
