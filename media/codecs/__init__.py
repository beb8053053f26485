"""Codecs with a memory, one object a leg; G.711 is a table for all legs at once and lives in `g711`."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from media.codecs.g722 import G722
from media.codecs.l16 import L16
from media.codecs.opus import Opus
from media.errors import NoSuchCodec
from media.streams import StreamParams

Floats = NDArray[np.float32]

MOST_CHANNELS = 2


class Codec(Protocol):
    """Both directions of one leg, at the bus's rate."""

    def decode(self, payload: bytes) -> Floats:
        """A packet's samples, of any whole number of 10 ms."""

    def encode(self, samples: Floats) -> bytes:
        """The packet of one tick; `b""`: nothing is to be sent."""

    def conceal(self, count: int) -> Floats | None:
        """So many samples that never came, where the codec can guess them from its memory."""

    def recover(self, payload: bytes, count: int) -> Floats | None:
        """The so many samples before *payload*, where it carries them."""


def codec_for(params: StreamParams) -> tuple[Codec, int]:
    """A leg's codec and its octets per 10 ms (0: packets tell their length themselves). Raises `NoSuchCodec`."""
    match params.codec:
        case "OPUS":
            return Opus(params.fmtp), 0
        case "G722":
            return G722(), 80
        case "L16" if params.rate_hz % 100 == 0 and 1 <= params.channels <= MOST_CHANNELS:
            return L16(params.rate_hz, params.channels), params.rate_hz // 100 * 2 * params.channels
    raise NoSuchCodec(f"{params.codec}/{params.rate_hz}/{params.channels}")
