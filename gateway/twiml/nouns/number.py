"""`<Number>`: a telephone number to ring."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl, DialTarget
from gateway.twiml.nouns.party import DetectedParty
from gateway.twiml.verb import Note, attribute

_WRITTEN = re.compile(r"[\s().\u2010-\u2015-]+")


def send_digits(text: str) -> str:
    if not re.fullmatch(r"[0-9A-Da-d#*wW]{1,500}", text.strip()):
        raise ValueError("may hold 0-9, A-D, #, *, w and W only")
    return text.strip().translate(str.maketrans("abcd", "ABCD"))


def number(text: str) -> str | None:
    """A number without what people write between its digits; None: it is none."""
    found = _WRITTEN.sub("", text)
    return found if re.fullmatch(r"\+?[0-9*#]{1,32}", found) else None


@dataclass(frozen=True, kw_only=True)
class Number(DetectedParty, element="Number", takes_text=True):
    """`sendDigits` are pressed once it has answered."""

    kind = "number"
    send_digits: str = attribute("", code=Code.NUMBER_SEND_DIGITS, parse=send_digits)
    byoc: str = attribute("")

    def checked(self, notes: list[Note]) -> Self | None:
        if number(self.text) is None:
            notes.append(Note(Code.NUMBER_FORMAT, f"{self.text[:100]!r} is no telephone number"))
            return None
        if self.byoc:
            notes.append(Note(Code.SCHEMA, "byoc is passed over: [[route]] says which trunk takes a number"))
        return self

    def target(self, call: CallControl) -> DialTarget:
        return DialTarget(
            kind=self.kind,
            address=number(self.text) or "",
            send_digits=self.send_digits,
            whisper=self.whisper(call),
            status_callback=self.callback(call),
            detection=self.detection(call),
        )
