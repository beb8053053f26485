"""Keys that a telephone tells of twice, by RFC 4733 and by SIP INFO (or as a tone), are one press. Pure."""

from __future__ import annotations

from collections import deque

SAME_PRESS_S = 1.0
"""The second report of a press comes no later than this."""

MOST = 32


class Keys:
    """What was pressed lately and told by one way only."""

    def __init__(self) -> None:
        self._told: deque[tuple[str, str, float]] = deque(maxlen=MOST)

    def is_new(self, digit: str, way: str, now: float) -> bool:
        """Whether this is a press of its own, and not one that another *way* has told of already."""
        while self._told and now - self._told[0][2] > SAME_PRESS_S:
            self._told.popleft()
        for told in self._told:
            if told[0] == digit and told[1] != way:
                self._told.remove(told)
                return False
        self._told.append((digit, way, now))
        return True
