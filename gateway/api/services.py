"""What every resource of the REST API works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from aiohttp import web
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from gateway.api.departures import Departures
from gateway.api.errors import ApiError, bad_value, not_found
from gateway.api.ports import CallRequest, LiveCalls, LiveQueues, LiveRooms
from gateway.config import Config
from gateway.directory.directory import Directory
from gateway.directory.keeper import Keeper
from gateway.ids import is_sid
from gateway.routing.numbers import normalize
from gateway.storage.media import Media
from gateway.storage.models import CallRow, Row
from gateway.storage.resources import CallerIdRow, NumberRow
from gateway.storage.store import Store

T = TypeVar("T", bound=Row)

ACCOUNT: web.RequestKey[str] = web.RequestKey("account", str)
"""The account that a request is about, put there by the gate."""


CALLER: web.RequestKey[str] = web.RequestKey("caller", str)
"""The account whose credentials came: the same, or the one that it belongs to."""


BY_KEY: web.RequestKey[bool] = web.RequestKey("by key", bool)
"""Whether an API key was shown: it does not reveal an account's token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Read by all resources, changed by none."""

    config: Config
    store: Store
    directory: Directory
    keeper: Keeper
    calls: LiveCalls
    rooms: LiveRooms
    queues: LiveQueues
    departures: Departures
    media: Media
    keep: Callable[[str], None] = lambda sid: None
    """See to a recording that has changed: bring it where it belongs, or remove it there."""

    async def call_of(self, request: web.Request) -> CallRow:
        """The call that the path names. Raises `ApiError`: unknown, or another account's."""
        sid = request.match_info["call_sid"]
        row = await self.store.get(CallRow, sid) if is_sid(sid, "CA") else None
        if row is None or row.account_sid != request[ACCOUNT]:
            raise not_found(request)
        return row

    def check_caller(self, asked: CallRequest) -> None:
        """Raises `ApiError`: a number that is not the account's is shown to a telephone of the network, where that is forbidden."""
        if not self.config.limits.own_callers or asked.to.startswith(("sip", "client:")):
            return
        shown = normalize(asked.caller_id or asked.from_)
        account = asked.account_sid
        owned = {row.number for row in self.directory.all(NumberRow, account)}
        if shown not in owned | {row.number for row in self.directory.all(CallerIdRow, account)}:
            raise ApiError(21210, f"'From' phone number {shown[:100]!r} is not verified for your account")


def by_date(
    request: web.Request,
    query: Select[T],
    column: InstrumentedAttribute[Any],
    *names: str,
    made: InstrumentedAttribute[Any] | None = None,
) -> Select[T]:
    """`Name`, `Name<`, `Name>` of the query: a day, what is before (its end), what is after (its begin).

    *made* is never later than *column* and has an index: it bounds the rows that are looked at.
    """
    columns = (column,) if made is None else (column, made)
    for name in names:
        for key, text in request.query.items():
            if key == name and text:
                day = _moment(name, text).replace(hour=0, minute=0, second=0, microsecond=0)
                query = query.where(column >= day, *(each < _later(day, _DAY) for each in columns))
            elif key == f"{name}<" and text:
                end = _later(_moment(name, text), _DAY if len(text) == len("2026-11-21") else timedelta(microseconds=1))
                query = query.where(*(each < end for each in columns))
            elif key == f"{name}>" and text:
                query = query.where(column >= _moment(name, text))
    return query


_DAY = timedelta(days=1)


def _later(moment: datetime, by: timedelta) -> datetime:
    """Not beyond the end of time."""
    last = datetime.max.replace(tzinfo=UTC)
    return last if last - by < moment else moment + by


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as fault:
        raise bad_value(name, text) from fault
