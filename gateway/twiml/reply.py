"""What an application answered: TwiML, words to speak or audio to play, told apart by Content-Type."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import TwimlFault
from gateway.twilio_codes import Code
from gateway.twiml.document import Document, parse
from gateway.twiml.ssml import plain
from gateway.twiml.verbs.play import Play
from gateway.twiml.verbs.say import Say

XML_TYPES = frozenset({"text/xml", "application/xml", "text/html"})
AUDIO_TYPES = frozenset(
    f"audio/{name}"
    for name in ("mpeg", "mp3", "wav", "wave", "x-wav", "aiff", "x-aifc", "x-aiff", "x-gsm", "gsm", "ulaw", "basic")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A 2xx answer. `url`: where it came from at last, without what we added; the body of audio is not read."""

    url: str
    body: bytes = b""
    content_type: str = "text/xml"
    charset: str = ""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def is_chunked(self) -> bool:
        return any(name.lower() == "transfer-encoding" and "chunked" in value.lower() for name, value in self.headers)


def document(reply: Reply, *, loops: int = 1) -> Document:
    """The document that a reply is; a file is played *loops* times (0: without end). Raises `TwimlFault` (12100, 12102, 12300)."""
    try:
        if reply.content_type in XML_TYPES:
            if not reply.body and reply.is_chunked:
                raise TwimlFault(Code.BODY_EMPTY, "the body came in chunks, and there was none")
            return parse(reply.body, reply.charset)
        if reply.content_type in AUDIO_TYPES:
            return Document(verbs=(Play(text=reply.url, loop=loops),))
        if reply.content_type == "text/plain":
            return _text(reply)
    except TwimlFault as fault:
        raise TwimlFault(fault.code, fault.message, url=reply.url) from fault
    what = f"content type {reply.content_type[:100]!r}" if reply.content_type else "no content type"
    raise TwimlFault(Code.CONTENT_TYPE, f"{what} is neither TwiML nor audio", url=reply.url)


def _text(reply: Reply) -> Document:
    """TwiML if it reads as such, else words."""
    try:
        return parse(reply.body, reply.charset)
    except TwimlFault as fault:
        if fault.code != Code.XML_UNPARSABLE or reply.body.lstrip().startswith(b"<"):
            raise
    try:
        words = reply.body.decode(reply.charset or "utf-8", "replace").strip()
    except LookupError as fault:
        raise TwimlFault(Code.XML_UNPARSABLE, f"unknown character set {reply.charset!r}") from fault
    return Document(verbs=(Say(text=words, ssml=plain(words)),) if words else ())
