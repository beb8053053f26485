"""A sipp that plays one scenario of tests/data/scenarios: a caller or a called party that keeps to its script."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.audio import write_mulaw
from tests.peers.ports import LOOPBACK, free_ports
from tests.peers.process import PeerFailed, Program

SCENARIOS = Path(__file__).parent.parent / "data" / "scenarios"
VALUES = {
    "CALLER": "+15557654321",
    "TARGET": "[remote_ip]:[remote_port]",
    "TALK_MS": "2000",
    "STATUS": "486",
    "REASON": "Busy Here",
}
"""What stands between @ signs in a scenario."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Exit code 0: every call kept to the script. `errors`: what did not, in sipp's words."""

    exit_code: int
    errors: str
    messages: str


class Sipp:
    """One sipp. With `remote` it calls, without it waits for calls on `port`."""

    def __init__(
        self,
        scenario: str,
        home: Path,
        *,
        remote: str = "",
        port: int = 0,
        calls: int = 1,
        rate: float = 1.0,
        most_at_once: int = 0,
        service: str = "service",
        tone: float = 0.0,
        values: Mapping[str, str] | None = None,
        transport: str = "u1",
        timeout_s: float = 60.0,
        echo: bool = False,
        trace: bool = True,
        more: Sequence[str] = (),
    ) -> None:
        self.scenario, self.home, self.calls = scenario, home, calls
        self.port, self.rtp_port, control = port or free_ports(2), free_ports(20), free_ports(2)
        home.mkdir(parents=True, exist_ok=True)
        script = (SCENARIOS / f"{scenario}.xml").read_text(encoding="utf-8")
        found = {**VALUES, **(values or {}), "TONE": str(write_mulaw(home / "tone.ul", tone)) if tone else ""}
        for key, value in found.items():
            script = script.replace(f"@{key}@", value)
        path = home / f"{scenario}.xml"
        path.write_text(script, encoding="utf-8")
        command = ["sipp", *([remote] if remote else []), "-sf", str(path), "-i", LOOPBACK, "-p", str(self.port)]
        command += ["-mi", LOOPBACK, "-mp", str(self.rtp_port)]
        command += [
            "-cp",
            str(control),
            "-m",
            str(calls),
            "-r",
            f"{rate:g}",
            "-s",
            service,
            "-t",
            transport,
            "-nostdin",
        ]
        command += [
            "-timeout",
            f"{timeout_s:g}s",
            "-timeout_error",
            "-recv_timeout",
            "30000",
            "-trace_err",
            "-error_file",
            str(home / "errors.txt"),
        ]
        command += ["-trace_msg", "-message_file", str(home / "messages.txt")] if trace else []
        command += ["-rtp_echo"] if echo else []
        command += ["-l", str(most_at_once)] if most_at_once else []
        command += more
        self.program = Program(f"sipp {scenario}", command, home, environment={"TERM": "dumb"})

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    async def __aenter__(self) -> Self:
        await self.program.start()
        await asyncio.sleep(0.3)  # sipp says nothing when its socket is open
        if self.program.process.returncode not in {None, 0}:
            raise self.program.failed("did not start")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.program.stop()

    async def outcome(self, *, within_s: float = 60.0) -> Outcome:
        """Wait for the end of the script."""
        try:
            async with asyncio.timeout(within_s):
                code = await self.program.process.wait()
        except TimeoutError:
            raise self.failed(f"did not end within {within_s} s") from None
        return Outcome(exit_code=code, errors=self._text("errors.txt"), messages=self._text("messages.txt"))

    async def succeeded(self, *, within_s: float = 60.0) -> Outcome:
        """Wait for the end and insist that the script was kept."""
        outcome = await self.outcome(within_s=within_s)
        if outcome.exit_code != 0:
            raise self.failed(f"ended with exit code {outcome.exit_code}")
        return outcome

    def messages(self) -> str:
        return self._text("messages.txt")

    def failed(self, what: str) -> PeerFailed:
        errors, messages = self._text("errors.txt")[-3000:], self._text("messages.txt")[-5000:]
        return PeerFailed(f"sipp {self.scenario} {what}\n--- errors:\n{errors}\n--- messages:\n{messages}")

    def _text(self, name: str) -> str:
        path = self.home / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


async def play(scenario: str, home: Path, remote: str, **options: object) -> Outcome:
    """Run a caller's scenario to its end and insist that it was kept."""
    async with Sipp(scenario, home, remote=remote, **options) as sipp:  # type: ignore[arg-type]  # the options are Sipp's own
        return await sipp.succeeded()
