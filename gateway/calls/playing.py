"""Playing something to one leg and waiting for its end: clips, tones and samples that arrive in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable

from media.client import EngineClient
from media.commands import Feed, Play, Pour, Source, Stop
from media.events import Dry, Event, NotPlayed
from media.streams import Slot

AHEAD_S = 10.0
"""No more than that waits in the engine, however quickly it is made."""

PIECE = 65_536
"""Octets that are handed over at once."""


class NotPlayable(Exception):
    """The engine could not play it (a file that is no audio); the reason is the message."""


async def play(engine: EngineClient, target: Slot, source: Source, *, gain: float = 1.0) -> None:
    """Play *source* and return when its last sample has been played. Cancelling stops it. Raises `NotPlayable`."""
    async with _Playing(engine, target, source, gain) as playing:
        await playing.over


async def pour(engine: EngineClient, target: Slot, pieces: AsyncIterable[bytes], *, rate_hz: int) -> None:
    """Play 16-bit mono PCM as it comes; returns when the last piece has been played. Raises what *pieces* raises."""
    clock = asyncio.get_running_loop().time
    began, poured_s = clock(), 0.0
    async with _Playing(engine, target, Feed(rate_hz=rate_hz), 1.0) as playing:
        async for pcm in pieces:
            for at in range(0, len(pcm), PIECE):
                piece = pcm[at : at + PIECE]
                engine.send(Pour(playing=playing.number, pcm=piece))
                poured_s += len(piece) / 2 / rate_hz
                await asyncio.sleep(max(0.0, poured_s - AHEAD_S - (clock() - began)))
        engine.send(Pour(playing=playing.number, pcm=b"", last=True))
        await playing.over


class _Playing:
    """Held while something is played; leaving it early stops the sound at the next tick."""

    def __init__(self, engine: EngineClient, target: Slot, source: Source, gain: float) -> None:
        self._engine = engine
        self._target = target
        self._source = source
        self._gain = gain
        self.number = engine.number()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> _Playing:
        self._unlisten = self._engine.listen(self.number, self._heard)
        self._engine.send(Play(playing=self.number, target=self._target, source=self._source, gain=self._gain))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._unlisten()
        if (
            not self.over.done() or self.over.cancelled()
        ):  # whoever is cancelled while it waits cancels what it waits for
            self.over.cancel()
            self._engine.send(Stop(playing=self.number))

    def _heard(self, event: Event) -> None:
        if self.over.done():
            return
        if isinstance(event, Dry):
            self.over.set_result(None)
        elif isinstance(event, NotPlayed):
            self.over.set_exception(NotPlayable(event.reason))
