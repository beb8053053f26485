"""Where speech begins and where it ends, from what a voice detector says of each frame. Pure."""

from __future__ import annotations

from collections import deque
from enum import Enum

WINDOW = 10
ENOUGH = 5
"""Frames with speech among the last WINDOW that make a beginning: a click makes none."""


class Heard(Enum):
    NOTHING = "nothing"
    BEGAN = "began"
    SPEECH = "speech"
    ENDED = "ended"


class Endpoint:
    """One utterance. Times in ms; `frame_ms` is the length of what each `hear` is about."""

    def __init__(self, *, frame_ms: float, end_silence_ms: float, most_ms: float) -> None:
        self._frame_ms = frame_ms
        self._end_silence_ms = end_silence_ms
        self._most_ms = most_ms
        self._recent: deque[bool] = deque(maxlen=WINDOW)
        self._silence_ms = 0.0
        self._spoken_ms = 0.0
        self.has_begun = False

    def hear(self, has_speech: bool) -> Heard:
        self._recent.append(has_speech)
        if not self.has_begun:
            if sum(self._recent) < ENOUGH:
                return Heard.NOTHING
            self.has_begun = True
            return Heard.BEGAN
        self._spoken_ms += self._frame_ms
        # a lone frame is a breath or a click: it does not put off the end
        is_speech = has_speech and sum(self._recent) > 1
        self._silence_ms = 0.0 if is_speech else self._silence_ms + self._frame_ms
        if self._silence_ms >= self._end_silence_ms or self._spoken_ms >= self._most_ms:
            return Heard.ENDED
        return Heard.SPEECH
