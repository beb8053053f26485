"""HTTP Basic: the account's token or an API key, compared in constant time; wrong ones are slowed down for each address."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import OrderedDict
from collections.abc import Callable

from gateway.api.errors import ApiError, unauthorized
from gateway.config import Config

GUESSES_PER_S = 20.0
ADDRESSES = 10_000
"""How many addresses with wrong credentials are remembered."""


class Guesses:
    """A token bucket for each address: a wrong password costs one token, a right one none."""

    def __init__(self, clock: Callable[[], float], rate_per_s: float = GUESSES_PER_S) -> None:
        self._clock = clock
        self._rate = rate_per_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def left(self, address: str) -> float:
        tokens, at = self._left.get(address, (self._rate, 0.0))
        return min(self._rate, tokens + (self._clock() - at) * self._rate)

    def wrong(self, address: str) -> None:
        self._left[address] = (self.left(address) - 1.0, self._clock())
        self._left.move_to_end(address)
        if len(self._left) > ADDRESSES:
            self._left.popitem(last=False)


class Gatekeeper:
    """Says which account a request speaks for."""

    def __init__(self, config: Config, clock: Callable[[], float]) -> None:
        self._account = config.account.sid
        self._secrets = {config.account.sid: config.account.auth_token}
        self._secrets |= {key.sid: key.secret for key in config.api_keys}
        self._guesses = Guesses(clock)

    def admit(self, authorization: str, address: str) -> str:
        """The account of these credentials. Raises `ApiError`."""
        if self._guesses.left(address) < 1.0:
            raise ApiError(20429, "Too many wrong credentials", status=429, headers={"Retry-After": "1"})
        user, password = _basic(authorization)
        if user is None:
            raise unauthorized()
        known = self._secrets.get(user)
        # somebody unknown takes as long as somebody known
        if not hmac.compare_digest(password.encode(), (known or "").encode()) or known is None:
            self._guesses.wrong(address)
            raise unauthorized()
        return self._account


def _basic(authorization: str) -> tuple[str | None, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 1000:
        return None, ""
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, ""
    return (user, password) if colon else (None, "")
