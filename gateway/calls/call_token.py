"""CallToken: what an application hands back to the REST API, to call on with the number of who called it (twiml.md section 3)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote

MOST_IDENTITIES = 5
LONGEST_IDENTITY = 2_048


def call_token(secret: str, *, call_sid: str, from_: str, to: str, at: datetime, identities: Iterable[str] = ()) -> str:
    """URL-encoded JSON, as Twilio writes it: a token (RFC 7515) of who called whom, and those that the carrier sent (RFC 8224)."""
    claims = {"callSid": call_sid, "from": from_, "to": to, "iat": str(int(at.timestamp()))}
    signed = f"{_part({'alg': 'HS256'})}.{_part(claims)}"
    signature = _base64(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())
    passports = [one.partition(";")[0].strip() for one in identities]
    kept = [one for one in passports if one.isascii() and one.isprintable() and 0 < len(one) <= LONGEST_IDENTITY]
    found = {"parentCallInfoToken": f"{signed}.{signature}", "identityHeaderTokens": kept[:MOST_IDENTITIES]}
    return quote(json.dumps(found, separators=(",", ":")), safe="")


def _part(fields: dict[str, str]) -> str:
    return _base64(json.dumps(fields, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
