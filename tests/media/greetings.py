"""Calls as they are answered, made by seed: read by eSpeak NG, with pauses, beeps, noise, gains and G.711. No rule was tuned on them."""

from __future__ import annotations

import io
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from media.codecs.g711 import alaw_to_float, float_to_alaw, float_to_ulaw, ulaw_to_float
from tests.media.sounds import sine

Floats = NDArray[np.float32]
RATE_HZ = 8000
PROGRAM = "espeak-ng"

VOICES = ("en-gb", "en-us", "en-gb-scotland", "en-us+f2", "en-gb+m3", "en-us+f4", "en-gb+f3", "en-us+m7")
GREETED = (
    "Hello?",
    "Yes?",
    "Good morning.",
    "Hi, Anna speaking.",
    "Hello, who is this?",
    "Peterson.",
    "Hallo?",
    "Yes, hello there?",
)
RECORDED = (
    "You have reached the voice mailbox of five five five, zero one nine two. Please record your message after the beep.",
    "Hi, this is Daniel. Sorry that I missed your call. Leave your name and number and I will ring you back.",
    "The person you are calling is not available. At the tone, please speak, and hang up when you are done.",
    "Welcome to the Harper family answering machine. Nobody is at home at the moment, so please leave a message.",
    "Your call has been forwarded to an automatic voice message system. The customer can not take your call.",
    "Thank you for calling. Our office is closed until Monday morning. You may leave a message after the signal.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """A labelled call. `beep_end_ms` is 0 where there is no beep."""

    name: str
    expected: str
    """human, machine, or unknown."""

    sound: Floats
    beep_end_ms: int = 0


@cache
def spoken(text: str, voice: str = "en-us", words_per_minute: int = 165, pitch: int = 50) -> Floats:
    """*text* at 8 kHz without the silence around it; loudest at 0.3 (nothing for no text). Raises OSError without eSpeak NG."""
    if not text:
        return np.zeros(0, dtype=np.float32)
    command = [PROGRAM, "--stdout", "-v", voice, "-s", str(words_per_minute), "-p", str(pitch), text]
    made = subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
    with wave.open(io.BytesIO(made)) as file:  # its head says more frames than there are
        rate_hz, octets = file.getframerate(), file.readframes(file.getnframes())
    pcm = np.frombuffer(octets[: len(octets) // 2 * 2], dtype="<i2").astype(np.float32) / 32768
    sound = soxr.resample(pcm, rate_hz, RATE_HZ)
    heard = np.flatnonzero(np.abs(sound) > 0.01)
    sound = sound[heard[0] : heard[-1] + 1]
    trimmed: Floats = (0.3 * sound / np.abs(sound).max()).astype(np.float32)
    return trimmed


def call(said: Floats, *, lead_ms: int, beep_hz: float = 0.0, gap_ms: int = 500, beep_ms: int = 400, ms: int) -> Floats:
    """Silence, what is said, then a beep where there is one, then silence until *ms*."""
    sound = np.zeros(ms * 8, dtype=np.float32)
    at = lead_ms * 8
    sound[at : at + len(said)] = said
    if beep_hz:
        at += len(said) + gap_ms * 8
        sound[at : at + beep_ms * 8] = sine(beep_hz, beep_ms / 1000, 0.2)
    return sound


def write(path: Path, sound: Floats) -> None:
    """As a mono WAV file of 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def calls(seed: int, count: int) -> Iterator[Greeting]:
    """*count* labelled calls: people and machines in turn, and one line in ten on which nobody speaks."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        kind = "unknown" if number % 10 == 9 else "machine" if number % 2 else "human"
        yield _made(f"{seed}-{number:03}", kind, rng)


def _made(name: str, kind: str, rng: np.random.Generator) -> Greeting:
    beep = kind == "machine" and rng.random() < 0.7
    said = _said(kind, rng)
    lead_ms, gap_ms, beep_ms = int(rng.integers(150, 1500)), int(rng.integers(150, 1200)), int(rng.integers(150, 900))
    sound = call(
        said,
        lead_ms=lead_ms,
        gap_ms=gap_ms,
        beep_ms=beep_ms,
        beep_hz=float(rng.uniform(430, 1900)) if beep else 0.0,
        ms=lead_ms + len(said) // 8 + 16_000,
    )
    gain = 10 ** (rng.uniform(-14, 3) / 20)
    noise = 10 ** (rng.uniform(-62, -44) / 20)
    sound = sound * np.float32(gain) + (rng.standard_normal(len(sound)) * noise).astype(np.float32)
    end_ms = lead_ms + len(said) // 8 + gap_ms + beep_ms if beep else 0
    return Greeting(name=f"{name} {kind}", expected=kind, sound=_coded(sound, rng), beep_end_ms=end_ms)


def _said(kind: str, rng: np.random.Generator) -> Floats:
    if kind == "unknown":
        return np.zeros(0, dtype=np.float32)
    voice, pace, pitch = str(rng.choice(VOICES)), int(rng.integers(135, 200)), int(rng.integers(25, 75))
    if kind == "machine":
        return spoken(str(rng.choice(RECORDED)), voice, pace, pitch)
    first = spoken(str(rng.choice(GREETED)), voice, pace, pitch)
    if rng.random() < 0.3:  # says it twice
        pause = np.zeros(int(rng.integers(300, 800)) * 8, dtype=np.float32)
        first = np.concatenate((first, pause, first))
    return first[: 2000 * 8]


def _coded(sound: Floats, rng: np.random.Generator) -> Floats:
    """Through mu-law or A-law and back."""
    coded: Floats = ulaw_to_float(float_to_ulaw(sound)) if rng.random() < 0.5 else alaw_to_float(float_to_alaw(sound))
    return coded
