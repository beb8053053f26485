"""`<Queue>`: the head of a waiting line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from gateway.twilio_codes import Code
from gateway.twiml.verb import Note, Noun, attribute, http_method

MAX_NAME = 64


@dataclass(frozen=True, kw_only=True)
class Queue(Noun, element="Queue", takes_text=True):
    """The text is the line's name; `url` is what the waiting caller hears before the bridge."""

    url: str | None = attribute(None)
    method: str = http_method(Code.QUEUE_METHOD)
    reservation_sid: str = attribute("")
    post_work_activity_sid: str = attribute("")

    def checked(self, notes: list[Note]) -> Self | None:
        if self.reservation_sid or self.post_work_activity_sid:
            message = "<Queue reservationSid, postWorkActivitySid>: there is no TaskRouter here; they were passed over"
            notes.append(Note(Code.VERB_NOT_SUPPORTED, message))
        if not self.text:
            notes.append(Note(Code.QUEUE_NAME_TOO_SHORT, "<Queue> needs a name"))
            return None
        if len(self.text) > MAX_NAME:
            notes.append(Note(Code.QUEUE_NAME_TOO_LONG, f"the name of a queue has at most {MAX_NAME} characters"))
            return None
        return self
