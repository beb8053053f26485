"""Digest authentication (RFC 7616 as SIP uses it: RFC 3261 section 22, RFC 8760): challenge, answer, verify. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from sip.errors import RemoteError
from sip.headers import quoted, split_commas, unquote

ALGORITHMS: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}
"""Those that we speak, the best first."""

NONCE_LIFETIME_S = 300.0
MAX_NONCES = 65_536
"""Nonces whose counts are kept: the lifetime's worth of 200 new calls a second."""

_NEXT_CHALLENGE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)[ \t]+([A-Za-z0-9_-]+[ \t]*=.*)", re.DOTALL)
_COUNT = re.compile(r"[0-9A-Fa-f]{8}")
_NONCE = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16})-[0-9a-f]{24}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A name and a password towards one peer; `realm` None: whatever realm that peer names."""

    username: str
    password: str
    realm: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One WWW-Authenticate or Proxy-Authenticate value."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: frozenset[str] = frozenset()
    opaque: str | None = None
    stale: bool = False

    @staticmethod
    def parse_many(value: str) -> list[Challenge]:
        """The Digest challenges of one header value. Another scheme, and what can't be read, is passed over."""
        try:
            items = split_commas(value)
        except RemoteError:
            return []
        groups: list[list[str]] = []
        for item in items:  # `Digest a=1, b=2, Digest a=3`: a scheme before a name begins the next challenge
            begun = _NEXT_CHALLENGE.fullmatch(item)
            if begun is not None:
                groups.append([begun[1], begun[2]])
            elif groups:
                groups[-1].append(item)
        found = [_challenge(params) for scheme, *params in groups if scheme.lower() == "digest"]
        return [challenge for challenge in found if challenge is not None]


def _challenge(items: list[str]) -> Challenge | None:
    try:
        params = _read_items(items)
    except RemoteError:
        return None
    if "realm" not in params or "nonce" not in params:
        return None
    return Challenge(
        realm=params["realm"],
        nonce=params["nonce"],
        algorithm=params.get("algorithm", "MD5"),
        qop=frozenset(item.strip().lower() for item in params.get("qop", "").split(",") if item.strip()),
        opaque=params.get("opaque"),
        stale=params.get("stale", "").lower() == "true",
    )


def read_params(text: str) -> dict[str, str]:
    """`name=value` items, names in lower case, quotes taken off; the first of a name counts. Raises `RemoteError` 400."""
    return _read_items(split_commas(text))


def _read_items(items: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals:
            raise RemoteError(400, "Malformed Digest")
        value = value.strip(" \t")
        found.setdefault(name.strip(" \t").lower(), unquote(value) if value.startswith('"') else value)
    return found


def best(challenges: list[Challenge]) -> Challenge | None:
    """The strongest that we can answer (RFC 8760 section 2.4)."""
    usable = [c for c in challenges if _base(c.algorithm) is not None and (not c.qop or c.qop & {"auth", "auth-int"})]
    order = list(ALGORITHMS)
    return min(usable, key=lambda c: order.index(_base(c.algorithm) or order[-1]), default=None)


def answer(
    challenge: Challenge, credentials: Credentials, *, method: str, uri: str, body: bytes, nc: int, cnonce: str
) -> str:
    """The Authorization value for a request."""
    qop = "auth" if "auth" in challenge.qop else "auth-int" if challenge.qop else ""
    digest = _Digest(challenge.algorithm, challenge.realm, challenge.nonce, qop, f"{nc:08x}" if qop else "", cnonce)
    response = digest.response(credentials.username, credentials.password, method, uri, body)
    parts = [
        f"username={quoted(credentials.username)}",
        f"realm={quoted(challenge.realm)}",
        f"nonce={quoted(challenge.nonce)}",
        f"uri={quoted(uri)}",
        f'response="{response}"',
        f"algorithm={challenge.algorithm}",
    ]
    if qop:
        parts += [f"qop={qop}", f"nc={nc:08x}", f'cnonce="{cnonce}"']
    elif challenge.algorithm.upper().endswith("-SESS"):
        parts.append(f'cnonce="{cnonce}"')  # the session key holds it
    if challenge.opaque is not None:
        parts.append(f"opaque={quoted(challenge.opaque)}")
    return "Digest " + ", ".join(parts)


def _base(algorithm: str) -> str | None:
    """The hash of an algorithm as written, `-sess` or not; None where we don't speak it."""
    name = algorithm.upper().removesuffix("-SESS")
    return name if name in ALGORITHMS else None


@dataclass(frozen=True, slots=True)
class _Digest:
    """The calculation (RFC 7616 section 3.4)."""

    algorithm: str
    realm: str
    nonce: str
    qop: str
    nc: str
    cnonce: str

    def response(self, username: str, password: str, method: str, uri: str, body: bytes) -> str:
        hashed = ALGORITHMS[_base(self.algorithm) or "MD5"]

        def h(text: str) -> str:
            return hashed(text.encode("utf-8", "surrogateescape"))

        a1 = h(f"{username}:{self.realm}:{password}")
        if self.algorithm.upper().endswith("-SESS"):
            a1 = h(f"{a1}:{self.nonce}:{self.cnonce}")
        a2 = h(f"{method}:{uri}" + (f":{hashed(body)}" if self.qop == "auth-int" else ""))
        middle = f"{self.nonce}:{self.nc}:{self.cnonce}:{self.qop}" if self.qop else self.nonce
        return h(f"{a1}:{middle}:{a2}")


class Outcome(Enum):
    """What credentials came to."""

    GOOD = "good"
    MISSING = "missing"
    """None for our realm: challenge."""

    STALE = "stale"
    """Right, but for a nonce that has expired or is none of ours: challenge with stale=true."""

    REPLAY = "replay"
    """Right, but for a count that was used: somebody repeats what he heard, or two requests overtook each other."""

    WRONG = "wrong"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    username: str = ""


class Verifier:
    """Challenges and checks for one realm. Nonces carry their own expiry (an HMAC with a secret of this process);
    only those that were used are kept, with their highest `nc`, so that a replay is refused."""

    def __init__(
        self, realm: str, secret: bytes, *, lifetime_s: float = NONCE_LIFETIME_S, nonces: int = MAX_NONCES
    ) -> None:
        self.realm = realm
        self._secret = secret
        self._lifetime_s = lifetime_s
        self._most = nonces
        self._counts: OrderedDict[int, int] = OrderedDict()
        """Serial number of a used nonce -> its highest count."""

        self._forgotten = 0
        """Nonces up to this serial number whose count is not known any more are stale, never good again."""

        self._serial = 0
        self._opaque = hmac.new(secret, b"opaque", hashlib.sha256).hexdigest()[:16]

    def challenges(self, now: float, *, stale: bool = False) -> list[tuple[str, str]]:
        """WWW-Authenticate headers, SHA-256 above MD5 (RFC 8760 section 2.3)."""
        self._serial += 1
        nonce = self._nonce(int(now * 1000), self._serial)
        more = ", stale=true" if stale else ""
        return [
            (
                "WWW-Authenticate",
                f'Digest realm={quoted(self.realm)}, nonce="{nonce}", opaque="{self._opaque}", qop="auth",'
                f" algorithm={name}{more}",
            )
            for name in ALGORITHMS
        ]

    def verify(
        self,
        values: list[str],
        method: str,
        uri: str,
        body: bytes,
        password_of: Callable[[str], str | None],
        now: float,
    ) -> Verdict:
        """Judge the Authorization headers of a request. An unknown user costs what a wrong password costs."""
        try:
            params = next(
                (p for p in map(_authorization, values) if p is not None and p.get("realm") == self.realm), None
            )
        except RemoteError:
            return Verdict(Outcome.MALFORMED)
        if params is None:
            return Verdict(Outcome.MISSING)
        username, nonce = params.get("username", ""), params.get("nonce", "")
        algorithm, qop, nc = params.get("algorithm", "MD5"), params.get("qop", ""), params.get("nc", "")
        if not _is_sound(params) or _base(algorithm) is None:
            return Verdict(Outcome.MALFORMED, username)
        password = password_of(username)
        digest = _Digest(algorithm, self.realm, nonce, qop, nc, params.get("cnonce", ""))
        expected = digest.response(username, password or "", method, params["uri"], body)
        right = _same(expected, params["response"].lower()) and password is not None
        if not right or not _same_uri(params["uri"], uri):
            return Verdict(Outcome.WRONG, username)
        return Verdict(self._judge_nonce(nonce, int(nc, 16) if nc else 0, now), username)

    def _judge_nonce(self, nonce: str, count: int, now: float) -> Outcome:
        """*count* 0: without qop, where a nonce is good once (RFC 7616 section 3.3 has the others rise)."""
        read = _NONCE.fullmatch(nonce)
        if read is None:
            return Outcome.STALE
        made_ms, serial = int(read[1], 16), int(read[2], 16)
        if not _same(self._nonce(made_ms, serial), nonce):
            return Outcome.STALE  # of an earlier process, or invented: a new one costs the peer a round trip
        if not 0 <= now - made_ms / 1000 <= self._lifetime_s:
            return Outcome.STALE
        used = self._counts.get(serial)
        if used is None and serial <= self._forgotten:
            return Outcome.STALE
        if used is not None and count <= used:
            return Outcome.REPLAY
        self._counts[serial] = count
        self._counts.move_to_end(serial)
        if len(self._counts) > self._most:
            self._forgotten = max(self._forgotten, self._counts.popitem(last=False)[0])
        return Outcome.GOOD

    def _nonce(self, made_ms: int, serial: int) -> str:
        text = f"{made_ms:x}-{serial:x}"
        return f"{text}-{hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()[:24]}"


def _authorization(value: str) -> dict[str, str] | None:
    scheme, _, rest = value.strip().partition(" ")
    return read_params(rest) if scheme.lower() == "digest" else None


def _is_sound(params: dict[str, str]) -> bool:
    if not all(params.get(name) for name in ("username", "nonce", "uri", "response")):
        return False
    qop = params.get("qop")
    if qop is None:
        return "nc" not in params
    return qop in ("auth", "auth-int") and bool(params.get("cnonce")) and bool(_COUNT.fullmatch(params.get("nc", "")))


def _same(expected: str, given: str) -> bool:
    """In constant time; *given* may hold anything, which `compare_digest` takes as octets only."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape"))


def _same_uri(authorized: str, requested: str) -> bool:
    """Whether both ask for the same user. RFC 7616 section 3.4.6: a proxy between may have rewritten the request line's
    host and port (an edge proxy does), and some phones add or drop parameters; who is called it leaves alone."""

    def user(uri: str) -> str:
        uri = uri.partition("?")[0].strip("<>")
        scheme, _, rest = uri.rpartition("@")[0 if "@" in uri else 2].partition(":")
        return rest.partition(";")[0] if "@" in uri or scheme.lower() == "tel" else ""

    return user(authorized) == user(requested)
