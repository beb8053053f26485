"""`<Stream>`: the call's sound over a web socket."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twiml.nouns.parameter import Parameter
from gateway.twiml.verb import Noun, attribute, http_method

TRACKS = ("inbound_track", "outbound_track", "both_tracks")


@dataclass(frozen=True, kw_only=True)
class Stream(Noun, element="Stream", nests=(Parameter,)):
    """`url` is wss without a query; parameters travel as `<Parameter>`."""

    url: str = attribute("")
    name: str = attribute("")
    track: str = attribute("inbound_track", one_of=TRACKS)
    status_callback: str | None = attribute(None)
    status_callback_method: str = http_method()
    connector_name: str = attribute("")
    audio_format: str = attribute("")
    sample_rate: str = attribute("")
