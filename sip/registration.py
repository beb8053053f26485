"""Our own registration with a trunk: when to refresh, how long to back off (RFC 3261 section 10.2, RFC 5626 section 4.5). Pure."""

from __future__ import annotations

from collections.abc import Callable

from sip.errors import RemoteError
from sip.headers import Address, parse_number
from sip.message import Response
from sip.uri import Uri

FIRST_BACK_OFF_S = 30.0
LONGEST_BACK_OFF_S = 1800.0
LONGEST_WANTED_S = 86_400
"""A registrar that asks for more is taken for one that refuses."""

SHORTEST_REFRESH_S = 5.0
"""However short an expiry it grants."""


class Registration:
    """Takes each final response and gives the time until the next REGISTER, in seconds. *random* gives [0, 1)."""

    def __init__(self, contact: Uri, *, wanted_s: int = 3600, random: Callable[[], float]) -> None:
        self.contact = contact
        self.wanted_s = wanted_s
        self.is_registered = False
        self._random = random
        self._failures = 0

    def answered(self, response: Response) -> float:
        """Judge a final response: refresh at 80 to 90 % of what was granted, 423 at once, else back off with a spread."""
        if 200 <= response.status < 300:
            self.is_registered, self._failures = True, 0
            granted_s = min(self._granted_s(response), LONGEST_WANTED_S)
            return max(SHORTEST_REFRESH_S, granted_s * (0.8 + 0.1 * self._random()))
        if response.status == 423 and self._asks_for_longer(response):
            return 0.0
        self.is_registered = False
        self._failures += 1
        wait_s = min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * (1 << min(self._failures - 1, 10)))
        return max(self._asked_to_wait_s(response), wait_s * (0.5 + 0.5 * self._random()))

    def _granted_s(self, response: Response) -> float:
        """What our own binding got; other telephones of the same user may be listed beside it."""
        try:
            contacts = response.contacts
        except RemoteError:
            contacts = []
        for contact in contacts:
            if self._is_ours(contact) and (seconds := _seconds(contact.param("expires"))) is not None:
                return seconds
        seconds = _seconds(response.headers.get("Expires"))
        return self.wanted_s if seconds is None else seconds

    def _is_ours(self, contact: Address) -> bool:
        """By user, host and port: registrars drop or add parameters."""
        uri, own = contact.uri, self.contact
        return (uri.user, uri.host.lower(), uri.port or 5060) == (own.user, own.host.lower(), own.port or 5060)

    def _asked_to_wait_s(self, response: Response) -> float:
        if response.status not in (480, 500, 503):
            return 0.0
        try:
            return float(min(response.retry_after or 0, LONGEST_BACK_OFF_S))
        except RemoteError:
            return 0.0

    def _asks_for_longer(self, response: Response) -> bool:
        try:
            least = parse_number(response.headers.get("Min-Expires") or "", "Min-Expires")
        except RemoteError:
            return False
        if not self.wanted_s < least <= LONGEST_WANTED_S:
            return False
        self.wanted_s = least
        return True


def _seconds(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 11 else None
