"""What a demo telephone sings and hears: a tone out, a recording in, and the judgement which tones are on it."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from media.client import EngineClient
from media.commands import Play, Record, Stop, StopTape, Tap, Tone
from media.events import Event, TapeEnded
from media.streams import Slot

LEVEL_DBM0 = -15.0


@contextmanager
def singing(engine: EngineClient, slot: Slot, hz: float) -> Iterator[None]:
    """Sing a warbling tone of *hz* to the other side for the length of a block."""
    number = engine.number()
    song = Tone(segments=(((hz,), 600, 200), ((hz,), 300, 200)), level_dbm0=LEVEL_DBM0)
    engine.send(Play(playing=number, target=slot, source=song))
    try:
        yield
    finally:
        engine.send(Stop(playing=number))


class Ear:
    """Keeps what a telephone hears in a WAV file."""

    def __init__(self, engine: EngineClient, slot: Slot, path: Path) -> None:
        self._engine, self._slot, self._path = engine, slot, path
        self._number = engine.number()
        self._ended: asyncio.Future[TapeEnded] = asyncio.get_running_loop().create_future()
        self._unlisten = engine.listen(self._number, self._told)

    def start(self) -> None:
        self._engine.send(Record(tape=self._number, path=str(self._path), taps=(Tap(slot=self._slot),)))

    async def heard(self) -> Path:
        """End the recording; its file."""
        self._engine.send(StopTape(tape=self._number))
        async with asyncio.timeout(5.0):
            await self._ended
        self._unlisten()
        return self._path

    def _told(self, event: Event) -> None:
        if isinstance(event, TapeEnded) and not self._ended.done():
            self._ended.set_result(event)


def read_wav(path: Path) -> tuple[int, NDArray[np.float32]]:
    """(rate in Hz, samples by channels within ±1) of a 16-bit WAV file."""
    with wave.open(str(path), "rb") as file:
        data = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        samples = data.reshape(-1, file.getnchannels()).astype(np.float32) / 32768.0
        return file.getframerate(), samples


def tones(rate_hz: int, samples: NDArray[np.float32], candidates: tuple[float, ...]) -> set[float]:
    """Which of *candidates* (Hz) are there: each at least a twentieth of the whole power."""
    if not len(samples) or float(np.sqrt(np.mean(samples**2))) < 0.001:
        return set()
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    total = float(spectrum.sum())
    return {tone for tone in candidates if float(spectrum[np.abs(hz - tone) < 12].sum()) > total / 20}
