"""Speech in by pocketsphinx (the extra `speech`): a few worker processes, each listening to one caller at a time."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import structlog

from gateway.speech import Hearing, Recognised
from gateway.twilio_codes import Code
from gateway.twiml.control import DocumentFault

log = structlog.get_logger(__name__)

START_S = 30.0
IDLE_WORKERS = 2
"""So many are kept for the next callers; each holds the model once."""

MOST_WORKERS = 16
"""Callers who are listened to at once; each worker takes 130 MB."""

LANGUAGES = ("en",)


class SphinxListener:
    """Owns the workers. A caller beyond the idle ones gets a worker of its own, which takes half a second to start."""

    def __init__(self) -> None:
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._serving = 0

    @property
    def is_installed(self) -> bool:
        return importlib.util.find_spec("pocketsphinx") is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in (*self._idle, *self._busy):
            await worker.stop()

    @asynccontextmanager
    async def listening(
        self, hearing: Hearing, on_partial: Callable[[str], None] | None = None
    ) -> AsyncIterator[SphinxRecognition]:
        """Raises `DocumentFault`: 13340 without pocketsphinx, or where it does not start or is busy; 13331 for a strange language."""
        if not self.is_installed:
            raise DocumentFault(Code.GATHER_SPEECH_UNAVAILABLE, "speech is not recognised: install crosspoint[speech]")
        if not hearing.language.lower().startswith(LANGUAGES):
            raise DocumentFault(Code.GATHER_LANGUAGE, f"speech in {hearing.language!r} is not recognised")
        if self._serving >= MOST_WORKERS:
            raise DocumentFault(Code.GATHER_SPEECH_UNAVAILABLE, f"{MOST_WORKERS} callers are listened to already")
        self._serving += 1
        try:
            async with self._working() as worker:
                recognition = SphinxRecognition(worker, hearing, on_partial)
                try:
                    yield recognition
                finally:
                    worker.is_fit = await recognition.close()
        finally:
            self._serving -= 1

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[_Worker]:
        """A worker for a while; one that is fit afterwards is kept for the next."""
        worker = self._idle.pop() if self._idle else await _Worker.start()
        worker.is_fit = False
        self._busy.add(worker)
        try:
            yield worker
        finally:
            self._busy.discard(worker)
            if worker.is_fit and len(self._idle) < IDLE_WORKERS:
                self._idle.append(worker)
            else:
                await worker.stop()


class SphinxRecognition:
    """One listening, by one worker."""

    def __init__(self, worker: _Worker, hearing: Hearing, on_partial: Callable[[str], None] | None) -> None:
        loop = asyncio.get_running_loop()
        self._worker = worker
        self._on_partial = on_partial or (lambda text: None)
        self._began: asyncio.Future[None] = loop.create_future()
        self._final: asyncio.Future[Recognised | None] = loop.create_future()
        self._finished = False
        asked = {
            "rate": hearing.rate_hz,
            "hints": hearing.hints,
            "end_silence_ms": hearing.end_silence_s * 1000,
            "most_ms": hearing.most_s * 1000,
            "partials": on_partial is not None,
        }
        worker.write(json.dumps(asked).encode() + b"\n")
        self._reading = loop.create_task(self._read(), name="recognition")

    def feed(self, pcm: bytes) -> None:
        """16-bit little-endian mono PCM. Never blocks; nothing once it is over."""
        if pcm and not self._finished and not self._final.done():
            self._worker.write(struct.pack("<I", len(pcm)) + pcm)

    def finish(self) -> None:
        """No more samples come: the result is of what was heard until now."""
        if not self._finished:
            self._finished = True
            self._worker.write(struct.pack("<I", 0))

    async def began(self) -> None:
        """Wait until speech is heard, or until it is known that none will be. Raises `DocumentFault` where the worker has died."""
        waits: list[asyncio.Future[Any]] = [self._began, self._final]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if not self._began.done():
            await self.result()

    async def result(self) -> Recognised:
        """Wait for the end of speech. Raises `DocumentFault` (13340) where the worker has died."""
        found = await asyncio.shield(self._final)
        if found is None:
            raise DocumentFault(Code.GATHER_SPEECH_UNAVAILABLE, "the recogniser has ended")
        return found

    async def close(self) -> bool:
        """Whether the worker can serve another: it has said that it is ready again."""
        self.finish()
        self._began.cancel()
        return await self._reading

    async def _read(self) -> bool:
        try:
            while True:
                event = await self._worker.event()
                match event.get("event"):
                    case "began" if not self._began.done():
                        self._began.set_result(None)
                    case "partial":
                        self._on_partial(event["text"])
                    case "final" if not self._final.done():
                        self._final.set_result(Recognised(text=event["text"], confidence=event["confidence"]))
                    case "ready":
                        return True
        except EOFError:
            return False
        finally:
            if not self._final.done():
                self._final.set_result(None)


class _Worker:
    """A process and its pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.is_fit = False
        """Whether it is ready for another caller."""

    @classmethod
    async def start(cls) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.speech.sphinx_worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(START_S):
                await worker.event()
        except (TimeoutError, EOFError) as fault:
            await worker.stop()
            raise DocumentFault(Code.GATHER_SPEECH_UNAVAILABLE, "the recogniser did not start") from fault
        except asyncio.CancelledError:  # the caller did not wait for it
            await worker.stop()
            raise
        log.info("recogniser started", pid=process.pid)
        return worker

    async def event(self) -> dict[str, Any]:
        """The next thing that it says. Raises `EOFError` once it has ended."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        found: dict[str, Any] = json.loads(line)
        return found

    def write(self, octets: bytes) -> None:
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(octets)

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
