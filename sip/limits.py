"""Token buckets: how much one source may send before anybody reads it. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MAX_SOURCES = 50_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class TokenBuckets:
    """One bucket a source: `burst` at once, `rate` a second after that. The sources longest unseen are forgotten first.

    The defaults let an office of 50 telephones behind one address register at once (two requests each, and their retries),
    and a trunk bring 100 calls a second (a dozen messages each).
    """

    def __init__(self, *, rate: float = 2000.0, burst: float = 6000.0, sources: int = MAX_SOURCES) -> None:
        self._rate, self._burst, self._sources = rate, burst, sources
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, source: str, now: float) -> bool:
        """Whether one more is within bounds."""
        bucket = self._buckets.get(source)
        if bucket is None:
            self._buckets[source] = _Bucket(self._burst - 1.0, now)
            if len(self._buckets) > self._sources:
                self._buckets.popitem(last=False)
            return True
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.tokens < 1.0:
            return False
        bucket.tokens -= 1.0
        if bucket.tokens < self._burst / 2:
            self._buckets.move_to_end(source)
        return True


class Guesses:
    """Wrong passwords by (source, user): after `most` in `within_s` that pair is turned away until they are old.

    By the pair, so that one mistaken telephone does not lock out the office around it, nor a stranger the telephone.
    """

    def __init__(self, *, most: int = 10, within_s: float = 60.0, pairs: int = MAX_SOURCES) -> None:
        self._most, self._within_s, self._pairs = most, within_s, pairs
        self._failures: OrderedDict[tuple[str, str], list[float]] = OrderedDict()

    def failed(self, source: str, user: str, now: float) -> None:
        times = self._failures.setdefault((source, user), [])
        times.append(now)
        del times[: -self._most]
        self._failures.move_to_end((source, user))
        if len(self._failures) > self._pairs:
            self._failures.popitem(last=False)

    def is_banned(self, source: str, user: str, now: float) -> bool:
        times = self._failures.get((source, user), [])
        return len(times) >= self._most and now - times[0] <= self._within_s

    def forgive(self, source: str, user: str) -> None:
        """A right password."""
        self._failures.pop((source, user), None)
