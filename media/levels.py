"""How loud samples are, and the same as decibels; full scale is 1.0 everywhere on the bus."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

OVERLOAD_DBM0 = 3.14
"""Level of a sine that just reaches full scale (ITU-T G.711: 3.14 for A-law, 3.17 for mu-law)."""


def amplitude_of(level_dbm0: float) -> float:
    """Peak of a sine of that level."""
    return float(10.0 ** ((level_dbm0 - OVERLOAD_DBM0) / 20.0))


def gain_of(level_db: float) -> float:
    return float(10.0 ** (level_db / 20.0))


def decibels(power: float) -> float:
    """Mean square as dBov: a full-scale square wave is 0, a full-scale sine -3.01; silence is -127 (RFC 6464's floor)."""
    return max(-127.0, 10.0 * math.log10(power)) if power > 0.0 else -127.0


def power(rows: Floats) -> Floats:
    """Mean square of each row."""
    squares: Floats = np.einsum("ij,ij->i", rows, rows)
    return squares / np.float32(rows.shape[1])


def peak(rows: Floats) -> Floats:
    """Greatest magnitude of each row."""
    highest: Floats = np.maximum(rows.max(axis=1), -rows.min(axis=1))
    return highest


def to_pcm(samples: Floats) -> NDArray[np.int16]:
    """Samples clipped, once, to 16 bits."""
    wide = samples * np.float32(32768.0)
    np.clip(wide, -32768.0, 32767.0, out=wide)
    pcm: NDArray[np.int16] = np.rint(wide, out=wide).astype("<i2")
    return pcm


def from_pcm(pcm: bytes) -> Floats:
    """16-bit little-endian octets as samples; an odd octet at the end is left out."""
    whole = np.frombuffer(pcm, dtype="<i2", count=len(pcm) // 2)
    return whole.astype(np.float32) * np.float32(1.0 / 32768.0)
