"""Opus (RFC 6716, RFC 7587), by libopus itself: it decodes to the bus's rate, repairs losses from the next packet, and conceals.

The library is the one that PyAV's wheel carries, else the system's. FFmpeg's own interface offers none of the three.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import weakref
from functools import cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from media.errors import NoSuchCodec
from media.streams import FRAME, RATE_HZ

Floats = NDArray[np.float32]

VOIP = 2048
SET_BITRATE, SET_VBR, SET_COMPLEXITY, SET_FEC, SET_LOSS, SET_DTX, SET_SIGNAL = 4002, 4006, 4010, 4012, 4014, 4016, 4024
VOICE = 3001
COMPLEXITY = 2
"""Of 10: beyond this a voice of 8 kHz gains little, and each leg pays."""
BITS_PER_S = 20_000
LEAST_BITS, MOST_BITS = 6_000, 64_000
EXPECTED_LOSS = 10
"""Per cent; how much is spent on repairs where the peer can use them."""
LONGEST = RATE_HZ * 120 // 1000
"""Samples of the longest packet: 120 ms."""
PACKET = 1275


@cache
def library() -> ctypes.CDLL:
    """libopus. Raises `NoSuchCodec` where there is none."""
    root = Path(av.__file__).parent
    carried = [path for place in (root.parent / "av.libs", root / ".dylibs") for path in place.glob("libopus[-.]*")]
    found = [str(path) for path in carried] or [name for name in (ctypes.util.find_library("opus"),) if name]
    if not found:
        raise NoSuchCodec("OPUS: there is no libopus on this machine")
    opus = ctypes.CDLL(found[0])
    pointer, integer = ctypes.c_void_p, ctypes.c_int
    opus.opus_decoder_create.restype = opus.opus_encoder_create.restype = pointer
    opus.opus_decoder_create.argtypes = [ctypes.c_int32, integer, pointer]
    opus.opus_encoder_create.argtypes = [ctypes.c_int32, integer, integer, pointer]
    opus.opus_decoder_destroy.argtypes = opus.opus_encoder_destroy.argtypes = [pointer]
    opus.opus_decode_float.argtypes = [pointer, ctypes.c_char_p, ctypes.c_int32, pointer, integer, integer]
    opus.opus_encode_float.argtypes = [pointer, pointer, integer, pointer, ctypes.c_int32]
    opus.opus_encode_float.restype = ctypes.c_int32
    opus.opus_encoder_ctl.argtypes = [pointer, integer]
    return opus


def settings(fmtp: str) -> dict[str, int]:
    """The whole numbers of an fmtp line: `useinbandfec=1; maxaveragebitrate=16000`."""
    pairs = (part.strip().partition("=") for part in fmtp.lower().split(";"))
    return {name: int(value) for name, _, value in pairs if value.isascii() and value.isdecimal() and len(value) < 10}


class Opus:
    """One leg's codec, both directions mono at the bus's rate; a stereo packet is mixed by the decoder."""

    def __init__(self, fmtp: str = "") -> None:
        """*fmtp*: what the peer wants to receive (RFC 7587 section 6.1)."""
        self._opus = opus = library()
        self._decoder = opus.opus_decoder_create(RATE_HZ, 1, None)
        self._encoder = opus.opus_encoder_create(RATE_HZ, 1, VOIP, None)
        if not (self._decoder and self._encoder):
            raise NoSuchCodec("OPUS: no memory for it")
        weakref.finalize(self, opus.opus_decoder_destroy, self._decoder)
        weakref.finalize(self, opus.opus_encoder_destroy, self._encoder)
        asked = settings(fmtp)
        bits = min(max(asked.get("maxaveragebitrate", BITS_PER_S), LEAST_BITS), MOST_BITS)
        repairs = asked.get("useinbandfec", 0)
        for name, value in (
            (SET_COMPLEXITY, COMPLEXITY),
            (SET_SIGNAL, VOICE),
            (SET_BITRATE, min(bits, BITS_PER_S)),
            (SET_VBR, 0 if asked.get("cbr") else 1),
            (SET_FEC, 1 if repairs else 0),
            (SET_LOSS, EXPECTED_LOSS if repairs else 0),
            (SET_DTX, 1 if asked.get("usedtx") else 0),
        ):
            opus.opus_encoder_ctl(self._encoder, name, ctypes.c_int(value))
        self._pcm = np.zeros(LONGEST, dtype=np.float32)
        self._packet = ctypes.create_string_buffer(PACKET)

    def decode(self, payload: bytes) -> Floats:
        """A packet's samples; none where it is damaged."""
        return self._decode(payload, LONGEST, repair=False) if payload else self._pcm[:0].copy()

    def conceal(self, count: int) -> Floats | None:
        """So many samples (whole 10 ms) that go on as the voice would have."""
        return self._decode(None, min(count, LONGEST), repair=False)

    def recover(self, payload: bytes, count: int) -> Floats | None:
        """The so many samples before *payload*, which was received: from its repair data, if it has some."""
        return self._decode(payload, min(count, LONGEST), repair=True)

    def encode(self, samples: Floats) -> bytes:
        """One packet of 20 ms."""
        if len(samples) != FRAME:
            raise ValueError(f"a frame is {FRAME} samples")
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        length = self._opus.opus_encode_float(self._encoder, samples.ctypes.data, FRAME, self._packet, PACKET)
        return self._packet.raw[: max(0, length)]

    def _decode(self, payload: bytes | None, count: int, *, repair: bool) -> Floats:
        size = len(payload) if payload else 0
        got = self._opus.opus_decode_float(self._decoder, payload, size, self._pcm.ctypes.data, count, repair)
        return self._pcm[: max(0, got)].copy()
