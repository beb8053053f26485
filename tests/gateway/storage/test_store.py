"""The store, on both databases: what is put is read, what is newer wins, and nothing is lost while a database is away."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData, delete, func, select
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.storage.models import BindingRow, CallRow, OutboxRow, Row, next_id
from gateway.storage.opening import StorageFault
from gateway.storage.resources import RESOURCES, MappingRow
from gateway.storage.store import DATABASE_ERRORS, Store
from tests.gateway.rows import ACCOUNT, NOON, call_row, recording_row


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/gateway.db"
        return
    url = request.getfixturevalue("postgres_url")
    yield url
    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    metadata = MetaData()
    async with engine.begin() as connection:
        await connection.run_sync(metadata.reflect)
        await connection.run_sync(metadata.drop_all)
    await engine.dispose()


def binding(user: str, expires_at: float) -> BindingRow:
    return BindingRow(
        user=user, key="k", contact="sip:a@b", call_id="c", cseq=1, expires_at=expires_at, flow={"transport": "udp"}
    )  # fmt: skip


async def test_what_is_put_is_there_after_a_restart(url: str) -> None:
    async with Store(url) as store:
        store.put(call_row(1, status="ringing"))
        store.put(call_row(1, status="completed", duration_s=4))
        store.put(recording_row(1))
    async with Store(url) as store:
        found = await store.get(CallRow, call_row(1).sid)
        assert found is not None
        assert (found.status, found.duration_s, found.created_at, found.answered_at) == (
            "completed",
            4,
            call_row(1).created_at,
            None,
        )
        assert (found.parent_sid, found.queue_time_ms) == ("", 0)


async def test_a_row_that_waits_is_read_as_if_it_were_written(url: str) -> None:
    async with Store(url) as store:
        store.put(call_row(1, status="ringing"))
        found = await store.get(CallRow, call_row(1).sid)
        assert found is not None
        assert found.status == "ringing"
        assert [row.status for row in await store.all(select(CallRow))] == ["ringing"]
        assert await store.scalar(select(func.count()).select_from(CallRow)) == 1


async def test_a_dropped_row_is_gone_and_one_put_again_is_back(url: str) -> None:
    async with Store(url) as store:
        await store.save(call_row(1), call_row(2))
        store.drop(call_row(1))
        assert await store.get(CallRow, call_row(1).sid) is None
        store.put(call_row(1))
        store.drop(call_row(2))
        store.drop(call_row(3))
        assert [row.sid for row in await store.all(select(CallRow))] == [call_row(1).sid]
        await store.remove(call_row(1))
        assert await store.all(select(CallRow)) == []
        assert await store.get(CallRow, call_row(1).sid) is None


async def test_a_statement_over_many_rows_comes_after_what_waits(url: str) -> None:
    async with Store(url) as store:
        for number in range(1, 6):
            store.put(call_row(number))
        await store.execute(delete(CallRow).where(CallRow.created_at < call_row(4).created_at))
        assert [row.sid for row in await store.all(select(CallRow).order_by(CallRow.sid))] == [
            call_row(4).sid,
            call_row(5).sid,
        ]
        assert await store.get(CallRow, call_row(1).sid) is None


async def test_bindings_that_expired_while_we_were_away_are_not_loaded(url: str) -> None:
    async with Store(url) as store:
        store.put(binding("alice", 4e9))
        store.put(binding("bob", 1.0))
    async with Store(url) as store:
        assert [row.user for row in await store.bindings()] == ["alice"]
        assert await store.scalar(select(func.count()).select_from(BindingRow)) == 1


async def test_keys_rise_beyond_32_bits_so_that_order_survives_a_restart(url: str) -> None:
    async with Store(url) as store:
        rows = [
            OutboxRow(id=next_id(), queue="q", url=str(n), method="POST", params=[["a", "b"]], created_at=NOON)
            for n in range(3)
        ]
        for row in reversed(rows):
            store.put(row)
        found = await store.all(select(OutboxRow).order_by(OutboxRow.id))
        assert [row.url for row in found] == ["0", "1", "2"]
        assert found[0].id > 2**32
        assert found[0].params == [["a", "b"]]


async def test_the_migrations_make_what_the_models_say(url: str) -> None:
    async with Store(url):
        pass
    engine = create_async_engine(
        url.replace("postgresql:", "postgresql+asyncpg:").replace("sqlite:", "sqlite+aiosqlite:")
    )
    found = MetaData()
    async with engine.connect() as connection:
        await connection.run_sync(found.reflect)
    await engine.dispose()
    assert set(found.tables) == {*Row.metadata.tables, "alembic_version"}
    for name, table in Row.metadata.tables.items():
        there = found.tables[name]
        assert {c.name: c.nullable for c in there.columns} == {c.name: c.nullable for c in table.columns}, name
        assert {c.name for c in there.primary_key} == {c.name for c in table.primary_key}, name
        assert {i.name for i in there.indexes} == {i.name for i in table.indexes}, name


async def test_a_database_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    async with Store(f"sqlite:///{path}"):
        pass
    with sqlite3.connect(path) as old:
        later = [str(row.__tablename__) for row in RESOURCES] + [MappingRow.__tablename__]
        for table in (*later, "departures", "queues", "conferences", "transcriptions"):
            old.execute(f"DROP TABLE {table}")
        old.execute("DROP INDEX calls_by_to")
        old.execute("DROP INDEX calls_by_from")
        old.execute("DROP INDEX recordings_by_start")
        for column in ("request_variables", "response_headers", "response_body"):
            old.execute(f"ALTER TABLE notifications DROP COLUMN {column}")
        old.execute("DROP INDEX ix_recordings_status")
        added = ("callback_url", "callback_method", "callback_events", "kept", "is_trimmed", "samples", "marks")
        for column in ("deleted_at", *added):
            old.execute(f"ALTER TABLE recordings DROP COLUMN {column}")
        old.execute("UPDATE alembic_version SET version_num = '0001'")
        old.execute("INSERT INTO outbox VALUES (7, 'CA1', 'http://x', 'POST', '[]', '2026-11-21 12:00:00')")
    old.close()
    async with Store(f"sqlite:///{path}") as store:
        assert [row.id for row in await store.all(select(OutboxRow))] == [7]
        store.put(recording_row(1))


async def test_a_locked_database_is_waited_for_and_nothing_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.storage.opening.BUSY_MS", 10)
    path = tmp_path / "gateway.db"
    async with Store(f"sqlite:///{path}", retry_s=60) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        store.put(call_row(1, status="ringing"))
        store.put(call_row(2))
        with pytest.raises(DATABASE_ERRORS, match="locked"):
            await store.flush()
        store.put(call_row(1, status="completed"))
        store.drop(call_row(2))
        assert store.waiting == 2
        waiting = await store.get(CallRow, call_row(1).sid)
        assert waiting is not None
        assert waiting.status == "completed"
        other.execute("ROLLBACK")
        other.close()
        await store.flush()
        assert [(row.sid, row.status) for row in await store.all(select(CallRow))] == [(call_row(1).sid, "completed")]
        assert store.waiting == 0


async def test_rows_beyond_the_bound_are_counted_as_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.storage.store.MAX_PENDING", 2)
    async with Store(f"sqlite:///{tmp_path}/gateway.db") as store:
        for number in range(1, 5):
            store.put(call_row(number))
        store.put(call_row(2, status="busy"))
        assert store.lost == 2
        assert len(await store.all(select(CallRow).where(CallRow.account_sid == ACCOUNT))) == 2


async def fault_of(url: str) -> str:
    with pytest.raises(StorageFault, match=r"^storage\.database: ") as caught:
        async with Store(url):
            pass
    return str(caught.value)


async def test_a_corrupt_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_bytes(b"this is no database " * 400)
    assert "file is not a database" in await fault_of(f"sqlite:///{tmp_path}/gateway.db")


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "unable to open database file" in await fault_of(f"sqlite:///{tmp_path}/no/gateway.db")


async def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    with sqlite3.connect(path) as later:
        later.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        later.execute("INSERT INTO alembic_version VALUES ('9999')")
    later.close()
    assert "9999" in await fault_of(f"sqlite:///{path}")


async def test_a_server_that_is_away_is_named_without_its_password() -> None:
    fault = await fault_of("postgresql://gateway:hunter2@127.0.0.1:1/gateway")
    assert "hunter2" not in fault
    assert "127.0.0.1" in fault


async def test_a_database_that_the_server_does_not_have_is_named(postgres_url: str) -> None:
    fault = await fault_of(postgres_url.replace("/postgres", "/nothing"))
    assert '"nothing" does not exist' in fault
    assert "hunter2" not in fault


async def test_a_url_of_another_kind_is_named() -> None:
    assert "must be sqlite:///file" in await fault_of("mysql://x/y")
