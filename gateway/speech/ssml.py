"""A `<speak>` as a row of small pieces: speech that a plain voice can make, and silences. Pure.

Sentences stay whole; the first piece is short, so that something is heard at once, and no piece is long, so that no caller
waits for another's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml.ElementTree import fromstring

from gateway.speech.reading import read

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
BREAKS_MS = {"none": 0, "x-weak": 100, "weak": 250, "medium": 400, "strong": 700, "x-strong": 1200}
PARAGRAPH_MS = 600
MAX_BREAK_MS = 10_000
MAX_PIECE = 400
"""Characters of a piece that is not the first."""

_SENTENCE = re.compile(r"(?<=[.!?…。！？])\s+(?=\S)|(?<=[.!?…。！？][\"')\]])\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Speech:
    """To be spoken as it is: text with `<prosody>` and `<emphasis>` at most. `language` empty: the utterance's own."""

    ssml: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    ms: int


Piece = Speech | Silence


@dataclass(frozen=True, slots=True)
class _Run:
    """Words under the same tags. `ends`: a sentence or a paragraph ends behind them."""

    text: str
    tags: tuple[tuple[str, str], ...] = ()
    language: str = ""


class _Boundary:
    """The end of a sentence that was marked as one."""


def pieces(ssml: str, language: str) -> list[Piece]:
    """The pieces of a whole `<speak>`. What can't be parsed is spoken as plain text."""
    try:
        root: Element = fromstring(ssml, forbid_dtd=True)
    except (ParseError, ValueError):
        root = Element("speak")
        root.text = ssml
    made: list[Piece] = []
    gathered = _Gathered(made)
    for item in _flat(root, (), "", language):
        match item:
            case Silence():
                gathered.flush()
                made.append(item)
            case _Boundary():
                gathered.flush()
            case _Run():
                gathered.add(item)
    gathered.flush()
    return made


class _Gathered:
    """Runs of the piece that is being put together."""

    def __init__(self, made: list[Piece]) -> None:
        self._made = made
        self._parts: list[str] = []
        self._length = 0
        self._language = ""

    def add(self, run: _Run) -> None:
        if run.language != self._language:
            self.flush()
            self._language = run.language
        first, *rest = _SENTENCE.split(run.text)
        for sentence in (first, *(f" {sentence}" for sentence in rest)):
            is_first = not any(isinstance(piece, Speech) for piece in self._made)
            most = 0 if is_first else MAX_PIECE
            if self._parts and self._ended() and self._length + len(sentence) > most:
                self.flush()
            opening = "".join(f"<{name}{attributes}>" for name, attributes in run.tags)
            closing = "".join(f"</{name}>" for name, _ in reversed(run.tags))
            self._parts.append(f"{opening}{escape(sentence)}{closing}")
            self._length += len(sentence)

    def _ended(self) -> bool:
        """Whether a sentence is complete: the voice must not fall in the middle of one."""
        return bool(re.search(r"[.!?…。！？][\"')\]]*\s*(<[^>]*>)*$", self._parts[-1]))

    def flush(self) -> None:
        text = "".join(self._parts)
        if re.sub(r"<[^>]*>", "", text).strip():
            self._made.append(Speech(re.sub(r"\s+", " ", text).strip(), self._language))
        self._parts, self._length = [], 0


def _flat(
    node: Element, tags: tuple[tuple[str, str], ...], language: str, base: str
) -> Iterator[_Run | Silence | _Boundary]:
    if node.text:
        yield _Run(node.text, tags, language)
    for child in node:
        yield from _child(child, tags, language, base)
        if child.tail:
            yield _Run(child.tail, tags, language)


def _child(
    child: Element, tags: tuple[tuple[str, str], ...], language: str, base: str
) -> Iterator[_Run | Silence | _Boundary]:
    words = "".join(child.itertext())
    match str(child.tag):
        case "break":
            yield Silence(_break_ms(child))
        case "sub":
            yield _Run(child.get("alias") or words, tags, language)
        case "say-as":
            how, form = child.get("interpret-as", ""), child.get("format", "")
            yield _Run(read(words, how, form, language or base), tags, language)
        case "phoneme":  # a voice that is not asked for its own phonemes says the word
            yield _Run(words, tags, language)
        case "prosody":
            yield from _flat(child, (*tags, ("prosody", _prosody(child))), language, base)
        case "emphasis":
            level = child.get("level", "moderate")
            yield from _flat(child, (*tags, ("emphasis", f' level="{level}"')), language, base)
        case "lang":
            yield from _flat(child, tags, child.get(XML_LANG, language), base)
        case "p" | "s" as block:
            yield _Boundary()
            yield from _flat(child, tags, language, base)
            yield _Boundary()
            if block == "p":
                yield Silence(PARAGRAPH_MS)
        case _:
            yield from _flat(child, tags, language, base)


def _break_ms(node: Element) -> int:
    found = re.fullmatch(r"\+?(\d*\.?\d+)(ms|s)", node.get("time", "").strip())
    if found is None:
        return BREAKS_MS.get(node.get("strength", "medium"), BREAKS_MS["medium"])
    return min(int(float(found[1]) * (1000 if found[2] == "s" else 1)), MAX_BREAK_MS)


def _prosody(node: Element) -> str:
    """Attributes in what espeak-ng understands: names and per cents; decibels and semitones become per cents."""
    found = []
    for name in ("rate", "pitch", "volume"):
        value = (node.get(name) or "").strip()
        if not value:
            continue
        if decibel := re.fullmatch(r"([+-]?\d+(?:\.\d+)?)dB", value):
            value = _percent(10 ** (float(decibel[1]) / 20))
        elif semitones := re.fullmatch(r"([+-]?\d+(?:\.\d+)?)st", value):
            value = _percent(2 ** (float(semitones[1]) / 12))
        found.append(f' {name}="{escape(value)}"')
    return "".join(found)


def _percent(factor: float) -> str:
    return f"{round(100 * factor) - 100:+d}%"
