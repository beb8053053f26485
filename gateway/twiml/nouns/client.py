"""`<Client>`: a registered phone or a browser, by its identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl, DialTarget
from gateway.twiml.nouns.parameter import Parameter, pairs
from gateway.twiml.nouns.party import Party
from gateway.twiml.verb import Note, Noun, attribute

MAX_IDENTITY = 256


@dataclass(frozen=True, kw_only=True)
class Identity(Noun, element="Identity", takes_text=True):
    """The identity, where `<Parameter>`s stand beside it."""


@dataclass(frozen=True, kw_only=True)
class Client(Party, element="Client", nests=(Identity, Parameter), takes_text=True):
    """The text or `<Identity>` says whom."""

    kind = "client"
    client_notification_url: str = attribute("")

    @property
    def identity(self) -> str:
        named = next((child.text for child in self.children if isinstance(child, Identity)), "")
        return (named or self.text).removeprefix("client:")

    def checked(self, notes: list[Note]) -> Self | None:
        if not 0 < len(self.identity) <= MAX_IDENTITY:
            notes.append(Note(Code.SCHEMA, f"<Client> needs an identity of at most {MAX_IDENTITY} characters"))
            return None
        return self

    def target(self, call: CallControl) -> DialTarget:
        return DialTarget(
            kind=self.kind,
            address=self.identity,
            whisper=self.whisper(call),
            status_callback=self.callback(call),
            parameters=pairs(self.children),
        )
