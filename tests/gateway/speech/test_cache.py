"""Speech is made once per key, heard as it comes by everybody who asked, and kept within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.speech.cache import SpeechCache, SpeechFault


class Maker:
    """Gives its pieces one by one as the test lets it."""

    def __init__(self, *pieces: bytes, fault: Exception | None = None) -> None:
        self.times = 0
        self.gate = asyncio.Semaphore(0)
        self._pieces = pieces
        self._fault = fault

    async def __call__(self) -> AsyncIterator[bytes]:
        self.times += 1
        for piece in self._pieces:
            await self.gate.acquire()
            yield piece
        if self._fault is not None:
            raise self._fault

    def let(self, count: int) -> None:
        for _ in range(count):
            self.gate.release()


async def heard(cache: SpeechCache, key: str, maker: Maker) -> list[bytes]:
    return [piece async for piece in cache.get(key, maker)]


async def test_two_who_ask_at_once_hear_one_making() -> None:
    cache, maker = SpeechCache(), Maker(b"a", b"b")
    first = asyncio.create_task(heard(cache, "k", maker))
    second = asyncio.create_task(heard(cache, "k", maker))
    maker.let(2)
    assert await first == [b"a", b"b"]
    assert await second == [b"a", b"b"]
    assert await heard(cache, "k", maker) == [b"ab"]
    assert maker.times == 1


async def test_the_first_piece_is_heard_before_the_last_is_made() -> None:
    cache, maker = SpeechCache(), Maker(b"a", b"b")
    listening = cache.get("k", maker)
    maker.let(1)
    assert await anext(listening) == b"a"
    maker.let(1)
    assert [piece async for piece in listening] == [b"b"]


async def test_a_listener_who_leaves_takes_nothing_from_the_others() -> None:
    cache, maker = SpeechCache(), Maker(b"a", b"b")
    leaving = asyncio.create_task(heard(cache, "k", maker))
    staying = asyncio.create_task(heard(cache, "k", maker))
    maker.let(1)
    await asyncio.sleep(0)
    leaving.cancel()
    maker.let(1)
    assert await staying == [b"a", b"b"]
    assert maker.times == 1


async def test_a_fault_reaches_every_listener_and_is_not_kept() -> None:
    cache, maker = SpeechCache(), Maker(b"a", fault=SpeechFault("no"))
    maker.let(2)
    with pytest.raises(SpeechFault):
        await heard(cache, "k", maker)
    with pytest.raises(SpeechFault):
        await heard(cache, "k", maker)
    assert maker.times == 2


async def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = SpeechCache(most=25)
    makers = {key: Maker(key.encode() * 10) for key in "abc"}
    for maker in makers.values():
        maker.let(9)
    await heard(cache, "a", makers["a"])
    await heard(cache, "b", makers["b"])
    await heard(cache, "a", makers["a"])
    await heard(cache, "c", makers["c"])
    await heard(cache, "a", makers["a"])
    await heard(cache, "b", makers["b"])
    assert {key: maker.times for key, maker in makers.items()} == {"a": 1, "b": 2, "c": 1}


async def test_closing_stops_what_is_being_made() -> None:
    cache, maker = SpeechCache(), Maker(b"a")
    listening = asyncio.create_task(heard(cache, "k", maker))
    await asyncio.sleep(0)
    await cache.aclose()
    assert await listening == []
