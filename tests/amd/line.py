"""What a telephone line does to a callee's sound: level, noise, room, GSM, loss, companding."""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
from numpy.typing import NDArray

from media.codecs.g711 import alaw_to_float, float_to_alaw, float_to_ulaw, ulaw_to_float
from tests.amd import packages

Floats = NDArray[np.float32]
Rng = np.random.Generator


@cache
def _gsm() -> ctypes.CDLL | None:
    path = packages.library("libgsm.so.1")
    if path is None:
        return None
    library = ctypes.CDLL(str(path))
    library.gsm_create.restype = ctypes.c_void_p
    library.gsm_destroy.argtypes = [ctypes.c_void_p]
    library.gsm_encode.argtypes = library.gsm_decode.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
    return library


def gsm(sound: Floats) -> Floats:
    """Through GSM 06.10 and back, where there is a libgsm."""
    library = _gsm()
    if library is None:
        return sound
    writes, reads = library.gsm_create(), library.gsm_create()
    pcm = (np.clip(sound, -1, 1) * 32767).astype("<i2")
    made: list[bytes] = []
    for at in range(0, len(pcm) // 160 * 160, 160):
        frame, back = ctypes.create_string_buffer(33), ctypes.create_string_buffer(320)
        library.gsm_encode(writes, pcm[at : at + 160].tobytes(), frame)
        library.gsm_decode(reads, frame.raw, back)
        made.append(back.raw)
    library.gsm_destroy(writes)
    library.gsm_destroy(reads)
    coded = np.frombuffer(b"".join(made), dtype="<i2").astype(np.float32) / 32768
    return np.concatenate((coded, sound[len(coded) :]))


def room(sound: Floats, rng: Rng) -> Floats:
    """A hands-free telephone in a room: a tail of a quarter of a second."""
    length = 2000
    tail = rng.standard_normal(length) * np.exp(-np.arange(length) / 500) * 0.12
    tail[0] = 1.0
    wet = np.fft.irfft(np.fft.rfft(sound, len(sound) + length) * np.fft.rfft(tail, len(sound) + length))
    return wet[: len(sound)].astype(np.float32)


def lossy(sound: Floats, rng: Rng, share: float, conceal: str) -> Floats:
    """Frames of 20 ms lost in bursts; in their place silence, or the frame before."""
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160).copy()
    lost, burst = False, 0.35
    for at in range(1, len(frames)):
        lost = bool(rng.random() < (1 - burst if lost else share * burst))
        if lost:
            frames[at] = frames[at - 1] * 0.8 if conceal == "repeat" else 0.0
    return frames.reshape(-1)


def pcmu(sound: Floats) -> Floats:
    coded: Floats = ulaw_to_float(float_to_ulaw(sound))
    return coded


def pcma(sound: Floats) -> Floats:
    coded: Floats = alaw_to_float(float_to_alaw(sound))
    return coded
