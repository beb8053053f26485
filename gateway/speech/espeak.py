"""Speech out by espeak-ng: one worker process, each text made once per voice and kept."""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import structlog

from gateway.speech.voices import voice_for
from gateway.speech.worker import END, FAILED
from gateway.twiml.control import DocumentFault, Utterance

log = structlog.get_logger(__name__)

CACHE_BYTES = 64_000_000
WORDS_A_MINUTE = 165


class EspeakSpeaker:
    """Owns the worker, started when first asked and again when it has died, and a cache of what was said."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._cache: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._cached = 0
        self.rate_hz = 22_050

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def speak(self, utterance: Utterance) -> AsyncIterator[bytes]:
        """Pieces of 16-bit mono PCM as they are made. Raises `DocumentFault` (13520) where nothing can be said."""
        voice = voice_for(utterance.voice, utterance.language)
        key = (voice, utterance.ssml)
        kept = self._cache.get(key)
        if kept is not None:
            self._cache.move_to_end(key)
            yield kept
            return
        pieces: list[bytes] = []
        async with self._turn:
            async for piece in self._make(utterance.ssml, voice):
                pieces.append(piece)
                yield piece
        self._keep(key, b"".join(pieces))

    async def _make(self, text: str, voice: str) -> AsyncIterator[bytes]:
        """One request to the worker. A listener who leaves half-way costs a restart: the rest would be the next one's."""
        process = self._process
        if process is None or process.returncode is not None:
            process = await self._start()
        if process.stdin is None or process.stdout is None:
            raise DocumentFault(13520, "no speech: the worker has no pipes")
        whole = False
        try:
            request = json.dumps({"text": text, "voice": voice, "rate": WORDS_A_MINUTE})
            process.stdin.write(request.encode() + b"\n")
            await process.stdin.drain()
            while (length := _length(await process.stdout.readexactly(4))) not in (END, FAILED):
                yield await process.stdout.readexactly(length)
            whole = True
            if length == FAILED:
                raise DocumentFault(13512, f"no voice {voice!r}")
        except (asyncio.IncompleteReadError, BrokenPipeError, ConnectionResetError) as fault:
            raise DocumentFault(13520, "no speech: the worker has ended") from fault
        finally:
            if not whole:
                process.kill()
                self._process = None

    async def _start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.speech.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        if process.stdout is None:
            raise OSError("the speech worker has no output")
        try:
            async with asyncio.timeout(10.0):
                self.rate_hz = _length(await process.stdout.readexactly(4))
        except (TimeoutError, asyncio.IncompleteReadError) as fault:
            process.kill()
            await process.wait()
            raise OSError("espeak-ng did not start") from fault
        self._process = process
        return process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    def _keep(self, key: tuple[str, str], pcm: bytes) -> None:
        self._cache[key] = pcm
        self._cached += len(pcm)
        while self._cached > CACHE_BYTES:
            _, old = self._cache.popitem(last=False)
            self._cached -= len(old)


def _length(octets: bytes) -> int:
    found: tuple[int] = struct.unpack("<I", octets)
    return found[0]
