"""What storage knows of calls that are or were: lists with filters and pages, and all about one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from gateway.ids import is_sid
from gateway.storage.models import CallRow, EventRow, NotificationRow, RecordingRow, Row
from gateway.storage.store import Store

T = TypeVar("T", bound=Row)

CALLS_A_PAGE = 50
RECORDINGS_A_PAGE = 15
NOTIFICATIONS_A_PAGE = 50
MOST_EVENTS = 200
MOST_LEGS = 50

STATUSES = ("queued", "ringing", "in-progress", "completed", "busy", "no-answer", "canceled", "failed")
DIRECTIONS = {"inbound": "inbound", "outbound-dial": "dialled", "outbound-api": "created by the API"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A page of a list, the newest first. `older` and `newest` are queries; `""`: there is none."""

    rows: Sequence[Any]
    older: str = ""
    newest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The filter of past calls, as it came: what means nothing filters nothing."""

    status: str = ""
    direction: str = ""
    party: str = ""
    day: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wanted:
        status, direction = query.get("status", ""), query.get("direction", "")
        return cls(
            status=status if status in STATUSES else "",
            direction=direction if direction in DIRECTIONS else "",
            party=query.get("party", "").strip()[:100],
            day=query.get("day", "") if _day(query.get("day", "")) is not None else "",
        )

    @property
    def is_any(self) -> bool:
        return not (self.status or self.direction or self.party or self.day)

    def query(self) -> dict[str, str]:
        names = ("status", "direction", "party", "day")
        return {name: value for name in names if (value := getattr(self, name))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All about one call: its family (itself among them, the parent first) and what belongs to any of them."""

    call: CallRow
    family: Sequence[CallRow]
    recordings: Sequence[RecordingRow]
    notifications: Sequence[NotificationRow]
    events: Sequence[EventRow]


class History:
    """Owns nothing. Every method raises one of `DATABASE_ERRORS`."""

    def __init__(self, store: Store, may_see: Callable[[str, str], bool]) -> None:
        """*may_see* tells whether an account sees what belongs to another: its own, and its subaccounts'."""
        self._store, self._may_see = store, may_see

    async def calls(self, account: str, wanted: Wanted, after: str = "") -> Part:
        query = select(CallRow).where(CallRow.account_sid == account)
        if wanted.status:
            query = query.where(CallRow.status == wanted.status)
        if wanted.direction:
            query = query.where(CallRow.direction == wanted.direction)
        if wanted.party:
            text = wanted.party
            query = query.where(
                or_(CallRow.from_.contains(text, autoescape=True), CallRow.to.contains(text, autoescape=True))
            )
        if (day := _day(wanted.day)) is not None:
            query = query.where(CallRow.created_at >= day, CallRow.created_at < day + timedelta(days=1))
        return await self._part(query, CallRow, CallRow.created_at, CallRow.sid, CALLS_A_PAGE, after, wanted.query())

    async def recordings(self, account: str, after: str = "") -> Part:
        query = select(RecordingRow).where(RecordingRow.account_sid == account, RecordingRow.deleted_at.is_(None))
        order = RecordingRow.started_at, RecordingRow.sid
        return await self._part(query, RecordingRow, *order, RECORDINGS_A_PAGE, after, {})

    async def notifications(self, account: str, after: str = "") -> Part:
        query = select(NotificationRow).where(NotificationRow.account_sid == account)
        order = NotificationRow.created_at, NotificationRow.sid
        return await self._part(query, NotificationRow, *order, NOTIFICATIONS_A_PAGE, after, {})

    async def family(self, account: str, sid: str) -> Sequence[CallRow]:
        """The call, its parent and its children, the parent first; none: there is no such call of this account."""
        own = await self._store.get(CallRow, sid) if is_sid(sid, "CA") else None
        if own is None or not self._may_see(account, own.account_sid):
            return ()
        top = own.parent_sid or own.sid
        query = select(CallRow).where(
            or_(CallRow.sid == top, CallRow.parent_sid == top), CallRow.account_sid == own.account_sid
        )
        rows = await self._store.all(query.order_by(CallRow.created_at).limit(MOST_LEGS))
        found = sorted(rows, key=lambda row: row.sid != top)
        return found if any(row.sid == sid for row in found) else [*found, own]

    async def story(self, account: str, sid: str) -> Story | None:
        """None: there is no such call of this account."""
        family = await self.family(account, sid)
        if not family:
            return None
        sids = [row.sid for row in family]
        recordings = select(RecordingRow).where(RecordingRow.call_sid.in_(sids), RecordingRow.deleted_at.is_(None))
        notes = select(NotificationRow).where(NotificationRow.call_sid.in_(sids))
        events = select(EventRow).where(EventRow.call_sid.in_(sids))
        return Story(
            call=next(row for row in family if row.sid == sid),
            family=family,
            recordings=await self._store.all(recordings.order_by(RecordingRow.started_at)),
            notifications=await self._store.all(notes.order_by(NotificationRow.created_at).limit(MOST_EVENTS)),
            events=await self._store.all(events.order_by(EventRow.id).limit(MOST_EVENTS)),
        )

    async def _part(
        self,
        query: Select[T],
        kind: type[T],
        at: InstrumentedAttribute[datetime],
        sid: InstrumentedAttribute[str],
        size: int,
        after: str,
        filters: dict[str, str],
    ) -> Part:
        """What comes after the row *after*, wherever that is by now."""
        mark = await self._store.get(kind, after) if after else None
        if mark is not None:
            there: Any = getattr(mark, at.key), getattr(mark, sid.key)
            query = query.where(or_(at < there[0], and_(at == there[0], sid < there[1])))
        rows = list(await self._store.all(query.order_by(at.desc(), sid.desc()).limit(size + 1)))
        more = len(rows) > size
        rows = rows[:size]
        older = urlencode({**filters, "after": getattr(rows[-1], sid.key)}) if more else ""
        return Part(rows=rows, older=f"?{older}" if older else "", newest=f"?{urlencode(filters)}" if mark else "")


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) if len(text) == len("2026-11-21") else None
    except ValueError:
        return None
