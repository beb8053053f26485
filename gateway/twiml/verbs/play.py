"""`<Play>`: an audio file, or digits as tones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl
from gateway.twiml.verb import FallThrough, Next, Note, Verb, attribute, loops

MAX_LOOPS = 1_000


def digits(text: str) -> str:
    """`0-9 A-D # *`, `w` for half a second, `W` for a whole one."""
    if not re.fullmatch(r"[0-9A-Da-d#*wW]{1,500}", text.strip()):
        raise ValueError("may hold 0-9, A-D, #, *, w and W only")
    return text.strip().translate(str.maketrans("abcd", "ABCD"))


@dataclass(frozen=True, kw_only=True)
class Play(Verb, element="Play", takes_text=True):
    """The text is the URL, fetched by GET without parameters. `loop` 0: until the caller hangs up."""

    loop: int = loops(Code.PLAY_LOOP, MAX_LOOPS)
    digits: str = attribute("", code=Code.PLAY_DIGITS, parse=digits)

    def checked(self, notes: list[Note]) -> Self | None:
        if not self.text and not self.digits:
            notes.append(Note(Code.SCHEMA, "<Play> without a URL and without digits was passed over"))
            return None
        return self

    async def run(self, call: CallControl) -> Next:
        if not self.digits:
            await call.play(call.resolve(self.text), self.loop)
            return FallThrough()
        for _ in range(self.loop or MAX_LOOPS):
            await call.send_digits(self.digits)
        return FallThrough()
