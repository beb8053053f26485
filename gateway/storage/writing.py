"""Rows to statements: many rows of a table inserted, replaced or deleted by one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Delete, Dialect, and_, bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.storage.models import Row

Key = tuple[object, ...]
T = TypeVar("T", bound=Row)


def key_of(row: Row) -> Key:
    """The table and the primary key of a row."""
    return (type(row), *(getattr(row, name) for name, column in _columns(type(row)) if column.primary_key))


async def upsert(connection: AsyncConnection, rows: Iterable[Row]) -> None:
    """Insert, or replace what has the same primary key: one statement for each table."""
    for kind, members in _by_kind(rows).items():
        await connection.execute(_upsert(kind, connection.dialect), [_values(fill(row)) for row in members])


async def remove(connection: AsyncConnection, rows: Iterable[Row]) -> None:
    """Delete by primary key what is there: one statement for each table."""
    for kind, members in _by_kind(rows).items():
        names = [name for name, column in _columns(kind) if column.primary_key]
        await connection.execute(_delete(kind), [{f"key_{n}": getattr(row, n) for n in names} for row in members])


def _by_kind(rows: Iterable[Row]) -> dict[type[Row], list[Row]]:
    found: dict[type[Row], list[Row]] = {}
    for row in rows:
        found.setdefault(type(row), []).append(row)
    return found


@cache
def _columns(kind: type[Row]) -> Sequence[tuple[str, Any]]:
    """Attribute and column, in the order of the table."""
    mapper = kind.__mapper__
    return [(mapper.get_property_by_column(column).key, column) for column in mapper.local_table.columns]


@cache
def _defaults(kind: type[Row]) -> Sequence[tuple[str, object]]:
    columns = [(name, column.default) for name, column in _columns(kind)]
    return [(name, default.arg) for name, default in columns if default is not None and default.is_scalar]


def fill(row: Row) -> Row:
    """Give what was left out its default now, so that a row reads the same before and after it is written."""
    for name, default in _defaults(type(row)):
        if getattr(row, name) is None:
            setattr(row, name, default)
    return row


def copy_of(row: T, **changes: object) -> T:
    """The same row with other values here and there; rows that others hold are never changed themselves."""
    return type(row)(**{name: getattr(row, name) for name, _ in _columns(type(row))} | changes)


def _values(row: Row) -> dict[str, object]:
    return {column.key: getattr(row, name) for name, column in _columns(type(row))}


@cache
def _upsert(kind: type[Row], dialect: Dialect) -> Any:  # noqa: ANN401 - one of two dialects' Insert
    table: Any = kind.__table__
    insert: Any = (postgresql if dialect.name == "postgresql" else sqlite).insert(table)
    key = [column.name for column in table.primary_key]
    rest = {c.name: insert.excluded[c.name] for c in table.columns if c.name not in key}
    return insert.on_conflict_do_update(index_elements=key, set_=rest)


@cache
def _delete(kind: type[Row]) -> Delete:
    keys = [column == bindparam(f"key_{name}") for name, column in _columns(kind) if column.primary_key]
    return delete(kind.__table__).where(and_(*keys))  # type: ignore[arg-type]  # a Table
