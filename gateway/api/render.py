"""How Twilio's JSON writes things: dates, numbers as people read them, addresses of resources."""

from __future__ import annotations

import re
from datetime import UTC, datetime

API_VERSION = "2010-04-01"
PREFIX = f"/{API_VERSION}"

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_US = re.compile(r"\+1([2-9]\d\d)(\d{3})(\d{4})")


def date(moment: datetime | None) -> str | None:
    """RFC 2822: `Tue, 31 Aug 2010 20:36:28 +0000`."""
    if moment is None:
        return None
    at = moment.astimezone(UTC)
    return f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year} {at:%H:%M:%S} +0000"


def formatted(party: str) -> str:
    """`(415) 555-1212` for a number of the North American plan, else what it is."""
    found = _US.fullmatch(party)
    return f"({found[1]}) {found[2]}-{found[3]}" if found else party


def account_uri(account_sid: str) -> str:
    return f"{PREFIX}/Accounts/{account_sid}"


def or_none(text: str) -> str | None:
    return text or None
