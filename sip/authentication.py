"""Answering challenges: our credentials, for the one hop that they belong to (the digest-leak rule)."""

from __future__ import annotations

from sip.digest import Challenge, Credentials, answer, best
from sip.message import Request, Response


class Authenticator:
    """Answers 401 and 407 of one peer. Owns nonce counts; gives up when the same nonce is challenged again without `stale`."""

    def __init__(self, credentials: Credentials | None, token: str) -> None:
        self._credentials = credentials
        self._cnonce = token
        self._counts: dict[str, int] = {}
        self._challenges: dict[str, Challenge] = {}

    def challenged(self, request: Request, response: Response) -> bool:
        """Whether *request* is to be sent again: we have credentials for this realm and they were not refused before."""
        proxy = response.status == 407
        values = response.headers.get_all("Proxy-Authenticate" if proxy else "WWW-Authenticate")
        challenge = best([item for value in values for item in Challenge.parse_many(value)])
        if self._credentials is None or challenge is None:
            return False
        if self._credentials.realm is not None and self._credentials.realm != challenge.realm:
            return False
        name = "Proxy-Authorization" if proxy else "Authorization"
        before = self._challenges.get(name)
        if request.headers.get(name) is not None and not challenge.stale and before is not None:
            return False
        self._challenges[name] = challenge
        return True

    def authorize(self, request: Request) -> None:
        """Put what we know into a request (again): also into an ACK or a re-INVITE, with a rising nonce count."""
        if self._credentials is None:
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
