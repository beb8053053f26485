"""Asterisk's app_amd by its published algorithm, to compare with: frames are silent or not, words are counted, times decide.

After https://docs.asterisk.org (AMD, amd.conf) and its description of each parameter; own code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.amd.offline import frame_of

Floats = NDArray[np.float32]
FRAME_MS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Times in ms; the defaults are those of amd.conf."""

    initial_silence: int = 2500
    greeting: int = 1500
    after_greeting_silence: int = 800
    total_analysis_time: int = 5000
    minimum_word_length: int = 100
    between_words_silence: int = 50
    maximum_number_of_words: int = 2
    silence_threshold: int = 256
    """Mean magnitude of a frame's 16-bit samples."""
    maximum_word_length: int = 5000


ASTERISK = Settings()
VICIDIAL = Settings(
    initial_silence=2000,
    greeting=2000,
    after_greeting_silence=1000,
    minimum_word_length=120,
    maximum_number_of_words=4,
)


def judge(sound: Floats, of: Settings = ASTERISK) -> tuple[str, int]:
    """human, machine or unknown (its NOTSURE), and after how many ms."""
    total = silence = voice = words = 0
    in_word, in_silence, in_greeting = False, True, False
    for number in range(of.total_analysis_time // FRAME_MS + 1):
        total += FRAME_MS
        if total >= of.total_analysis_time:
            return "unknown", total
        frame = frame_of(sound, number)
        if float(np.abs(frame).mean()) * 32768 < of.silence_threshold:
            silence += FRAME_MS
            if silence >= of.between_words_silence:
                if in_word:
                    in_word, in_silence = False, True
                if in_silence:
                    voice = 0
            if not in_greeting and silence >= of.initial_silence:
                return "machine", total
            if in_greeting and silence >= of.after_greeting_silence:
                return "human", total
            continue
        voice += FRAME_MS
        if voice >= of.minimum_word_length and not in_word:
            words += 1
            in_word, in_silence = True, False
            if words >= of.maximum_number_of_words:
                return "machine", total
        if voice >= of.minimum_word_length:
            silence, in_greeting = 0, True
        if voice >= of.maximum_word_length or (in_greeting and voice > of.greeting):
            return "machine", total
    return "unknown", total
