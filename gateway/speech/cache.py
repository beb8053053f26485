"""Speech that is made once: whoever asks for the same while it is being made hears it as it comes; afterwards it is kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable

CACHE_BYTES = 64_000_000


class SpeechFault(Exception):
    """A piece of speech can't be made."""


class _Making:
    """One piece of speech on its way. Goes on to its end whether anybody listens or not."""

    def __init__(self, source: AsyncIterator[bytes], finished: Callable[[_Making], None]) -> None:
        self.pieces: list[bytes] = []
        self.is_whole = False
        self._fault: Exception | None = None
        self._more = asyncio.Event()
        self._done = False
        self._finished = finished
        self._task = asyncio.get_running_loop().create_task(self._run(source), name="speech")

    async def _run(self, source: AsyncIterator[bytes]) -> None:
        try:
            async for piece in source:
                self.pieces.append(piece)
                self._wake()
            self.is_whole = True
        except (SpeechFault, OSError) as fault:
            self._fault = fault
        finally:
            self._end()

    def _end(self) -> None:
        self._done = True
        self._finished(self)
        self._wake()

    def _wake(self) -> None:
        more, self._more = self._more, asyncio.Event()
        more.set()

    async def heard(self) -> AsyncIterator[bytes]:
        """From its beginning, then as it comes. Raises the fault that ended it."""
        at = 0
        while True:
            while at < len(self.pieces):
                yield self.pieces[at]
                at += 1
            if self._done:
                break
            await self._more.wait()
        if self._fault is not None:
            raise self._fault

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._done:  # cancelled before it began
            self._end()


class SpeechCache:
    """What was made, by key, the least used going first; and what is being made."""

    def __init__(self, most: int = CACHE_BYTES) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._size = 0
        self._making: dict[Hashable, _Making] = {}

    async def get(self, key: Hashable, make: Callable[[], AsyncIterator[bytes]]) -> AsyncIterator[bytes]:
        """The samples of *key*; *make* is asked only where nobody has them or makes them."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            yield kept
            return
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = _Making(make(), lambda done: self._made(key, done))
        async for piece in making.heard():
            yield piece

    def _made(self, key: Hashable, making: _Making) -> None:
        self._making.pop(key, None)
        if not making.is_whole:
            return
        pcm = b"".join(making.pieces)
        self._kept[key] = pcm
        self._size += len(pcm)
        while self._size > self._most:
            _, old = self._kept.popitem(last=False)
            self._size -= len(old)

    async def aclose(self) -> None:
        """Stop what is being made."""
        for making in tuple(self._making.values()):
            await making.aclose()
