"""`<Transcription>`: what is said, as text while it is said."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twiml.nouns.parameter import Parameter
from gateway.twiml.nouns.stream import TRACKS
from gateway.twiml.verb import Noun, attribute, flag, http_method


@dataclass(frozen=True, kw_only=True)
class Config(Noun, element="Config"):
    """A setting of the engine."""

    name: str = attribute("")
    value: str = attribute("")


@dataclass(frozen=True, kw_only=True)
class Transcription(Noun, element="Transcription", nests=(Config, Parameter)):
    """Mind the `Url` at the end of `statusCallbackUrl`."""

    name: str = attribute("")
    track: str = attribute("both_tracks", one_of=TRACKS)
    status_callback_url: str | None = attribute(None)
    status_callback_method: str = http_method()
    language_code: str = attribute("en-US")
    inbound_track_label: str = attribute("")
    outbound_track_label: str = attribute("")
    partial_results: bool = flag(False)
    transcription_engine: str = attribute("google")
    speech_model: str = attribute("")
    profanity_filter: bool = flag(True)
    hints: str = attribute("")
    enable_automatic_punctuation: bool = flag(True)
    intelligence_service: str = attribute("")
