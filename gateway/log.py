"""Structured logs: one line an event, CallSid and Call-ID bound; what comes from outside is escaped."""

from __future__ import annotations

import logging
import re
import sys

import structlog
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError


def configure(*, json: bool, level: int = logging.INFO) -> None:
    """One line to standard error per event: JSON where nobody looks, aligned text on a terminal."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _printable,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("aiohttp.server").addFilter(_is_our_fault)


def _is_our_fault(record: logging.LogRecord) -> bool:
    """A request that is no HTTP is answered and not worth a line, the less as its fault quotes it, credentials and all."""
    fault = record.exc_info[1] if record.exc_info else None
    return not isinstance(fault, HttpProcessingError | RequestPayloadError)


_SECRETS = frozenset(
    {"password", "auth_token", "token", "secret", "authorization", "proxy_authorization", "credentials"}
)
_ADDRESS = re.compile(r"""\b((?:sips?:(?!//))|(?:[a-z][a-z0-9+.-]{0,15}://))([^\s"'<>]+)""", re.IGNORECASE)
_QUERY = re.compile(r"""\?[^\s=?"'<>]{1,100}=[^\s"'<>]*""")
_UNPRINTABLE = re.compile(r"[^\n\t -~\u00a1-\U0010ffff]")


def _printable(
    _logger: structlog.typing.WrappedLogger, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Control characters of a peer never reach a terminal or begin a line of their own; a secret is never shown."""
    for key, value in event.items():
        if key.lower() in _SECRETS:
            event[key] = "(not shown)"
        elif key in ("exception", "stack"):
            event[key] = _UNPRINTABLE.sub(lambda found: _escaped(found[0]), without_secrets(str(value)))
        elif isinstance(value, str):
            shown = without_secrets(value)
            event[key] = shown if shown.isprintable() else "".join(map(_shown, shown))
    return event


def without_secrets(text: str) -> str:
    """Addresses without their user's password and without their query: tokens travel in both."""
    if "?" not in text and "@" not in text:
        return text
    return _QUERY.sub("?…", _ADDRESS.sub(lambda found: found[1] + _bare(found[1], found[2]), text))


def _bare(scheme: str, rest: str) -> str:
    """*rest* of a URL or a SIP URI: `user@`, if there is one, stays of a SIP URI only."""
    place, mark, _ = rest.partition("?")
    host, slash, path = place.partition("/")
    user, at, host = host.rpartition("@")
    if at:
        user = user.partition(":")[0] if scheme.lower().startswith("sip") else "…"
    return user + at + host + slash + path + (mark and "?…")


def _shown(letter: str) -> str:
    return letter if letter.isprintable() else _escaped(letter)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
