"""G.711: both laws as tables, for any number of legs at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


def _ulaw_values() -> NDArray[np.int32]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude)


def _alaw_values() -> NDArray[np.int32]:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment, step = (code >> 4) & 7, (code & 0x0F) << 4
    magnitude = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude)


def _encoder(values: NDArray[np.int32]) -> Bytes:
    """For each 16-bit sample, indexed as unsigned, the code whose value is nearest."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    samples = np.arange(65_536, dtype=np.uint16).astype(np.int16).astype(np.int32)
    above = np.clip(np.searchsorted(ordered, samples), 1, len(ordered) - 1)
    nearer = (samples - ordered[above - 1]) < (ordered[above] - samples)
    return order[np.where(nearer, above - 1, above)].astype(np.uint8)


_ULAW, _ALAW = _ulaw_values(), _alaw_values()
ULAW_TO_FLOAT = (_ULAW / 32768.0).astype(np.float32)
ALAW_TO_FLOAT = (_ALAW / 32768.0).astype(np.float32)
_TO_ULAW, _TO_ALAW = _encoder(_ULAW), _encoder(_ALAW)
_TO_ULAW[0] = 0xFF  # mu-law has two zeros; lines idle with this one
_TO_ULAW[0] = 0xFF  # zero has two codes: silence is all ones


# `mode="clip"` halves the time of a gather: no index of these types can be out of range, and "raise" looks at each.
def ulaw_to_float(codes: Bytes) -> Floats:
    return ULAW_TO_FLOAT.take(codes, mode="clip")


def alaw_to_float(codes: Bytes) -> Floats:
    return ALAW_TO_FLOAT.take(codes, mode="clip")


def _index(samples: Floats) -> NDArray[np.uint16]:
    """Samples clipped, once, to 16 bits."""
    wide = samples * np.float32(32768.0)
    np.clip(wide, -32768.0, 32767.0, out=wide)
    return wide.astype(np.int16).view(np.uint16)


def float_to_ulaw(samples: Floats) -> Bytes:
    return _TO_ULAW.take(_index(samples), mode="clip")


def float_to_alaw(samples: Floats) -> Bytes:
    return _TO_ALAW.take(_index(samples), mode="clip")
