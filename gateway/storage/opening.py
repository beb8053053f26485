"""An engine for a URL of the configuration, its schema brought up to date; faults named in the operator's words."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from sqlalchemy import create_engine, event, make_url
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.storage.writing import json_text

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
BUSY_MS = 5_000
"""How long SQLite waits for another process that writes."""


_MORE: dict[str, dict[str, Any]] = {
    "postgresql": {"pool_pre_ping": True, "connect_args": {"timeout": 5.0, "command_timeout": 10.0}},
}
"""A server that was started again is noticed before it costs a request; one that hangs does not hang us."""


class StorageFault(Exception):
    """The database can't be used; the message names `storage.database` and holds no password."""


def database_errors() -> tuple[type[BaseException], ...]:
    """What a database that is away, locked, full or corrupt raises. asyncpg's own errors leave `connect` as they are."""
    try:
        from asyncpg import InterfaceError, PostgresError  # noqa: PLC0415 - an extra
    except ImportError:
        return (SQLAlchemyError, OSError, TimeoutError)
    return (SQLAlchemyError, OSError, TimeoutError, PostgresError, InterfaceError)


DATABASE_ERRORS = database_errors()
OPENING_ERRORS: tuple[type[BaseException], ...] = (*DATABASE_ERRORS, CommandError)


def engine_for(url: str) -> AsyncEngine:
    """An engine that has not connected yet. Raises `StorageFault`."""
    try:
        parsed = make_url(url)
        parsed = parsed.set(drivername=DRIVERS[parsed.drivername])
        engine = create_async_engine(
            parsed, hide_parameters=True, json_serializer=json_text, **_MORE.get(parsed.get_backend_name(), {})
        )
    except (ArgumentError, KeyError) as fault:
        raise StorageFault(
            "storage.database: must be sqlite:///file or postgresql://user:password@host/name"
        ) from fault
    except ModuleNotFoundError as fault:
        raise StorageFault(f"storage.database: {fault.name} is not installed (crosspoint[postgres] has it)") from fault
    if parsed.drivername.startswith("sqlite"):
        event.listen(engine.sync_engine, "connect", _tune_sqlite)
    return engine


def file_engine(url: str, *, writes: bool) -> Engine | None:
    """A way to a SQLite file of its own; writers do not hold up who only reads (WAL). None: no file of SQLite."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    if parsed.drivername != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return None
    engine = create_engine(
        parsed, hide_parameters=True, json_serializer=json_text, connect_args={"check_same_thread": False}
    )
    event.listen(engine, "connect", _tune_sqlite if writes else _read_only)
    return engine


def _read_only(connection: Any, _: ConnectionPoolEntry) -> None:  # noqa: ANN401 - a DBAPI connection
    for pragma in (f"busy_timeout={BUSY_MS}", "query_only=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


async def migrate(engine: AsyncEngine) -> None:
    """Connect and bring the schema up to date. Raises `StorageFault`."""
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    except OPENING_ERRORS as fault:
        shown = engine.url.set(drivername=engine.url.drivername.partition("+")[0]).render_as_string(hide_password=True)
        raise StorageFault(f"storage.database: {shown} can't be used: {reason(fault)}") from fault


def reason(fault: BaseException) -> str:
    """The driver's own words, without the statement that met it: its values are nobody's business."""
    cause = getattr(fault, "orig", None) or fault
    text = " ".join(str(cause).split())
    return text.rpartition(">: ")[2][:300] or type(cause).__name__


def is_of_the_row(fault: BaseException) -> bool:
    """Whether a row cannot be written whatever the state of the database: a value out of range, a broken constraint."""
    cause = getattr(fault, "orig", None) or fault
    if isinstance(fault, DataError | IntegrityError) or isinstance(cause, ValueError | TypeError | OverflowError):
        return True
    return str(getattr(cause, "sqlstate", None) or "").startswith(("22", "23"))


def _tune_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:  # noqa: ANN401 - a DBAPI connection
    """The first words to the file: what is no database shows here, and the pool does not close such a connection."""
    cursor = connection.cursor()
    try:
        for pragma in (f"busy_timeout={BUSY_MS}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    cursor.close()


def _upgrade(connection: Connection) -> None:
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
