"""A database that is locked, killed, full or given what it cannot keep: nobody waits for it, and nothing is forgotten."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.storage import opening
from gateway.storage.access import InThreads
from gateway.storage.models import CallRow, NotificationRow, OutboxRow, next_id
from gateway.storage.store import DATABASE_ERRORS, Store
from gateway.storage.writing import storable
from tests.gateway.rows import ACCOUNT, NOON, call_row
from tests.gateway.storage.conftest import Server

LOCK = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1], isolation_level=None) as other:
    other.execute("BEGIN EXCLUSIVE")
    print("locked", flush=True)
    sys.stdin.readline()
    other.execute("ROLLBACK")
"""


async def statuses(store: Store) -> dict[str, str]:
    return {row.sid: row.status for row in await store.all(select(CallRow))}


async def written(store: Store) -> None:
    async with asyncio.timeout(20):
        while store.waiting:  # noqa: ASYNC110 - a count, not an event
            await asyncio.sleep(0.05)


async def test_another_process_that_locks_the_file_holds_nobody_up_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BUSY_MS", 100)
    path = tmp_path / "gateway.db"
    loop = asyncio.get_running_loop()
    async with Store(f"sqlite:///{path}", retry_s=0.2) as store:
        await store.save(call_row(1, status="in-progress"))
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", LOCK, str(path), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert other.stdout is not None
        assert await other.stdout.readline() == b"locked\n"
        began, slowest = loop.time(), 0.0
        while loop.time() - began < 1.5:  # several tries fail meanwhile
            before = loop.time()
            store.put(call_row(1, status="completed", duration_s=3))
            store.put(call_row(2, status="ringing"))
            store.put(call_row(2, status="busy"))
            await asyncio.sleep(0)
            slowest = max(slowest, loop.time() - before)
            found = await store.get(CallRow, call_row(1).sid)
            assert found is not None
            assert found.status == "completed", "known before it is written"
            await asyncio.sleep(0.02)
        assert slowest < 0.25, "the loop went on"
        with pytest.raises(DATABASE_ERRORS):
            await store.save(call_row(3))
        await other.communicate(b"\n")
        await written(store)
        assert await statuses(store) == {call_row(1).sid: "completed", call_row(2).sid: "busy"}
        assert store.lost == 0


@pytest.fixture
async def clean_url(postgres: Server) -> AsyncIterator[str]:
    yield postgres.url
    engine = create_async_engine(postgres.url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.begin() as connection:
        for statement in ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public"):
            await connection.exec_driver_sql(statement)
    await engine.dispose()


async def test_a_server_that_is_killed_and_started_again_has_it_all(postgres: Server, clean_url: str) -> None:
    async with Store(clean_url, retry_s=0.2) as store:
        await store.save(call_row(1, status="in-progress"))
        await asyncio.to_thread(postgres.kill)
        for number in range(1, 51):
            store.put(call_row(number, status="completed"))
        callback = OutboxRow(id=next_id(), queue="q", url="u", method="POST", params=[], created_at=NOON)
        store.put(callback)
        store.drop(callback)
        with pytest.raises(DATABASE_ERRORS):
            await store.save(call_row(99))
        with pytest.raises(DATABASE_ERRORS):
            await store.all(select(CallRow))
        found = await store.get(CallRow, call_row(7).sid)
        assert found is not None
        assert found.status == "completed"
        await asyncio.to_thread(postgres.start)
        await written(store)
        assert await statuses(store) == {call_row(number).sid: "completed" for number in range(1, 51)}
        assert await store.scalar(select(func.count()).select_from(OutboxRow)) == 0
        assert store.lost == 0


async def test_a_restart_between_two_requests_is_not_noticed(postgres: Server, clean_url: str) -> None:
    async with Store(clean_url) as store:
        await store.save(call_row(1))
        await asyncio.to_thread(postgres.kill)
        await asyncio.to_thread(postgres.start)
        assert set(await statuses(store)) == {call_row(1).sid}
        await store.save(call_row(2))


async def test_a_full_disk_keeps_nobody_from_calling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "BUSY_MS", 100)
    path = tmp_path / "gateway.db"
    async with Store(f"sqlite:///{path}", retry_s=0.1) as store:
        await store.save(call_row(1))
        full = {"is": True}

        def fill(connection: sqlite3.Connection, *_: object) -> None:
            pages = 1 if full["is"] else 1_000_000
            connection.execute(f"PRAGMA max_page_count={pages}").close()

        assert isinstance(store._access, InThreads)
        event.listen(store._access.writer.pool, "checkout", fill)
        for number in range(1, 400):
            store.put(call_row(number, status="completed", caller_name="x" * 200))
        await asyncio.sleep(0.8)
        assert store.waiting > 0
        full["is"] = False
        await written(store)
        assert len(await statuses(store)) == 399
        assert store.lost == 0


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/gateway.db" if request.param == "sqlite" else request.getfixturevalue("clean_url")


async def test_whatever_a_peer_sends_can_be_kept(any_url: str) -> None:
    nasty = "\x00\ud800ü\udc80" + "x" * 5_000
    async with Store(any_url) as store:
        store.put(call_row(1, caller_name=nasty, from_=nasty, to="\x00"))
        store.put(
            NotificationRow(
                sid="NO" + "1" * 32, account_sid=ACCOUNT, call_sid=nasty, code=1, log=0, message=nasty, created_at=NOON
            )
        )
        store.put(
            OutboxRow(id=next_id(), queue="q", url=nasty, method="POST", params=[["a\x00", nasty]], created_at=NOON)
        )
        await store.flush()
    async with Store(any_url) as store:
        row = await store.get(CallRow, call_row(1).sid)
        assert row is not None
        assert row.caller_name == storable(nasty, 256)
        assert len(row.caller_name) == 256
        outbox = await store.all(select(OutboxRow))
        assert outbox[0].params[0][0] == "a\ufffd"


async def test_a_row_that_no_database_takes_does_not_hold_up_the_others(any_url: str) -> None:
    async with Store(any_url, retry_s=0.1) as store:
        store.put(call_row(1))
        store.put(call_row(2, duration_s=2**80))
        store.put(call_row(3))
        await written(store)
        assert set(await statuses(store)) == {call_row(1).sid, call_row(3).sid}
        assert store.lost == 1
