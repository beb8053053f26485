"""What one call's requests remember, like a browser: cookies and logins. Bounded."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from http.cookies import SimpleCookie

from aiohttp import CookieJar
from yarl import URL

from gateway.webhooks.seen import Seen
from sip.digest import Challenge, Credentials, answer, best
from sip.errors import RemoteError

MAX_COOKIES = 50
MAX_LOGINS = 10


@dataclass(eq=False, slots=True)
class Login:
    """Credentials that a server has asked for: Basic, or Digest with its count of uses."""

    credentials: Credentials
    challenge: Challenge | None = None
    uses: int = 0

    def header(self, method: str, url: URL, body: bytes) -> str:
        if self.challenge is None:
            pair = f"{self.credentials.username}:{self.credentials.password}"
            return "Basic " + base64.b64encode(pair.encode()).decode()
        self.uses += 1
        return answer(
            self.challenge,
            self.credentials,
            method=method,
            uri=url.raw_path_qs,
            body=body,
            nc=self.uses,
            cnonce=secrets.token_hex(8),
        )


@dataclass(eq=False, slots=True)
class Visit:
    """One per call. Cookies are made when the first arrives; most calls never see one."""

    _jar: CookieJar | None = None
    _logins: dict[str, Login] = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)

    def cookies(self, url: URL) -> str:
        """The Cookie header for *url*; `""`: none."""
        if self._jar is None:
            return ""
        return "; ".join(f"{name}={item.coded_value}" for name, item in self._jar.filter_cookies(url).items())

    def keep(self, cookies: SimpleCookie, url: URL) -> None:
        if not cookies:
            return
        if self._jar is None:
            self._jar = CookieJar(unsafe=True)  # cookies of addresses, too: applications have them in tests
        if len(self._jar) + len(cookies) <= MAX_COOKIES:
            self._jar.update_cookies(cookies, url)

    def authorization(self, method: str, url: URL, body: bytes) -> str:
        """The Authorization header for *url*: only where it was asked for before; `""`: none."""
        login = self._logins.get(str(url.origin()))
        return login.header(method, url, body) if login else ""

    def log_in(self, url: URL, credentials: Credentials | None, challenges: list[str]) -> bool:
        """Take up what a 401 asks for. False: nothing that we can answer, or it was answered already and refused."""
        origin = str(url.origin())
        known = self._logins.get(origin)
        credentials = credentials or (known.credentials if known else None)
        if credentials is None or len(self._logins) >= MAX_LOGINS:
            return False
        digest = best([one for text in challenges for one in _digests(text)])
        if known is not None and not (digest is not None and digest.stale):
            return False
        if digest is None and not any(text.strip().lower().startswith("basic") for text in challenges):
            return False
        self._logins[origin] = Login(credentials, digest)
        return True


def _digests(text: str) -> list[Challenge]:
    try:
        return Challenge.parse_many(text)
    except RemoteError:
        return []
