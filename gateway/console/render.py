"""Pages from templates: everything that is put in is escaped."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

HERE = Path(__file__).parent
STATIC = HERE / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer below `/console`: nothing but our own files is loaded, run or framed."""


@cache
def static(name: str) -> tuple[bytes, str] | None:
    """A file of the console and what tells its version; None: there is none."""
    path = STATIC / name
    if path.suffix not in TYPES or path.parent != STATIC or not path.is_file():
        return None
    data = path.read_bytes()
    return data, hashlib.sha256(data).hexdigest()[:12]


def static_url(name: str) -> str:
    """With its version, so that it may be kept for ever."""
    found = static(name)
    return f"/console/static/{name}?v={found[1] if found else ''}"


def moment(at: datetime | None, *, shape: str = "full") -> Markup:
    """A time in UTC, which the page's script turns into the reader's own. *shape*: full or clock."""
    if at is None:
        return Markup('<span class="none">–</span>')
    at = at.astimezone(UTC)
    text = f"{at:%H:%M:%S}" if shape == "clock" else f"{at:%Y-%m-%d %H:%M:%S} UTC"
    stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
    return Markup('<time datetime="{}" data-shape="{}">{}</time>').format(stamp, shape, text)


def since(at: datetime | None) -> Markup:
    """How long ago, counted on by the page's script."""
    if at is None:
        return moment(None)
    stamp = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
    return Markup('<time class="since" datetime="{}">{}</time>').format(stamp, clock((_now() - at).total_seconds()))


def until(at_s: float) -> str:
    """What is left of a registration, roughly: a page that changed each second would never rest."""
    left = at_s - _now().timestamp()
    return "less than a minute" if left < 60 else f"{round(left / 60)} min"


def clock(seconds: float | None) -> str:
    """`0:07`, `1:02:03`."""
    whole = max(0, int(seconds or 0))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def party(text: str) -> str:
    """Who, in short: `alice` for `sip:alice@127.0.0.1:5060` and for `client:alice`."""
    short = text.removeprefix("sips:").removeprefix("sip:").removeprefix("client:").partition("@")[0]
    return short or text or "unknown"


def _now() -> datetime:
    return datetime.now(UTC)


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters.update(moment=moment, since=since, clock=clock, party=party, until=until)
    found.globals.update(static_url=static_url)
    return found


async def warm() -> None:
    """Compile the templates beside the loop, once: that takes longer than anything else here."""
    if not _compiled.cache_info().currsize:
        await asyncio.to_thread(_compiled)


@cache
def _compiled() -> int:
    return len([_environment().get_template(name) for name in _environment().list_templates()])


def fragment(name: str, values: Mapping[str, Any]) -> Markup:
    """A part of a page."""
    return Markup(_environment().get_template(name).render(values))


def page(name: str, values: Mapping[str, Any], *, status: int = 200) -> web.Response:
    """A whole page; never kept by anybody on the way."""
    text = _environment().get_template(name).render({"now": _now(), **values})
    return web.Response(text=text, content_type="text/html", status=status, headers={"Cache-Control": "no-store"})
