"""`<Say>`: speak text and SSML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from xml.etree.ElementTree import Element as XmlElement

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl, Utterance
from gateway.twiml.ssml import is_silent, shorten, speak, spoken_text
from gateway.twiml.verb import FallThrough, Next, Note, Verb, attribute, loops

MAX_LOOPS = 1_000
MAX_TEXT = 4_096
"""Characters of text; tags are not counted."""


_VOICE = re.compile(r"man|woman|alice|[A-Za-z]\w{1,31}\.[\w.:+-]{1,200}|[\w.:/+ -]{1,200}\.onnx")
"""Twilio's own three, those of a provider (`Polly.Joanna-Neural`, `Google.de-DE-Standard-A`), and Piper's models by their path."""


def _voice(text: str) -> str:
    if not _VOICE.fullmatch(text.strip()):
        raise ValueError("is no name of a voice")
    return text.strip()


def language(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}", text.strip()):
        raise ValueError("is no language tag (BCP 47)")
    return text.strip()


@dataclass(frozen=True, kw_only=True)
class Say(Verb, element="Say"):
    """`loop` 0: until the caller hangs up."""

    holds_markup = True

    voice: str = attribute("", code=Code.SAY_VOICE, parse=_voice)
    language: str = attribute("en-US", code=Code.SAY_LANGUAGE, parse=language)
    loop: int = loops(Code.SAY_LOOP, MAX_LOOPS)
    ssml: str = ""

    @classmethod
    def content(cls, xml: XmlElement, notes: list[Note]) -> dict[str, object]:
        if len(spoken_text(xml)) > MAX_TEXT:
            notes.append(Note(Code.SAY_TOO_LONG, f"<Say> has more than {MAX_TEXT} characters: the rest is not spoken"))
            shorten(xml, MAX_TEXT)
        return {"ssml": "" if is_silent(xml) else speak(xml, notes), "text": spoken_text(xml)}

    def checked(self, notes: list[Note]) -> Self | None:
        if not self.ssml:
            notes.append(Note(Code.SAY_TEXT, "<Say> without text was passed over"))
            return None
        return self

    async def run(self, call: CallControl) -> Next:
        await call.say(Utterance(ssml=self.ssml, voice=self.voice, language=self.language), self.loop)
        return FallThrough()
