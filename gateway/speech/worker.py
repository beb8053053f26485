"""The process that holds espeak-ng (GPL-3.0, not re-entrant): texts in on standard input, samples out on standard output as they are made.

A request is one line of JSON (`text`, `voice`, `rate`); the answer is a row of frames, each a 4-byte length and 16-bit mono PCM;
length 0 ends it, 0xffffffff ends it as failed.
"""

from __future__ import annotations

import ctypes
import json
import struct
import sys
from typing import BinaryIO

import espeakng_loader

SYNCHRONOUS = 2
CHARS_UTF8 = 1
SSML = 0x10
RATE_PARAMETER = 1
END, FAILED = 0, 0xFFFFFFFF
BUFFER_MS = 60

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """Owns the library. `speak` gives pieces of samples to `write` while it makes them."""

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
            data = ctypes.string_at(wav, 2 * count)
            self._out.write(struct.pack("<I", len(data)) + data)
            self._out.flush()
        return 0

    def speak(self, text: str, voice: str, rate_words: int, out: BinaryIO) -> bool:
        """False: there is no such voice, or the text could not be spoken."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            return False
        self._library.espeak_SetParameter(RATE_PARAMETER, rate_words, 0)
        self._out = out
        octets = text.encode() + b"\0"
        fault = self._library.espeak_Synth(octets, len(octets), 0, 1, 0, CHARS_UTF8 | SSML, None, None)
        return bool(fault == 0)


def main() -> None:
    espeak = Espeak()
    out = sys.stdout.buffer
    out.write(struct.pack("<I", espeak.rate_hz))
    out.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        fine = espeak.speak(asked["text"], asked["voice"], asked["rate"], out)
        out.write(struct.pack("<I", END if fine else FAILED))
        out.flush()


if __name__ == "__main__":
    main()
