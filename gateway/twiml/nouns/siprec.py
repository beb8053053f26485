"""`<Siprec>`: a recording session over SIP."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twiml.nouns.parameter import Parameter
from gateway.twiml.nouns.stream import TRACKS
from gateway.twiml.verb import Noun, attribute, http_method


@dataclass(frozen=True, kw_only=True)
class Siprec(Noun, element="Siprec", nests=(Parameter,)):
    """By the name of a connector."""

    name: str = attribute("")
    connector_name: str = attribute("")
    track: str = attribute("inbound_track", one_of=TRACKS)
    status_callback: str | None = attribute(None)
    status_callback_method: str = http_method()
