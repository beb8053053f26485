"""Digits in INFO: application/dtmf-relay (`Signal=5`, `Duration=160`) and application/dtmf (the digit alone)."""

from __future__ import annotations

from sip.events import Digit

DTMF_RELAY = "application/dtmf-relay"
DTMF = "application/dtmf"
_NAMES = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D", "star": "*", "pound": "#", "hash": "#"}
_DIGITS = frozenset("0123456789*#ABCD")


def read_digit(content_type: str, body: bytes) -> Digit | None:
    """The key of an INFO; None where it holds none."""
    text = body[:256].decode("ascii", "replace")
    if content_type == DTMF:
        digit = _digit(text)
        return Digit(digit=digit, duration_ms=100) if digit else None
    if content_type != DTMF_RELAY:
        return None
    values = {}
    for line in text.replace("\r", "\n").split("\n"):
        name, found, value = line.partition("=")
        if found:
            values[name.strip().lower()] = value.strip()
    digit = _digit(values.get("signal", ""))
    duration = values.get("duration", "")
    milliseconds = int(duration) if duration.isascii() and duration.isdigit() and len(duration) < 6 else 100
    return Digit(digit=digit, duration_ms=milliseconds) if digit else None


def _digit(text: str) -> str:
    text = text.strip()
    text = _NAMES.get(text.lower(), text.upper())
    return text if text in _DIGITS else ""
