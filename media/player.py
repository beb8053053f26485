"""What is being played to each row: tones, clips and feeds, summed by the tick."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from media import commands as asked
from media.clips import Clips
from media.events import Dry, Event, NotPlayed, Playing
from media.speech import EMPTY, Poured
from media.streams import FRAME
from media.tones import render

Floats = NDArray[np.float32]


class Sound(Protocol):
    """Something that gives samples until it has none."""

    error: str
    """Why it can't be played; `""`: it can, or it is not known yet."""

    def read(self, count: int) -> tuple[Floats, bool]:
        """Up to *count* samples (fewer: silence for now), and whether these were the last."""

    def close(self) -> None:
        """It will not be read again."""


class Cadence:
    """A `Tone` being played: cycles of one rendered array."""

    error = ""

    def __init__(self, tone: asked.Tone) -> None:
        self._cycle = render(tone)
        self._at = 0
        self._left = tone.cycles * len(self._cycle) if tone.cycles else -1

    def read(self, count: int) -> tuple[Floats, bool]:
        length = len(self._cycle)
        if not length:
            return EMPTY, True
        if self._left >= 0:
            count = min(count, self._left)
            self._left -= count
        end = self._at + count
        cycle = self._cycle
        samples = cycle[self._at : end] if end <= length else cycle[np.arange(self._at, end) % length]
        self._at = end % length
        return samples, self._left == 0

    def close(self) -> None:
        """Nothing is held."""


class _Playback:
    """One playing: where it goes, how loud, and whether its beginning has been told."""

    __slots__ = ("gain", "number", "row", "sound", "told")

    def __init__(self, number: int, row: int, sound: Sound, gain: float) -> None:
        self.number = number
        self.row = row
        self.sound = sound
        self.gain = np.float32(gain)
        self.told = False


class Player:
    """Owns all playings of one matrix; several may sound on one row. Its clips are decoded elsewhere, by *clips*."""

    def __init__(self, clips: Clips | None = None) -> None:
        self._clips = clips or Clips.shared()
        self._playings: dict[int, _Playback] = {}
        self._dropped: list[Event] = []

    def __len__(self) -> int:
        return len(self._playings)

    def start(self, playing: int, row: int, source: asked.Source, gain: float = 1.0) -> None:
        """Play from the next tick on. A number that is playing already is begun anew."""
        match source:
            case asked.Tone():
                sound: Sound = Cadence(source)
            case asked.Clip(path=path, loops=loops):
                sound = self._clips.open(path, loops)
            case asked.Feed(rate_hz=rate_hz):
                sound = Poured(rate_hz)
        self.stop(playing)
        self._playings[playing] = _Playback(playing, row, sound, gain)

    def pour(self, playing: int, pcm: bytes, last: bool) -> None:
        """More samples for a feed; ignored where the number is none."""
        playback = self._playings.get(playing)
        if playback is not None and isinstance(playback.sound, Poured):
            playback.sound.pour(pcm, last)

    def stop(self, playing: int) -> None:
        playback = self._playings.pop(playing, None)
        if playback is not None:
            playback.sound.close()

    def drop(self, row: int) -> None:
        """The row is given back: what plays there ends, and is told by the next `pull`."""
        for playback in [one for one in self._playings.values() if one.row == row]:
            self.stop(playback.number)
            self._dropped.append(NotPlayed(playing=playback.number, reason="its target is gone"))

    def numbers_at(self, row: int) -> list[int]:
        return [one.number for one in self._playings.values() if one.row == row]

    def pull(self, rows: Floats) -> list[Event]:
        """Add one tick of every playing to its row of *rows*."""
        if not self._playings and not self._dropped:
            return []
        events, self._dropped = self._dropped, []
        over: list[int] = []
        for number, playback in self._playings.items():
            samples, last = playback.sound.read(FRAME)
            count = len(samples)
            if count:
                if not playback.told:
                    playback.told = True
                    events.append(Playing(playing=number))
                row = rows[playback.row]
                part = row if count == FRAME else row[:count]
                part += samples if playback.gain == 1.0 else samples * playback.gain
            if last:
                over.append(number)
        for number in over:
            error = self._playings.pop(number).sound.error
            events.append(NotPlayed(playing=number, reason=error) if error else Dry(playing=number))
        return events
