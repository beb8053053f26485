"""A made call through the detector alone, in no time; how likely each of its frames is speech is worked out once and kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from media.amd import Detector, Verdict
from media.commands import Detect
from media.streams import FRAME, Slot
from media.voicing import Silero, Voicing, Webrtc, best
from tests.amd import packages
from tests.amd.corpus import MadeCall

Floats = NDArray[np.float32]
SLOT = Slot(row=0, generation=1)
LONGEST_MS = 61_000


def live(kind: str = "") -> Voicing:
    """A voice detector that hears from the first frame on."""
    if kind == "webrtc" or (not kind and best() is Webrtc):
        return Webrtc()
    return Silero()


@dataclass(slots=True)
class Kept:
    """A `Voicing` that answers from what was kept, and works out only what lies behind it."""

    sound: Floats
    known: list[float] = field(default_factory=list)
    at: int = 0
    _real: Voicing | None = None

    def hear(self, frame: Floats) -> float:
        if self.at >= len(self.known):
            self._go_on()
        self.at += 1
        return self.known[self.at - 1]

    def _go_on(self) -> None:
        """A second more."""
        if self._real is None:
            self._real = live("silero")
            for at in range(len(self.known)):
                self._real.hear(frame_of(self.sound, at))
        start = len(self.known)
        self.known += [self._real.hear(frame_of(self.sound, at)) for at in range(start, start + 50)]

    def close(self) -> None:
        if self._real is not None:
            self._real.close()
            self._real = None


def frame_of(sound: Floats, number: int) -> Floats:
    """Its frames, and silence behind them."""
    frame = sound[number * FRAME : (number + 1) * FRAME]
    return frame if len(frame) == FRAME else np.zeros(FRAME, dtype=np.float32)


def _path(call: MadeCall) -> Path:
    return packages.folder() / "likely" / f"{call.key}.npy"


def known(call: MadeCall) -> list[float]:
    """How likely each frame is speech, as far as it was worked out."""
    path = _path(call)
    found: list[float] = np.load(path).tolist() if path.exists() else []
    return found


def judge_live(call: MadeCall, *, message_end: bool = False) -> Verdict:
    """The same with nothing kept."""
    detector = Detector(Detect(slot=SLOT, message_end=message_end), live())
    for number in range(LONGEST_MS // 20):
        if (verdict := detector.hear(frame_of(call.sound, number))) is not None:
            return verdict
    raise AssertionError("every detection ends by its time-out")


def judge(call: MadeCall, *, message_end: bool = False, kind: str = "", asked: Detect | None = None) -> Verdict:
    """The verdict of a detector that hears the call from its answer on, and silence behind it."""
    path = _path(call)
    voicing: Voicing
    kept: Kept | None = None
    if kind == "webrtc":
        voicing = live(kind)
    else:
        voicing = kept = Kept(call.sound, known(call))
    had = len(kept.known) if kept else 0
    detector = Detector(asked or Detect(slot=SLOT, message_end=message_end), voicing)
    verdict: Verdict | None = None
    for number in range(LONGEST_MS // 20):
        if (verdict := detector.hear(frame_of(call.sound, number))) is not None:
            break
    if kept is not None and len(kept.known) > had:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.array(kept.known, dtype=np.float32))
    assert verdict is not None, "every detection ends by its time-out"
    return verdict
