"""Our own registration with a trunk: when to refresh, how long to back off (RFC 3261 section 10.2, RFC 5626 section 4.5). Pure."""

from __future__ import annotations

from collections.abc import Callable

from sip.errors import RemoteError
from sip.headers import parse_number
from sip.message import Response

FIRST_BACK_OFF_S = 30.0
LONGEST_BACK_OFF_S = 1800.0


class Registration:
    """Takes each final response and gives the time until the next REGISTER, in seconds."""

    def __init__(self, *, wanted_s: int = 3600, random: Callable[[], float]) -> None:
        self.wanted_s = wanted_s
        self.is_registered = False
        self._random = random
        self._failures = 0

    def answered(self, response: Response) -> float:
        """Judge a final response: refresh at 80 to 90 % of what was granted, 423 at once, else back off with a spread."""
        if 200 <= response.status < 300:
            self.is_registered, self._failures = True, 0
            return max(1.0, self._granted(response) * (0.8 + 0.1 * self._random()))
        if response.status == 423 and self._longer(response):
            return 0.0
        self.is_registered = False
        self._failures += 1
        wait = min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * (1 << min(self._failures - 1, 10)))
        asked = response.retry_after if response.status == 503 else None
        return max(float(asked or 0), wait * (0.5 + 0.5 * self._random()))

    def _granted(self, response: Response) -> float:
        """The shortest expiry of the bindings in the answer: ours is among them."""
        granted = [contact.param("expires") for contact in response.contacts]
        seconds = [int(text) for text in granted if text and text.isascii() and text.isdigit() and len(text) < 10]
        if seconds:
            return float(min(seconds))
        return float(response.expires if response.expires is not None else self.wanted_s)

    def _longer(self, response: Response) -> bool:
        try:
            least = parse_number(response.headers.get("Min-Expires") or "", "Min-Expires")
        except RemoteError:
            return False
        longer, self.wanted_s = least > self.wanted_s, max(least, self.wanted_s)
        return longer
