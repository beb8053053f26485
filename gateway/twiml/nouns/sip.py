"""`<Sip>`: a SIP address to ring, or to refer to."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote, unquote

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl, DialTarget
from gateway.twiml.nouns.party import DetectedParty
from gateway.twiml.verb import Note, Noun, attribute

MAX_URI = 255
MAX_HEADERS = 1024
MAX_CREDENTIAL = 256
_PASSED = re.compile(
    r"(?i)x-[A-Za-z0-9_.!%*+`'~-]+|user-to-user|remote-party-id|p-preferred-identity|p-called-party-id|replaces"
)
_ADDRESS = re.compile(r"(?i)(sips?:)?([^\s<>\"@?]+@)?(\[[0-9a-f:.]+\]|[^\s<>\"@?;:/]+)(:\d{1,5})?(;[^\s<>\"?]*)?")


@dataclass(frozen=True, kw_only=True)
class Uri(Noun, element="Uri", takes_text=True):
    """One of several addresses (legacy)."""

    priority: int | None = attribute(None)
    weight: int | None = attribute(None)
    username: str = attribute("")
    password: str = attribute("")


@dataclass(frozen=True, kw_only=True)
class Header(Noun, element="Header"):
    """A header of the INVITE (legacy)."""

    name: str = attribute("")
    value: str = attribute("")


@dataclass(frozen=True, kw_only=True)
class Headers(Noun, element="Headers", nests=(Header,)):
    """Headers of the INVITE (legacy)."""


def _credential(text: str) -> str:
    if not text.isprintable() or len(text) > MAX_CREDENTIAL:
        raise ValueError(f"may hold {MAX_CREDENTIAL} printable characters")
    return text


def faults(text: str) -> list[Note]:
    """What is wrong with an address and the headers behind its `?`; the first note with 13243 means that it can't be used."""
    address, _, query = text.partition("?")
    if not _ADDRESS.fullmatch(address) or len(address) > MAX_URI:
        return [Note(Code.SIP_URI, f"{text[:100]!r} is no SIP address of at most {MAX_URI} characters")]
    found = []
    if len(query) > MAX_HEADERS:
        found.append(Note(Code.SIP_HEADER_TOO_LONG, f"the headers have more than {MAX_HEADERS} characters"))
    for item in query.split("&") if query else []:
        name, _, value = item.partition("=")
        if not _PASSED.fullmatch(name):
            found.append(Note(Code.SIP_HEADER_NAME, f"header {name[:100]!r} does not travel"))
        elif not unquote(value).isprintable():
            found.append(Note(Code.SIP_HEADER_NAME, f"header {name[:100]!r} holds control characters: left out"))
    return found


@dataclass(frozen=True, kw_only=True)
class Sip(DetectedParty, element="Sip", nests=(Uri, Headers), takes_text=True):
    """The text is the address; its headers stand behind a `?`, percent-encoded."""

    kind = "sip"
    username: str = attribute("", code=Code.SIP_CREDENTIALS, parse=_credential)
    password: str = attribute("", code=Code.SIP_CREDENTIALS, parse=_credential)

    @property
    def uri(self) -> Uri | None:
        """The best of the legacy addresses: the lowest priority value, then the most weight."""
        uris = [child for child in self.children if isinstance(child, Uri) and child.text]
        return min(uris, key=lambda uri: (uri.priority or 0, -(uri.weight or 0)), default=None)

    @property
    def address(self) -> str:
        text = self.text or (self.uri.text if self.uri else "")
        text = text.removeprefix("<").removesuffix(">")  # as a Refer-To has it
        text = text if re.match(r"(?i)sips?:", text) else f"sip:{text}"
        more = "&".join(f"{quote(header.name)}={quote(header.value)}" for header in self._headers() if header.name)
        return text + ("&" if "?" in text else "?") + more if more else text

    def _headers(self) -> list[Header]:
        groups = [child.children for child in self.children if isinstance(child, Headers)]
        return [header for group in groups for header in group if isinstance(header, Header)]

    def checked(self, notes: list[Note]) -> Self | None:
        found = faults(self.address)
        notes.extend(found)
        return None if any(note.code == Code.SIP_URI for note in found) else self

    def target(self, call: CallControl) -> DialTarget:
        uri = None if self.text else self.uri
        return DialTarget(
            kind=self.kind,
            address=self.address,
            username=self.username or (uri.username if uri else ""),
            password=self.password or (uri.password if uri else ""),
            whisper=self.whisper(call),
            status_callback=self.callback(call),
            detection=self.detection(call),
        )


@dataclass(frozen=True, kw_only=True)
class ReferSip(Noun, element="Sip", takes_text=True):
    """The Refer-To of a `<Refer>`."""

    def checked(self, notes: list[Note]) -> Self | None:
        text = self.text if re.match(r"(?i)sips?:", self.text) else f"sip:{self.text}"
        found = faults(text)
        notes.extend(found)
        return None if any(note.code == Code.SIP_URI for note in found) else replace(self, text=text)
