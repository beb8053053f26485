"""The process that holds Piper voices, each a model file that is loaded when it is first asked for.

Piper (`pip install piper-tts`) is no dependency of the gateway: whoever has a model installs it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import soxr

from gateway.speech.worker import serve, write

RATE_HZ = 22_050
MAX_VOICES = 4


class Piper:
    """Owns loaded voices; the one not used for longest goes first."""

    def __init__(self) -> None:
        self._voices: dict[str, Any] = {}

    def speak(self, asked: Mapping[str, Any], out: BinaryIO) -> bool:
        try:
            voice = self._voice(asked["voice"])
            for chunk in voice.synthesize(asked["text"]):
                write(out, _resampled(chunk.audio_int16_bytes, chunk.sample_rate))
        except (ImportError, OSError, ValueError, RuntimeError) as fault:
            sys.stderr.write(f"piper: {fault}\n")
            return False
        return True

    def _voice(self, path: str) -> Any:  # noqa: ANN401 - Piper is loaded when it is asked for
        voice = self._voices.pop(path, None)
        if voice is None:
            voice = importlib.import_module("piper").PiperVoice.load(path)
            if len(self._voices) >= MAX_VOICES:
                self._voices.pop(next(iter(self._voices)))
        self._voices[path] = voice
        return voice


def _resampled(pcm: bytes, rate_hz: int) -> bytes:
    if rate_hz == RATE_HZ:
        return pcm
    samples = np.frombuffer(pcm, np.int16)
    made: bytes = soxr.resample(samples, rate_hz, RATE_HZ).astype(np.int16).tobytes()
    return made


if __name__ == "__main__":
    serve(RATE_HZ, Piper().speak)
