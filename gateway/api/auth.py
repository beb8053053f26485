"""HTTP Basic: an account's token or an API key, compared in constant time; whoever guesses is slowed down, nobody else is."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.api.errors import ApiError, unauthorized
from gateway.directory.directory import Directory

GUESSES_PER_S = 20.0
"""Wrong credentials of one address that are answered by 401; the others get 429, and are not worth more work."""

GUESSES_PER_H = 5_000.0
"""Wrong credentials of one address after which only those who have been right from there are heard."""

ADDRESSES = 10_000
"""How many addresses with wrong credentials are remembered, and how many right credentials."""


@dataclass(slots=True)
class _Bucket:
    """Tokens that come back by and by."""

    most: float
    per_s: float
    left: float = 0.0
    at: float = 0.0

    def look(self, now: float) -> float:
        self.left, self.at = min(self.most, self.left + (now - self.at) * self.per_s), now
        return self.left


@dataclass(slots=True)
class _Address:
    second: _Bucket = field(default_factory=lambda: _Bucket(GUESSES_PER_S, GUESSES_PER_S, GUESSES_PER_S))
    hour: _Bucket = field(default_factory=lambda: _Bucket(GUESSES_PER_H, GUESSES_PER_H / 3600, GUESSES_PER_H))


class Guesses:
    """What each address has guessed wrong. Right credentials cost nothing, however many wrong ones the same address tries."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._right: OrderedDict[tuple[str, str], None] = OrderedDict()

    def is_heard(self, address: str, credentials: str) -> bool:
        """Whether these are looked at: of an address that guesses by the thousand only what was right before."""
        found = self._addresses.get(address)
        return found is None or found.hour.look(self._clock()) >= 1.0 or (address, credentials) in self._right

    def right(self, address: str, credentials: str) -> None:
        self._right[address, credentials] = None
        if len(self._right) > ADDRESSES:
            self._right.popitem(last=False)

    def wrong(self, address: str) -> bool:
        """False: too many in this second."""
        now = self._clock()
        found = self._addresses.get(address)
        if found is None:
            found = self._addresses[address] = _Address()
            found.second.at = found.hour.at = now
            if len(self._addresses) > ADDRESSES:
                self._addresses.popitem(last=False)
        self._addresses.move_to_end(address)
        found.hour.look(now)
        found.hour.left -= 1.0
        if found.second.look(now) < 1.0:
            return False
        found.second.left -= 1.0
        return True

    def __len__(self) -> int:
        return len(self._addresses)


class Gatekeeper:
    """Says for which account a request speaks, and which others that one may see."""

    def __init__(self, directory: Directory, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._guesses = Guesses(clock)

    def admit(self, authorization: str, address: str) -> str:
        """The account whose credentials these are. Raises `ApiError`."""
        user, password = _basic(authorization)
        if user is None:
            raise unauthorized()
        if not self._guesses.is_heard(address, authorization):
            raise _too_many()
        account, secret = self._known(user)
        # somebody unknown takes as long as somebody known
        if not hmac.compare_digest(password.encode(), secret.encode()) or not secret:
            if not self._guesses.wrong(address):
                raise _too_many()
            raise unauthorized()
        self._guesses.right(address, authorization)
        if not self._directory.is_active(account):
            raise ApiError(20005, f"Account {account} is not active", status=403)
        return account

    def may_see(self, account: str, other: str) -> bool:
        """Its own, and those of its subaccounts."""
        found = self._directory.account(other)
        return found is not None and account in (found.sid, found.account_sid)

    def _known(self, user: str) -> tuple[str, str]:
        account = self._directory.account(user)
        if account is not None:
            return account.sid, account.auth_token
        key = self._directory.key(user)
        return (key.account_sid, key.secret) if key is not None else ("", "")


def is_key(authorization: str) -> bool:
    """Whether an API key is shown, not an account's own token."""
    user, _ = _basic(authorization)
    return user is not None and user.startswith("SK")


def _too_many() -> ApiError:
    return ApiError(20429, "Too many wrong credentials", status=429, headers={"Retry-After": "1"})


def _basic(authorization: str) -> tuple[str | None, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 1000:
        return None, ""
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, ""
    return (user, password) if colon else (None, "")
