"""One speech worker as a child process: started when first asked, again when it has died, one request at a time."""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from collections.abc import AsyncIterator

import structlog

from gateway.speech.worker import END, FAILED

log = structlog.get_logger(__name__)

START_S = 20.0
PIECE_S = 10.0
"""No worker is silent for so long; one that is, is ended."""


class CanNotSpeak(Exception):
    """The worker said so (an unknown voice, a text that it can't read)."""


class WorkerGone(Exception):
    """The worker died or hung in the middle."""


class SpeechProcess:
    """Owns the process. Requests take turns, first come first served."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self.rate_hz = 22_050

    async def start(self) -> None:
        """Raises `WorkerGone` where it does not start."""
        async with self._turn:
            await self._running()

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.kill()
        await process.wait()

    async def make(self, text: str, voice: str, rate: int) -> AsyncIterator[bytes]:
        """16-bit mono PCM as it is made. Raises `CanNotSpeak`, `WorkerGone`. To be read to its end."""
        async with self._turn:
            process = await self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            whole = False
            try:
                request = json.dumps({"text": text, "voice": voice, "rate": rate})
                process.stdin.write(request.encode() + b"\n")
                while (length := await _number(process.stdout)) not in (END, FAILED):
                    async with asyncio.timeout(PIECE_S):
                        piece = await process.stdout.readexactly(length)
                    yield piece
                whole = True
                if length == FAILED:
                    raise CanNotSpeak(f"voice {voice!r}")
            except (asyncio.IncompleteReadError, OSError, TimeoutError) as fault:
                raise WorkerGone(f"{self._module}: {type(fault).__name__}") from fault
            finally:
                if not whole:  # what is left in the pipe would be taken for the next text's
                    await self.stop()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._process = process
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_S):
                self.rate_hz = await _number(process.stdout)
        except (TimeoutError, asyncio.IncompleteReadError) as fault:
            await self.stop()
            raise WorkerGone(f"{self._module} did not start") from fault
        log.info("speech worker started", module=self._module, pid=process.pid)
        return process


async def _number(stream: asyncio.StreamReader) -> int:
    async with asyncio.timeout(PIECE_S):
        found: tuple[int] = struct.unpack("<I", await stream.readexactly(4))
    return found[0]
