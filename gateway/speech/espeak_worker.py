"""The process that holds espeak-ng, which is GPL-3.0 and not re-entrant: nothing else of the gateway ever loads it."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any, BinaryIO

import espeakng_loader

from gateway.speech.worker import serve, write

SYNCHRONOUS = 2
CHARS_UTF8 = 1
SSML = 0x10
RATE_PARAMETER = 1
BUFFER_MS = 60

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """Owns the library. `speak` writes samples while it makes them."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        path = str(espeakng_loader.get_data_path()).encode()
        self.rate_hz = int(self._library.espeak_Initialize(SYNCHRONOUS, BUFFER_MS, path, 0))
        if self.rate_hz <= 0:
            raise RuntimeError("espeak-ng did not start")
        self._out: BinaryIO | None = None
        self._callback = _Callback(self._samples)
        self._library.espeak_SetSynthCallback(self._callback)

    def _samples(self, wav: ctypes._Pointer[ctypes.c_short], count: int, _events: object) -> int:
        if count > 0 and self._out is not None:
            write(self._out, ctypes.string_at(wav, 2 * count))
        return 0

    def speak(self, asked: Mapping[str, Any], out: BinaryIO) -> bool:
        """False: there is no such voice, or the text could not be spoken."""
        if self._library.espeak_SetVoiceByName(asked["voice"].encode()) != 0:
            return False
        self._library.espeak_SetParameter(RATE_PARAMETER, int(asked["rate"]), 0)
        self._out = out
        octets = f"<speak>{asked['text']}</speak>".encode() + b"\0"
        fault = self._library.espeak_Synth(octets, len(octets), 0, 1, 0, CHARS_UTF8 | SSML, None, None)
        return bool(fault == 0)


if __name__ == "__main__":
    espeak = Espeak()
    serve(espeak.rate_hz, espeak.speak)
