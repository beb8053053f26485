"""The process that holds pocketsphinx: one utterance at a time, samples in on standard input, events out on standard output.

In: a line of JSON (`rate`, `hints`, `end_silence_ms`, `most_ms`, `partials`), then frames, each a 4-byte length and 16-bit mono
PCM; length 0: no more. Out: lines of JSON with `event`: ready, began, partial, final.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import pocketsphinx
import soxr

from gateway.speech.endpoint import Endpoint, Heard
from gateway.speech.grammar import grammar

MODEL_HZ = 16_000
BEFORE_MS = 400
"""Kept from before the beginning: the first sound of a word is softer than the detector hears."""

PAD_S = 0.3
DITHER = 50.0
"""Digital silence is unknown to the model; a line's hiss is not."""

PARTIAL_EVERY_MS = 300
PARTIAL_SHARE = 4
"""A partial result may cost a quarter of the time until the next: all that was said is read anew for each."""

NICENESS = 5


class Sphinx:
    """Owns the decoder: its language model is read once, a grammar for each utterance with hints."""

    def __init__(self) -> None:
        self._decoder = pocketsphinx.Decoder(samprate=float(MODEL_HZ), loglevel="FATAL")
        self._model = self._decoder.current_search()
        self._noise = np.random.default_rng(0)

    def recognise(self, pcm: bytes, rate_hz: int, hints: list[str]) -> tuple[str, float]:
        """The whole utterance at once: the mean of all its frames is known then, and that is half of being right."""
        sound = self._sound(pcm, rate_hz)
        jsgf, phrases = grammar(hints, lambda word: self._decoder.lookup_word(word) is not None)
        if jsgf:
            self._decoder.add_jsgf_string("hints", jsgf)
            self._decoder.activate_search("hints")
            text, confidence = self._decode(sound)
            self._decoder.activate_search(self._model)
            self._decoder.remove_search("hints")
            if text:
                return phrases.get(text, text), confidence
        return self._decode(sound)

    def _sound(self, pcm: bytes, rate_hz: int) -> bytes:
        samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float32)
        if rate_hz != MODEL_HZ:
            samples = soxr.resample(samples, rate_hz, MODEL_HZ)
        samples = np.pad(samples, int(PAD_S * MODEL_HZ))
        samples += self._noise.normal(0.0, DITHER, len(samples)).astype(np.float32)
        made: bytes = np.clip(samples, -32_768, 32_767).astype("<i2").tobytes()
        return made

    def _decode(self, sound: bytes) -> tuple[str, float]:
        self._decoder.start_utt()
        self._decoder.process_raw(sound, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        if found is None or not found.hypstr.strip():
            return "", 0.0
        return found.hypstr.strip(), min(max(float(found.best_score), 0.0), 1.0)


def say(event: str, **more: Any) -> None:  # noqa: ANN401
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


def frames() -> Iterator[bytes]:
    """What is fed, until it ends. Raises `EOFError` where the gateway is gone."""
    while True:
        head = sys.stdin.buffer.read(4)
        if len(head) < 4:
            raise EOFError
        (length,) = struct.unpack("<I", head)
        if not length:
            return
        yield sys.stdin.buffer.read(length)


def listen(sphinx: Sphinx, asked: dict[str, Any]) -> None:
    """One utterance from its beginning to its result; whatever is fed after that is passed over."""
    rate_hz, hints = int(asked["rate"]), list(asked["hints"])
    detector = pocketsphinx.Vad(pocketsphinx.Vad.MEDIUM_STRICT, rate_hz)
    endpoint = Endpoint(
        frame_ms=detector.frame_length * 1000, end_silence_ms=asked["end_silence_ms"], most_ms=asked["most_ms"]
    )
    before: deque[bytes] = deque(maxlen=int(BEFORE_MS / 1000 / detector.frame_length))
    spoken, unread, partial, wait_ms = b"", b"", "", float(PARTIAL_EVERY_MS)
    is_over = False
    for fed in frames():
        if is_over:
            continue
        unread += fed
        while len(unread) >= detector.frame_bytes and not is_over:
            frame, unread = unread[: detector.frame_bytes], unread[detector.frame_bytes :]
            heard = endpoint.hear(bool(detector.is_speech(frame)))
            if heard is Heard.NOTHING:
                before.append(frame)
                continue
            if heard is Heard.BEGAN:
                say("began")
                spoken = b"".join(before)
            spoken += frame
            wait_ms -= detector.frame_length * 1000
            is_over = heard is Heard.ENDED
            if asked["partials"] and wait_ms <= 0 and not is_over:
                began_at = time.monotonic()
                text, _ = sphinx.recognise(spoken, rate_hz, hints)
                wait_ms = max(PARTIAL_EVERY_MS, PARTIAL_SHARE * 1000 * (time.monotonic() - began_at))
                if text and text != partial:
                    partial = text
                    say("partial", text=text)
        if is_over:
            final(sphinx, spoken, rate_hz, hints)
    if not is_over:
        final(sphinx, spoken, rate_hz, hints)


def final(sphinx: Sphinx, spoken: bytes, rate_hz: int, hints: list[str]) -> None:
    text, confidence = sphinx.recognise(spoken, rate_hz, hints) if spoken else ("", 0.0)
    say("final", text=text, confidence=confidence)


def main() -> None:
    os.nice(NICENESS)
    sphinx = Sphinx()
    try:
        while True:
            say("ready")
            line = sys.stdin.buffer.readline()
            if not line:
                return
            listen(sphinx, json.loads(line))
    except (EOFError, BrokenPipeError):  # the gateway is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still to be flushed goes nowhere


if __name__ == "__main__":
    main()
