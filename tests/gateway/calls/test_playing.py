"""Playing: it lasts until the engine says that the last sample was played; whoever leaves earlier stops the sound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest

from gateway.calls.playing import NotPlayable, play, pour
from media.client import EngineClient
from media.commands import Clip, Command, Feed, Play, Pour, Stop
from media.events import Dry, Event, NotPlayed
from media.streams import Slot

SLOT = Slot(row=1, generation=1)


class Engine:
    """Keeps what it is told; the test says what it answers."""

    def __init__(self) -> None:
        self.sent: list[Command] = []
        self.tell: Callable[[Event], None] | None = None

    def number(self) -> int:
        return 7

    def listen(self, key: int, callback: Callable[[Event], None]) -> Callable[[], None]:
        self.tell = callback

        def unlisten() -> None:
            self.tell = None

        return unlisten

    def send(self, command: Command) -> None:
        self.sent.append(command)


@pytest.fixture
def engine() -> Engine:
    return Engine()


def started(engine: Engine) -> asyncio.Task[None]:
    return asyncio.create_task(play(cast("EngineClient", engine), SLOT, Clip(path="a.wav", loops=1)))


async def test_it_lasts_until_the_last_sample_was_played(engine: Engine) -> None:
    playing = started(engine)
    await asyncio.sleep(0)
    assert engine.tell is not None
    engine.tell(Dry(playing=7))
    await playing
    assert [type(command) for command in engine.sent] == [Play]
    assert engine.tell is None


async def test_who_is_cancelled_while_it_plays_stops_the_sound(engine: Engine) -> None:
    playing = started(engine)
    await asyncio.sleep(0)
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing
    assert engine.sent[-1] == Stop(playing=7)


async def test_what_can_not_be_played_says_why(engine: Engine) -> None:
    playing = started(engine)
    await asyncio.sleep(0)
    assert engine.tell is not None
    engine.tell(NotPlayed(playing=7, reason="no audio"))
    engine.tell(Dry(playing=7))
    with pytest.raises(NotPlayable, match="no audio"):
        await playing


async def test_pieces_are_poured_as_they_come_and_a_cut_stops_them(engine: Engine) -> None:
    more = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"ab"
        await more.wait()
        yield b"cd"

    pouring = asyncio.create_task(pour(cast("EngineClient", engine), SLOT, pieces(), rate_hz=22_050))
    await asyncio.sleep(0.01)
    assert engine.sent == [
        Play(playing=7, target=SLOT, source=Feed(rate_hz=22_050), gain=1.0),
        Pour(playing=7, pcm=b"ab"),
    ]
    more.set()
    await asyncio.sleep(0.01)
    assert engine.sent[2:] == [Pour(playing=7, pcm=b"cd"), Pour(playing=7, pcm=b"", last=True)]
    pouring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pouring
    assert engine.sent[-1] == Stop(playing=7)


async def test_no_more_than_a_few_seconds_wait_in_the_engine(engine: Engine) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield bytes(2 * 22_050 * 600)

    pouring = asyncio.create_task(pour(cast("EngineClient", engine), SLOT, pieces(), rate_hz=22_050))
    await asyncio.sleep(0.05)
    poured = sum(len(command.pcm) for command in engine.sent if isinstance(command, Pour))
    assert 9.0 < poured / 2 / 22_050 < 13.0
    pouring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pouring
