"""From a stream's parameters to the codec with a memory that decodes and encodes it."""

from __future__ import annotations

from media.boxes import Boxes
from media.codecs import codec_for
from media.legs import TABLES
from media.streams import StreamParams


def boxes_for(params: StreamParams) -> Boxes | None:
    """The packets and the codec of one leg; None for the codecs that all legs share as tables. Raises `NoSuchCodec`."""
    if params.codec in TABLES:
        return None
    codec, octets = codec_for(params)
    return Boxes(coder=codec, octets=octets)
