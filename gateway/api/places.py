"""How many requests of one account are answered at the same time (Twilio's 20429)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.api.errors import ApiError


class Places:
    """Owns the count. One account that asks too much does not take the places of another."""

    def __init__(self, most: int) -> None:
        """*most* 0: there is no bound."""
        self._most = most
        self._taken: Counter[str] = Counter()

    @contextmanager
    def of(self, account: str) -> Iterator[None]:
        """A place for as long as a request takes. Raises `ApiError` where none is left."""
        if self._most and self._taken[account] >= self._most:
            raise ApiError(20429, "Too many concurrent requests", status=429, headers={"Retry-After": "1"})
        self._taken[account] += 1
        try:
            yield
        finally:
            self._taken[account] -= 1
            if not self._taken[account]:
                del self._taken[account]
