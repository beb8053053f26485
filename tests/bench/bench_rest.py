"""The REST API of a gateway as it runs: fetches and creates a second on one core, and the first page of 100,000 calls."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import numpy as np

from tests.bench.bench_calls import cpu_s
from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, Gateway

ROWS = 100_000
AT_ONCE = 32
FETCHES, CREATES, LISTS = 6_000, 2_000, 40
BASE = f"/2010-04-01/Accounts/{ACCOUNT_SID}"
Request = Callable[[aiohttp.ClientSession, int], Awaitable[None]]


def fill(path: Path) -> None:
    """Calls of the last two days."""
    row = """INSERT INTO calls (sid, account_sid, parent_sid, direction, "from", "to", status, created_at, started_at, updated_at,
        answered_by, forwarded_from, caller_name, sip_call_id, queue_time_ms, duration_s)
        VALUES (?, ?, '', 'inbound', '+15550001', ?, 'completed', ?, ?, ?, '', '', '', '', 0, 7)"""
    days = [f"2026-11-{19 + second // 86_400:02} {second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}.000000"
            for second in range(ROWS)]  # fmt: skip
    with sqlite3.connect(path) as database:
        database.executemany(
            row, [(f"CA{n:032x}", ACCOUNT_SID, f"+1555{n % 1000:04}", at, at, at) for n, at in enumerate(days)]
        )
    database.close()


async def fetch(session: aiohttp.ClientSession, number: int) -> None:
    sid = f"CA{number * 7 % ROWS:032x}"
    async with session.get(f"{BASE}/Calls/{sid}.json") as response:
        assert response.status == 200, await response.text()
        await response.read()


async def create(session: aiohttp.ClientSession, number: int) -> None:
    form = {"To": f"+1555{number:07}", "From": "+15550100", "Url": "http://127.0.0.1:9/x", "Timeout": "30"}
    async with session.post(f"{BASE}/Calls.json", data=form) as response:
        assert response.status == 201, await response.text()
        await response.read()


async def first_page(session: aiohttp.ClientSession, number: int) -> None:
    filters = ("", "?Status=completed", "?To=%2B15550007", "?StartTime%3E=2026-11-19")[number % 4]
    async with session.get(f"{BASE}/Calls.json{filters}") as response:
        assert response.status == 200, await response.text()
        await response.read()


async def all_of(session: aiohttp.ClientSession, work: Request, count: int, at_once: int) -> list[float]:
    """Milliseconds of each."""
    loop = asyncio.get_running_loop()
    numbers, times = iter(range(count)), []

    async def one_after_another() -> None:
        for number in numbers:
            began = loop.time()
            await work(session, number)
            times.append((loop.time() - began) * 1000)

    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return times


async def measure(home: Path) -> list[tuple[str, float, str]]:
    rows: list[tuple[str, float, str]] = []
    async with Gateway(home) as gateway:
        await asyncio.to_thread(fill, gateway.home / "crosspoint.db")
        login = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
        pid = gateway.program.process.pid
        async with aiohttp.ClientSession(gateway.public_url, headers=login) as session:
            for name, work, count in (("fetches of a call", fetch, FETCHES), ("creates of a call", create, CREATES)):
                before, began = cpu_s(pid)[0], asyncio.get_running_loop().time()
                await all_of(session, work, count, AT_ONCE)
                elapsed = asyncio.get_running_loop().time() - began
                used = cpu_s(pid)[0] - before
                rows.append((f"{name}, {AT_ONCE} at once, measured", count / elapsed, "/s"))
                rows.append((f"{name}, by the gateway's CPU: on one core of its own", count / used, "/s"))
            times = await all_of(session, first_page, LISTS, 1)
            rows.append(
                (f"first page (50) of {ROWS:,} calls, with and without filters, p50", float(np.median(times)), "ms")
            )
            rows.append(("the slowest", max(times), "ms"))
    return rows


def rows() -> list[tuple[str, float, str]]:
    with tempfile.TemporaryDirectory(prefix="crosspoint-bench-") as folder:
        os.environ.pop("CROSSPOINT_HTTP_LISTEN", None)
        return asyncio.run(measure(Path(folder)))
