"""Lists page by page, in Twilio's envelope: newest first, and stable while rows are added."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy import Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from gateway.api.errors import ApiError, bad_value
from gateway.storage.models import Row
from gateway.storage.store import Store

Json = dict[str, Any]
T = TypeVar("T", bound=Row)

LARGEST = 1000
DEFAULT = 50
_OWN = ("Page", "PageSize", "PageToken", "AfterSid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which page was asked for. `token`: `PA<sid>` what follows that row, `PB<sid>` what is before it."""

    number: int
    size: int
    token: str
    path: str
    filters: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, request: web.Request) -> Page:
        """Raises `ApiError`."""
        query = request.query
        size = _whole(query, "PageSize", DEFAULT)
        if size > LARGEST:
            raise ApiError(20007, "Page size cannot be greater than 1000")
        after = query.get("AfterSid", "")
        return cls(
            number=_whole(query, "Page", 0),
            size=max(1, size),
            token=query.get("PageToken", "") or (f"PA{after}" if after else ""),
            path=request.path,
            filters=tuple((name, value) for name, value in query.items() if name not in _OWN),
        )

    def uri(self, number: int, token: str = "") -> str:
        query = [*self.filters, ("PageSize", str(self.size)), ("Page", str(number))]
        return f"{self.path}?{urlencode([*query, *([('PageToken', token)] if token else [])])}"

    def envelope(self, key: str, items: Sequence[Json], *, has_more: bool, first: str = "", last: str = "") -> Json:
        """*first* and *last* are what the tokens of the neighbours are made of."""
        start = self.number * self.size
        before = self.uri(self.number - 1, f"PB{first}" if first else "") if self.number > 0 else None
        return {
            key: items,
            "end": start + max(0, len(items) - 1),
            "first_page_uri": self.uri(0),
            "next_page_uri": self.uri(self.number + 1, f"PA{last}" if last else "") if has_more else None,
            "page": self.number,
            "page_size": self.size,
            "previous_page_uri": before,
            "start": start,
            "uri": self.uri(self.number, self.token),
        }


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise bad_value(name, text)
    return int(text)


def paged(request: web.Request, key: str, items: Sequence[Json]) -> web.Response:
    """A page of a list that is at hand as a whole."""
    page = Page.of(request)
    start = page.number * page.size
    shown = items[start : start + page.size]
    return web.json_response(page.envelope(key, shown, has_more=len(items) > start + page.size))


async def listed(
    request: web.Request,
    store: Store,
    key: str,
    query: Select[T],
    kind: type[T],
    order: tuple[InstrumentedAttribute[datetime], InstrumentedAttribute[str]],
    shown: Callable[[T], Json],
) -> web.Response:
    """A page of rows, newest first. A token continues after a row wherever it is by now; without one, rows are counted."""
    page = Page.of(request)
    at, sid = order
    backwards = page.token.startswith("PB")
    mark = await store.get(kind, page.token[2:]) if page.token[:2] in ("PA", "PB") else None
    if mark is not None:
        there: Any = getattr(mark, at.key), getattr(mark, sid.key)
        if backwards:
            query = query.where(or_(at > there[0], and_(at == there[0], sid > there[1])))
        else:
            query = query.where(or_(at < there[0], and_(at == there[0], sid < there[1])))
    else:
        backwards = False
        query = query.offset(page.number * page.size)
    query = query.order_by(at.asc(), sid.asc()) if backwards else query.order_by(at.desc(), sid.desc())
    rows = list(await store.all(query.limit(page.size + 1)))
    has_more = backwards or len(rows) > page.size
    rows = rows[: page.size]
    if backwards:
        rows.reverse()
    ends = [str(getattr(row, sid.key)) for row in (*rows[:1], *rows[-1:])] or ["", ""]
    items = [shown(row) for row in rows]
    return web.json_response(page.envelope(key, items, has_more=has_more, first=ends[0], last=ends[-1]))
