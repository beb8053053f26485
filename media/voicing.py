"""How likely a leg's sound is speech, frame by frame: by Silero's network where its model is installed, else by webrtcvad.

Only the former tells voices from the telephone's own tones and from music by itself; see the README's table for both, measured.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from typing import ClassVar, Protocol

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from media import silero
from media.errors import NoSuchModel
from media.levels import gain_of, to_pcm
from media.silero import WINDOW, Memory
from media.sines import analyse
from media.streams import FRAME, RATE_HZ

log = logging.getLogger("media.voicing")
Floats = NDArray[np.float32]


class Voicing(Protocol):
    """Owns what it remembers of one leg."""

    def hear(self, frame: Floats) -> float:
        """How likely the latest 20 ms are speech, 0 to 1."""

    def close(self) -> None:
        """It will not be asked again."""


class Silero:
    """A small recurrent network over windows of 32 ms. Owns its row of the memory that all legs share."""

    _shared: ClassVar[Memory | None] = None

    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = memory or self.shared()
        self._row: int | None = self.memory.lend()
        self._waiting = np.zeros(WINDOW + FRAME, dtype=np.float32)
        self._filled = 0
        self._latest = 0.0

    @classmethod
    def shared(cls) -> Memory:
        """The process's own; the first one reads the model (20 ms)."""
        if cls._shared is None:
            cls._shared = Memory(silero.network())
        return cls._shared

    def hear(self, frame: Floats) -> float:
        return together((self,), (frame,))[0]

    def close(self) -> None:
        if self._row is not None:
            self.memory.give_back(self._row)
            self._row = None

    def take(self, frame: Floats) -> int | None:
        """Keep 20 ms; answers the row of the memory if a window is full."""
        self._waiting[self._filled : self._filled + FRAME] = frame
        self._filled += FRAME
        return self._row if self._filled >= WINDOW else None

    @property
    def window(self) -> Floats:
        return self._waiting[:WINDOW]

    def told(self, likely: float) -> None:
        """What the full window is; what lies behind it begins the next."""
        self._latest = likely
        self._filled -= WINDOW
        self._waiting[: self._filled] = self._waiting[WINDOW : WINDOW + self._filled]

    @property
    def latest(self) -> float:
        return self._latest


class Webrtc:
    """A mixture model of energies, about 5 µs a frame: what it takes for speech must be loud enough and no pure tone."""

    FAINT = gain_of(-45.0) ** 2
    STRICTNESS = 3
    SMOOTHING = 0.5

    def __init__(self) -> None:
        self._model = webrtcvad.Vad(self.STRICTNESS)
        self._span = np.zeros(2 * FRAME, dtype=np.float32)
        self._likely = 0.0

    def hear(self, frame: Floats) -> float:
        self._span[:FRAME] = self._span[FRAME:]
        self._span[FRAME:] = frame
        loud = float(np.dot(frame, frame)) > self.FAINT * FRAME
        speech = loud and self._model.is_speech(to_pcm(frame).tobytes(), RATE_HZ) and not analyse(self._span).tonal
        self._likely += self.SMOOTHING * (speech - self._likely)
        return self._likely

    def close(self) -> None:
        """Nothing is held."""


@cache
def best() -> type[Silero] | type[Webrtc]:
    """The better of those that are installed, and whole."""
    if not silero.is_there():
        return Webrtc
    try:
        silero.network()
    except NoSuchModel:
        log.warning("answers are judged by webrtcvad, which hears worse", exc_info=True)
        return Webrtc
    return Silero


def together(voicings: Sequence[Voicing], frames: Sequence[Floats]) -> list[float]:
    """Each one's 20 ms at once: all that ask the network are one question."""
    asking: list[Silero] = []
    rows: list[int] = []
    for one, frame in zip(voicings, frames, strict=True):
        if isinstance(one, Silero) and (row := one.take(frame)) is not None:
            asking.append(one)
            rows.append(row)
    if asking:
        windows = np.array([one.window for one in asking])
        for one, likely in zip(asking, asking[0].memory.hear(rows, windows), strict=True):
            one.told(likely)
    return [
        one.latest if isinstance(one, Silero) else one.hear(frame) for one, frame in zip(voicings, frames, strict=True)
    ]


def warm() -> None:
    """Read beforehand what the first detection will need."""
    if best() is Silero:
        Silero.shared()


def voicing(name: str = "") -> Voicing:
    """`silero`, `webrtc`, or the better of those installed. Raises ValueError for another name."""
    kinds: dict[str, type[Silero] | type[Webrtc]] = {"silero": Silero, "webrtc": Webrtc, "": best()}
    if name not in kinds:
        raise ValueError(f"{name}: no such voice detector")
    return kinds[name]()
