"""Who is signed in to the console: random tokens in a cookie, each standing for the credentials that it was given for."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

LIFE_S = 12 * 3600.0
"""How long a sign-in lasts."""

MOST = 1_000
"""Sign-ins that are remembered; the oldest goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who has shown credentials. Every form that changes something carries `csrf`."""

    account: str
    authorization: str
    """The Authorization header that stands behind the cookie: it is asked again at every request, so a deleted key is out."""

    csrf: str
    token: str = ""
    """`""`: they come with every request (HTTP Basic)."""

    expires_at: float = 0.0


class Sessions:
    """Owns the sign-ins. Times in seconds of *clock*. They end with this process."""

    def __init__(self, clock: Callable[[], float], *, life_s: float = LIFE_S, most: int = MOST) -> None:
        self._clock, self._life_s, self._most = clock, life_s, most
        self._secret = secrets.token_bytes(32)
        self._known: OrderedDict[str, Visitor] = OrderedDict()

    def open(self, authorization: str, account: str) -> Visitor:
        """A new sign-in; its `token` goes into the cookie."""
        token = secrets.token_urlsafe(32)
        visitor = Visitor(
            account=account,
            authorization=authorization,
            csrf=secrets.token_urlsafe(24),
            token=token,
            expires_at=self._clock() + self._life_s,
        )
        self._known[_key(token)] = visitor
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return visitor

    def find(self, token: str) -> Visitor | None:
        """Whose cookie this is; None for one that is unknown or too old."""
        key = _key(token[:100])
        visitor = self._known.get(key)
        if visitor is not None and visitor.expires_at <= self._clock():
            del self._known[key]
            return None
        return visitor

    def close(self, token: str) -> None:
        self._known.pop(_key(token), None)

    def by_basic(self, authorization: str, account: str) -> Visitor:
        """Credentials that come with each request. A browser sends those to us from anybody's page, so forms have a token too."""
        csrf = hmac.new(self._secret, authorization.encode(), hashlib.sha256).hexdigest()
        return Visitor(account=account, authorization=authorization, csrf=csrf)


def _key(token: str) -> str:
    """What is kept of a token: nobody signs in with what a look at our memory shows."""
    return hashlib.sha256(token.encode()).hexdigest()
