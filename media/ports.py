"""Port pairs for legs: RTP on the even one, RTCP on the odd one above (RFC 3550 section 11); a closed pair rests before its next call."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from media.errors import NoPortLeft


@dataclass(slots=True, kw_only=True)
class Ports:
    """Owns which pairs are lent and which rest, not the sockets. Pairs go round, so that a port's rest is usually much longer."""

    first_port: int
    last_port: int
    rest_s: float = 30.0
    _free: deque[int] = field(init=False)
    _resting: deque[tuple[float, int]] = field(init=False, default_factory=deque)

    def __post_init__(self) -> None:
        self._free = deque(range(self.first_port + self.first_port % 2, self.last_port, 2))

    @property
    def resting(self) -> int:
        return len(self._resting)

    def lend(self, now: float) -> int:
        """The next even port. Raises `NoPortLeft`."""
        if not self._free:
            self.wake(now)
        if not self._free:
            raise NoPortLeft("every RTP port is lent or rests")
        return self._free.popleft()

    def give_back(self, port: int, now: float) -> None:
        self._resting.append((now + self.rest_s, port))

    def skip(self, port: int) -> None:
        """Another program holds the port: try it again when all the others have been."""
        self._free.append(port)

    def wake(self, now: float) -> list[int]:
        """Pairs whose rest is over: lendable again, their sockets may be closed."""
        rested = []
        while self._resting and self._resting[0][0] <= now:
            rested.append(self._resting.popleft()[1])
        self._free.extend(rested)
        return rested

    def __len__(self) -> int:
        return len(self._free)
