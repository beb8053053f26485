"""Token buckets, how much one source may send before anybody reads it, and a memory of wrong passwords. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

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
        self._buckets.move_to_end(source)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.tokens < 1.0:
            return False
        bucket.tokens -= 1.0
        return True


@dataclass(slots=True)
class _Source:
    """What one address did of late."""

    failures: deque[float]
    by_user: dict[str, deque[float]] = field(default_factory=dict)
    known: dict[str, None] = field(default_factory=dict)
    """Users who have given the right password from here; the oldest go first."""


class Guesses:
    """Wrong passwords by source. Two bounds, so that neither one mistaken telephone locks out the office around it,
    nor a stranger the telephone, nor one password tried on every user goes on for long:

    a user gets `most` from one source within `within_s`, then is turned away there until they are old;
    a source gets `most_of_all`, then only users who have been right from there before go on.
    """

    def __init__(
        self, *, most: int = 10, most_of_all: int = 50, within_s: float = 60.0, sources: int = MAX_SOURCES
    ) -> None:
        self._most, self._most_of_all, self._within_s, self._bound = most, most_of_all, within_s, sources
        self._sources: OrderedDict[str, _Source] = OrderedDict()

    def failed(self, source: str, user: str, now: float) -> None:
        """A wrong password."""
        about = self._about(source)
        about.failures.append(now)
        times = about.by_user.setdefault(user, deque(maxlen=self._most))
        times.append(now)
        if len(about.by_user) > self._most_of_all:  # those that a full source would turn away all the same
            about.by_user.pop(next(iter(about.by_user)))

    def is_banned(self, source: str, user: str, now: float) -> bool:
        about = self._sources.get(source)
        if about is None:
            return False
        if self._is_full(about.by_user.get(user), now):
            return True
        return self._is_full(about.failures, now) and user not in about.known

    def right(self, source: str, user: str) -> None:
        """A right password: earlier mistakes are forgiven."""
        about = self._about(source)
        about.by_user.pop(user, None)
        about.known.pop(user, None)
        about.known[user] = None
        if len(about.known) > 1000:
            about.known.pop(next(iter(about.known)))

    def _about(self, source: str) -> _Source:
        about = self._sources.get(source)
        if about is None:
            about = self._sources[source] = _Source(deque(maxlen=self._most_of_all))
            if len(self._sources) > self._bound:
                self._sources.popitem(last=False)
        self._sources.move_to_end(source)
        return about

    def _is_full(self, times: deque[float] | None, now: float) -> bool:
        """As many failures as the deque holds, the first of them not old yet."""
        return times is not None and len(times) == times.maxlen and now - times[0] <= self._within_s
