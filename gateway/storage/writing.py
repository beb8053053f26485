"""Rows to statements: many rows of a table inserted, replaced or deleted by one statement."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Delete, Dialect, String, and_, bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from gateway.storage.models import Row

Key = tuple[object, ...]
T = TypeVar("T", bound=Row)


def key_of(row: Row) -> Key:
    """The table and the primary key of a row."""
    return (type(row), *(getattr(row, name) for name, column in _columns(type(row)) if column.primary_key))


def upsert(connection: Connection, rows: Iterable[Row]) -> None:
    """Insert, or replace what has the same primary key: one statement for each table."""
    for kind, members in _by_kind(rows).items():
        connection.execute(_upsert(kind, connection.dialect), [_values(fill(row)) for row in members])


def remove(connection: Connection, rows: Iterable[Row]) -> None:
    """Delete by primary key what is there: one statement for each table."""
    for kind, members in _by_kind(rows).items():
        names = [name for name, column in _columns(kind) if column.primary_key]
        connection.execute(_delete(kind), [{f"key_{n}": getattr(row, n) for n in names} for row in members])


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
    values = {column.key: getattr(row, name) for name, column in _columns(type(row))}
    for key, length in _texts(type(row)):
        text = values[key]
        if text:
            values[key] = storable(text, length)
    return values


@cache
def _texts(kind: type[Row]) -> Sequence[tuple[str, int | None]]:
    return [(column.key, column.type.length) for _, column in _columns(kind) if isinstance(column.type, String)]


def storable(text: str, length: int | None = None) -> str:
    """What every database takes: valid UTF-8 without NUL, not longer than its column. Peers send what they like."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if length is None else text[:length]


def json_text(value: object) -> str:
    """A JSON column's text; an escaped NUL or half of a surrogate pair is no text to PostgreSQL."""
    return json.dumps(_storable_json(value))


def _storable_json(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The same with texts that can be stored."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {_storable_json(name): _storable_json(item) for name, item in value.items()}
    return [_storable_json(item) for item in value] if isinstance(value, list | tuple) else value


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
