"""What every speech worker's process speaks: texts in on standard input, samples out on standard output as they are made.

A request is one line of JSON (`text`, `voice`, …); the answer is a row of frames, each a 4-byte length and 16-bit mono PCM;
length 0 ends it, 0xffffffff ends it as failed. The first frame of all is the rate in Hz.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

END, FAILED = 0, 0xFFFFFFFF
NICENESS = 5
"""Speech gives way to calls."""


def write(out: BinaryIO, pcm: bytes) -> None:
    """One frame; flushed, so that it is heard while the next is made."""
    out.write(struct.pack("<I", len(pcm)) + pcm)
    out.flush()


def mark(out: BinaryIO, number: int) -> None:
    """A rate, an end or a failure."""
    out.write(struct.pack("<I", number))
    out.flush()


def serve(rate_hz: int, speak: Callable[[Mapping[str, Any], BinaryIO], bool]) -> None:
    """Answer requests until standard input ends. *speak* writes frames and says whether it could."""
    os.nice(NICENESS)
    out = sys.stdout.buffer
    mark(out, rate_hz)
    for line in sys.stdin:
        mark(out, END if speak(json.loads(line), out) else FAILED)
