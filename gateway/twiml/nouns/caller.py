"""Which `callerId` a party may be called as: it depends on what kind of party it is."""

from __future__ import annotations

import re

from gateway.twilio_codes import Code

_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
_CLIENT = re.compile(r"client:[^\s\"<>]{1,256}|[A-Za-z0-9+_.@-]{1,256}|(?i:sips?:)[A-Za-z0-9+_.@:;=-]{1,255}")
_SIP = re.compile(r"[A-Za-z0-9+_.-]{1,255}")
_ALLOWED = {
    "number": (_NUMBER, Code.DIAL_CALLER_ID, "a telephone number"),
    "client": (_CLIENT, Code.DIAL_CALLER_ID, "a number or client:identity"),
    "sip": (_SIP, Code.SIP_CALLER_ID, "letters, digits and + - _ . only"),
}
MOST_OF_A_NUMBER = re.compile(r"[\s().-]")


def caller_id(kind: str, wanted: str) -> str:
    """*wanted* where a party of this kind may be called so; else `""`: the caller's own."""
    text = MOST_OF_A_NUMBER.sub("", wanted) if kind == "number" else wanted
    return text if _ALLOWED[kind][0].fullmatch(text) else ""


def caller_id_fault(kind: str, wanted: str) -> tuple[int, str] | None:
    """Code and words for a `callerId` that a party of this kind can't have."""
    if not wanted or caller_id(kind, wanted):
        return None
    _, code, what = _ALLOWED[kind]
    return code, f"callerId {wanted[:100]!r} is not {what}: the caller's own is shown"
