"""Answering challenges: our credentials, for the one next hop that they belong to (the digest-leak rule)."""

from __future__ import annotations

from collections.abc import Iterable

from sip.digest import Challenge, Credentials, answer, best
from sip.errors import RemoteError
from sip.message import Request, Response
from sip.transport import Flow

MOST_IN_A_ROW = 3
"""Challenges answered without a success between them: a nonce may go stale, not for ever."""


class Authenticator:
    """Answers 401 and 407 of one peer. Owns nonce counts.

    Only towards *hosts*, the addresses of the next hops that the credentials are meant for, and only for the realm that
    answered first: whoever is dialled behind that hop may challenge us too, and must not be told.
    """

    def __init__(self, credentials: Credentials | None, token: str, hosts: Iterable[str] = ()) -> None:
        self._credentials = credentials
        self._cnonce = token
        self._hosts = frozenset(hosts)
        self._counts: dict[str, int] = {}
        self._challenges: dict[str, Challenge] = {}
        self._in_a_row = 0

    def challenged(self, request: Request, response: Response, flow: Flow) -> bool:
        """Whether *request* is to be sent again: we have credentials for this realm and they were not refused before."""
        if self._credentials is None or flow.remote[0] not in self._hosts or self._in_a_row >= MOST_IN_A_ROW:
            return False
        asks, answers = ("Proxy-Authenticate", "Proxy-Authorization")
        if response.status == 401:
            asks, answers = ("WWW-Authenticate", "Authorization")
        known = self._challenges.get(answers)
        realm = known.realm if known is not None else self._credentials.realm
        challenge = best([c for c in _challenges(response.headers.get_all(asks)) if realm in (None, c.realm)])
        if challenge is None:
            return False
        again = known is None or known.nonce == challenge.nonce or self._in_a_row > 0
        if answers in request.headers and not challenge.stale and again:
            return False  # what we know was just refused; a nonce may also expire without a word
        if known is not None and known.nonce != challenge.nonce:
            self._counts.pop(known.nonce, None)
        self._challenges[answers] = challenge
        self._in_a_row += 1
        return True

    def satisfied(self) -> None:
        """An answer other than a challenge."""
        self._in_a_row = 0

    def authorize(self, request: Request, flow: Flow) -> None:
        """Put what we know into a request: also into an ACK or a re-INVITE, with a rising nonce count."""
        if self._credentials is None or flow.remote[0] not in self._hosts:
            return
        for name, challenge in self._challenges.items():
            count = self._counts.get(challenge.nonce, 0) + 1
            self._counts[challenge.nonce] = count
            value = answer(
                challenge,
                self._credentials,
                method=request.method,
                uri=request.uri,
                body=request.body,
                nc=count,
                cnonce=self._cnonce,
            )
            request.headers.set(name, value)


def _challenges(values: list[str]) -> list[Challenge]:
    """All that can be read, and written back."""
    found: list[Challenge] = []
    for value in values:
        try:
            found += Challenge.parse_many(value)
        except RemoteError:
            continue
    return [c for c in found if "\0" not in c.realm + c.nonce + (c.opaque or "")]
