"""Calls a second through both legs with a TwiML fetch each, and what a call costs in memory: sipp, gateway, web application, sipp."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.e2e.gateway import Gateway
from tests.peers.process import PeerFailed
from tests.peers.sipp import Sipp

RATES = (25, 50, 100, 150, 200)
SECONDS_AT_A_RATE = 10
HELD_CALLS = 250
WARMING_RATE = 3
"""What the first calls load stays, however many follow: it is no part of what one more call costs."""

DRAIN_S = 25
RTP_PORTS = (10_000, 19_999)
TWIML = "<Response><Dial><Number>+15557770000</Number></Dial></Response>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    rate: int
    succeeded: bool
    setup_ms: tuple[float, float]
    """p50 and p99 from the INVITE to the 200 of the first leg."""

    cpu_ms: tuple[float, float]
    """Of a whole call: the gateway's and the engine's."""


async def call_at(gateway: Gateway, home: Path, rate: int) -> Run:
    calls = rate * SECONDS_AT_A_RATE
    before = cpu_s(gateway.program.process.pid)
    async with (
        Sipp("uas_answer", home / "uas", port=gateway.trunk_port, calls=calls, trace=False, timeout_s=120) as called,
        Sipp(
            "uac_call",
            home / "uac",
            remote=gateway.sip,
            service="+15550100",
            calls=calls,
            rate=rate,
            most_at_once=10_000,
            values={"TALK_MS": "1000"},
            trace=False,
            timeout_s=120,
            more=["-trace_rtt", "-rtt_freq", "50"],
        ) as caller,
    ):
        try:
            ok = (await caller.outcome(within_s=150)).exit_code == 0 and (
                await called.outcome(within_s=30)
            ).exit_code == 0
        except PeerFailed:
            ok = False
    times = [
        float(line.split(";")[1])
        for file in (home / "uac").glob("*_rtt.csv")
        for line in file.read_text().splitlines()[1:]
    ]
    used = [
        (after - earlier) * 1000 / calls
        for after, earlier in zip(cpu_s(gateway.program.process.pid), before, strict=True)
    ]
    p50, p99 = np.percentile(times, [50, 99]) if times else (0.0, 0.0)
    return Run(rate=rate, succeeded=ok, setup_ms=(float(p50), float(p99)), cpu_ms=(used[0], used[1]))


async def kilobytes_of_calls(gateway: Gateway, home: Path) -> float:
    """Resident memory of the gateway and its engine with `HELD_CALLS` bridged calls up, less what it had idle; kB a call."""
    before = resident_kb(gateway.program.process.pid)
    async with (
        Sipp("uas_answer", home / "uas", port=gateway.trunk_port, calls=HELD_CALLS, trace=False, timeout_s=120),
        Sipp(
            "uac_call",
            home / "uac",
            remote=gateway.sip,
            service="+15550100",
            calls=HELD_CALLS,
            rate=25,
            most_at_once=10_000,
            values={"TALK_MS": "20000"},
            trace=False,
            timeout_s=120,
        ),
    ):
        await asyncio.sleep(HELD_CALLS / 25 + 3)
        used = resident_kb(gateway.program.process.pid) - before
    await asyncio.sleep(DRAIN_S)
    return used


def cpu_s(pid: int) -> tuple[float, float]:
    """Seconds of CPU: of the process itself and of all below it."""
    ticks = os.sysconf("SC_CLK_TCK")

    def used(one: int) -> float:
        fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / ticks

    return used(pid), sum(used(one) for one in below(pid))


def below(pid: int) -> list[int]:
    found, pids = [], [pid]
    while pids:
        one = pids.pop()
        try:
            children = [
                int(c) for task in Path(f"/proc/{one}/task").iterdir() for c in (task / "children").read_text().split()
            ]
        except OSError:
            continue
        found += children
        pids += children
    return found


def resident_kb(pid: int) -> float:
    """The process and all below it."""
    total = 0.0
    for one in (pid, *below(pid)):
        try:
            status = Path(f"/proc/{one}/status").read_text()
        except OSError:
            continue
        total += next((float(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0.0)
    return total


async def measure(home: Path) -> list[tuple[str, float, str]]:
    rows: list[tuple[str, float, str]] = []
    options = {"rtp_ports": RTP_PORTS, "rtp_more": "port_rest_s = 1", "records": False}
    async with Gateway(home / "gateway", **options) as gateway:  # type: ignore[arg-type]  # one dictionary for three kinds
        gateway.application.answers("/number", TWIML)
        rows.append(
            ("memory before the first call, gateway and engine", resident_kb(gateway.program.process.pid) / 1024, "MB")
        )
        await call_at(gateway, home / "first", WARMING_RATE)
        await asyncio.sleep(2)
        rows.append(
            (
                "memory idle, gateway and engine, after its first calls",
                resident_kb(gateway.program.process.pid) / 1024,
                "MB",
            )
        )
        used = await kilobytes_of_calls(gateway, home / "held")
        rows.append((f"memory of a bridged call (at {HELD_CALLS})", used / HELD_CALLS, "kB"))
        best: Run | None = None
        for rate in RATES:
            run = await call_at(gateway, home / f"rate-{rate}", rate)
            if not run.succeeded:
                rows.append((f"{rate} set-ups a second", 0.0, "not all succeeded"))
                break
            best = run
        rows.append(
            ("call set-ups through both legs, a TwiML fetch each, all succeeded", best.rate if best else 0, "/s")
        )
        if best:
            rows.append(("CPU of a whole call: signalling and TwiML", best.cpu_ms[0], "ms"))
            rows.append(("CPU of a whole call: media engine (1 s of talk)", best.cpu_ms[1], "ms"))
            rows.append((f"set-up at {best.rate}/s, INVITE to 200, p50", best.setup_ms[0], "ms"))
            rows.append((f"set-up at {best.rate}/s, INVITE to 200, p99", best.setup_ms[1], "ms"))
    return rows


def rows() -> list[tuple[str, float, str]]:
    if shutil.which("sipp") is None:
        return [("call set-ups: sipp is not installed", 0.0, "")]
    with tempfile.TemporaryDirectory(prefix="crosspoint-bench-") as folder:
        os.environ.pop("CROSSPOINT_HTTP_LISTEN", None)
        return asyncio.run(measure(Path(folder)))
