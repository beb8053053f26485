"""G.722 at 64 kbit/s: 16 kHz of sound behind an RTP clock of 8 kHz, which RFC 3551 section 4.5.2 keeps for an old mistake's sake."""

from __future__ import annotations

from typing import Literal

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

from media.resample import Steady
from media.streams import FRAME, RATE_HZ

Floats = NDArray[np.float32]

SOUND_HZ = 16_000
EMPTY: Floats = np.zeros(0, dtype=np.float32)


class G722:
    """One leg's codec: both directions adapt to what has gone before, so each leg has its own."""

    def __init__(self) -> None:
        self._decoder = _context("r")
        self._encoder = _context("w")
        self._down = Steady(SOUND_HZ, RATE_HZ)
        self._up = Steady(RATE_HZ, SOUND_HZ)
        self._frame = _frame(2 * FRAME)

    def decode(self, payload: bytes) -> Floats:
        if not payload:
            return EMPTY
        frames = self._decoder.decode(av.Packet(payload))  # no octet is wrong: a damaged packet is only noise
        pcm = np.frombuffer(b"".join(bytes(frame.planes[0])[: 2 * frame.samples] for frame in frames), dtype=np.int16)
        samples = pcm.astype(np.float32)
        samples *= np.float32(1.0 / 32768.0)
        return self._down.push(samples)

    def encode(self, samples: Floats) -> bytes:
        wide = self._up.push(samples) * np.float32(32768.0)
        if len(wide) != self._frame.samples:
            self._frame = _frame(len(wide))
        self._frame.planes[0].update(np.clip(wide, -32768.0, 32767.0).astype(np.int16).tobytes())
        return b"".join(bytes(packet) for packet in self._encoder.encode(self._frame))

    def conceal(self, count: int) -> Floats | None:
        """It knows nothing of what was lost."""
        return None

    def recover(self, payload: bytes, count: int) -> Floats | None:
        return None


def _context(mode: Literal["r", "w"]) -> AudioCodecContext:
    context = av.CodecContext.create("g722", mode)
    context.sample_rate = SOUND_HZ
    context.layout = "mono"
    if mode == "w":
        context.format = "s16"
    context.open()
    return context


def _frame(samples: int) -> av.AudioFrame:
    frame = av.AudioFrame(format="s16", layout="mono", samples=samples)
    frame.sample_rate = SOUND_HZ
    return frame
