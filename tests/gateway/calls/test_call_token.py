"""CallToken, as applications have it from Twilio: opaque, but of one shape."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from urllib.parse import unquote

from gateway.calls.call_token import call_token

AT = datetime(2026, 1, 2, tzinfo=UTC)


def test_it_is_encoded_json_of_a_signed_token_and_the_carriers_passports() -> None:
    text = call_token(
        "secret",
        call_sid="CA1",
        from_="+1555",
        to="+1666",
        at=AT,
        identities=["eyJ.a.b;info=<https://x>;alg=ES256", "bad\x07", "", "x" * 3000],
    )
    assert text.startswith("%7B%22parentCallInfoToken%22%3A%22eyJ")
    found = json.loads(unquote(text))
    assert found["identityHeaderTokens"] == ["eyJ.a.b"]
    claims = found["parentCallInfoToken"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "==")) == {
        "callSid": "CA1",
        "from": "+1555",
        "to": "+1666",
        "iat": str(int(AT.timestamp())),
    }
    other = call_token("another", call_sid="CA1", from_="+1555", to="+1666", at=AT)
    assert json.loads(unquote(other))["parentCallInfoToken"] != found["parentCallInfoToken"]
