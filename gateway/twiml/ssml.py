"""The SSML that `<Say>` may hold: which elements, their attributes, what nests in what; and a checked `<speak>` of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from gateway.twilio_codes import Code
from gateway.twiml.verb import Note

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

_LEVELS = r"strong|moderate|reduced"
_STRENGTHS = r"none|x-weak|weak|medium|strong|x-strong"
_TIME = r"\+?(\d{1,6}|\d{0,6}\.\d{1,6})(s|ms)"
_READINGS = (
    r"characters|spell-out|cardinal|number|ordinal|digits|fraction|unit|date|time|address|expletive|telephone|verbatim"
)
_ALPHABETS = r"ipa|x-sampa|x-amazon-(jyutping|pinyin|pron-kana|yomigana)"
_ANY = r".{0,1000}"

ATTRIBUTES: dict[str, dict[str, str]] = {
    "break": {"strength": _STRENGTHS, "time": _TIME},
    "emphasis": {"level": _LEVELS},
    "lang": {XML_LANG: r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*"},
    "p": {},
    "phoneme": {"alphabet": _ALPHABETS, "ph": _ANY},
    "prosody": {
        "volume": r"default|silent|x-soft|soft|medium|loud|x-loud|[+-]?\d{1,3}(\.\d+)?(dB)?",
        "rate": r"default|x-slow|slow|medium|fast|x-fast|[+-]?\d{1,4}(\.\d+)?%?",
        "pitch": r"default|x-low|low|medium|high|x-high|[+-]?\d{1,4}(\.\d+)?(%|st|Hz)?",
    },
    "s": {},
    "say-as": {"interpret-as": _READINGS, "format": r"[mdy]{1,3}|yyyymmdd|hms12|hms24|\d+", "role": _ANY},
    "sub": {"alias": _ANY},
    "w": {"role": _ANY},
}
"""Element → attribute → what its value must match, whole."""

_LEAVES = frozenset({"break", "sub", "say-as", "phoneme"})
_INLINE = frozenset({"break", "emphasis", "lang", "phoneme", "prosody", "say-as", "sub", "w"})
NESTS: dict[str, frozenset[str]] = {
    "speak": _INLINE | {"p", "s"},
    "p": _INLINE | {"s"},
    "s": _INLINE,
    "lang": _INLINE | {"p", "s"},
    "prosody": _INLINE | {"p", "s"},
    "emphasis": _INLINE,
    "w": frozenset({"break", "emphasis", "phoneme", "prosody", "say-as", "sub"}),
    **{leaf: frozenset() for leaf in _LEAVES},
}


def speak(body: Element, notes: list[Note]) -> str:
    """The content of a `<Say>` as one `<speak>`. What is not SSML is noted and its text is spoken without it."""
    return "<speak>" + "".join(_content(body, "speak", notes)).strip() + "</speak>"


def spoken_text(body: Element) -> str:
    """The words alone, tags not counted: what Twilio's limit on length is about."""
    return re.sub(r"\s+", " ", "".join(_words(body))).strip()


def shorten(body: Element, most: int) -> None:
    """Leave no more than the first *most* characters of what is spoken; elements without a word stay."""
    left = most

    def cut(text: str | None) -> str:
        nonlocal left
        kept = (text or "")[:left]
        left -= len(kept)
        return kept

    def walk(element: Element) -> None:
        if element.tag == "sub" and element.get("alias"):
            element.set("alias", cut(element.get("alias")))
        element.text = cut(element.text)
        for child in element:
            walk(child)
            child.tail = cut(child.tail)

    walk(body)


def is_silent(body: Element) -> bool:
    """Whether there is nothing to hear: no text (an alias is one), no pause."""
    return not spoken_text(body) and not any(child.tag == "break" for child in body.iter())


def plain(text: str) -> str:
    """Plain text as a `<speak>`."""
    return f"<speak>{escape(text.strip())}</speak>"


def _words(body: Element) -> Iterator[str]:
    yield body.get("alias") or body.text or "" if body.tag == "sub" else body.text or ""
    for child in body:
        yield from _words(child)
        yield child.tail or ""


def _content(body: Element, inside: str, notes: list[Note]) -> Iterator[str]:
    yield escape(body.text or "")
    for child in body:
        yield from _child(child, inside, notes)
        yield escape(child.tail or "")


def _child(child: Element, inside: str, notes: list[Note]) -> Iterator[str]:
    name = str(child.tag)
    if name not in NESTS[inside]:
        why = "is not allowed within" if name in ATTRIBUTES else "is no SSML element, within"
        notes.append(Note(Code.SCHEMA, f"<{name}> {why} <{'Say' if inside == 'speak' else inside}>"))
        yield from _content(child, inside, notes)
        return
    attributes = "".join(_attributes(child, name, notes))
    content = "".join(_content(child, name, notes))
    # an alias of nothing is spoken, but not by eSpeak NG where the element closes itself
    empty = not content and name != "sub"
    yield f"<{name}{attributes}/>" if empty else f"<{name}{attributes}>{content}</{name}>"


def _attributes(child: Element, name: str, notes: list[Note]) -> Iterator[str]:
    for key, value in child.attrib.items():
        shown = "xml:lang" if key == XML_LANG else key
        wanted = ATTRIBUTES[name].get(key)
        if wanted is None:
            notes.append(Note(Code.SCHEMA, f"<{name}> has no attribute {shown!r}"))
        elif not re.fullmatch(wanted, value.strip(), re.DOTALL):
            notes.append(Note(Code.SCHEMA, f"<{name}> {shown}={value[:100]!r} is not understood"))
        else:
            yield f" {shown}={quoteattr(value.strip())}"
