"""A real program as a child: started with a log, waited for, ended by its own process id."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

END_S = 4.0


class PeerFailed(Exception):
    """A peer ended early or never said what was waited for; the end of its log follows."""


class Program:
    """Owns one child process and its log file. Knows nothing of what the program is."""

    def __init__(
        self, name: str, command: Sequence[str], home: Path, *, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name, self.home = name, home
        self._command, self._environment = command, {**os.environ, **(environment or {})}
        self.log_path = home / "log.txt"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None, f"{self.name} was not started"
        return self._process

    async def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=self.home,
                env=self._environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
            )

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL for what does not listen."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(END_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def say(self, line: str) -> None:
        """One line on the program's standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        await self.process.stdin.drain()

    async def wait_for_log(self, text: str, *, within_s: float = 30.0, after: int = 0) -> int:
        """Wait until *text* stands in the log behind offset *after*; gives the offset behind it."""
        try:
            async with asyncio.timeout(within_s):
                while (at := self.log().find(text, after)) < 0:
                    self.check_alive()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise self.failed(f"never said {text!r} within {within_s} s") from None
        return at + len(text)

    def check_alive(self) -> None:
        if self.process.returncode is not None:
            raise self.failed(f"ended early with exit code {self.process.returncode}")

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def failed(self, what: str) -> PeerFailed:
        return PeerFailed(f"{self.name} {what}\n--- end of {self.log_path}:\n{self.log()[-6000:]}")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
