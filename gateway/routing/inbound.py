"""INVITE and everything else from outside: who it is, whether they may (contract: phone by digest, trunk by source address, else no)."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from gateway.config import Config, NumberConfig, PhoneConfig, TrunkConfig
from gateway.routing.numbers import find_number
from sip.digest import Outcome, Verifier
from sip.limits import Guesses
from sip.message import Request
from sip.stack import Accept, Admission, Refuse
from sip.transport import Flow

OWN_HEADER = "X-Crosspoint-Own"
"""Marks an INVITE that we sent to ourselves for a number of our own; its value is a secret of this process."""

_KNOWS_ONLY_MD5 = re.compile(r"baresip v[012]\.")
"""Phones that give up at the mere sight of SHA-256 (RFC 8760 would have them ignore it): they are challenged with MD5 alone."""


@dataclass(frozen=True, slots=True)
class PhonePrincipal:
    """A registered user who has proved it."""

    username: str


@dataclass(frozen=True, slots=True)
class TrunkPrincipal:
    """A trunk, by its source address, and the number of ours that it calls."""

    trunk: str
    number: NumberConfig | None


@dataclass(frozen=True, slots=True)
class OwnPrincipal:
    """This gateway itself, calling a number of its own."""

    number: NumberConfig


class Doorkeeper:
    """Decides before any state is made. Owns nonces and the memory of wrong passwords."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._phones: dict[str, PhoneConfig] = {phone.username.lower(): phone for phone in config.phones}
        self._trunks = [
            (trunk, [ip_network(item, strict=False) for item in trunk.allow]) for trunk in config.trunks if trunk.allow
        ]
        self._verifier = Verifier(config.sip.domain, secrets.token_bytes(32))
        self._guesses = Guesses()
        self._hosts = frozenset({config.sip.domain.lower().strip("[]")})
        self.own_token = secrets.token_hex(16)

    def is_phone(self, user: str) -> bool:
        return user.lower() in self._phones

    def is_our_domain(self, host: str) -> bool:
        return host.lower().strip("[]") in self._hosts

    def admit(self, request: Request, flow: Flow, now: float) -> Admission:
        """The contract's order. OPTIONS is answered to anyone: it is how peers ask whether we live."""
        if request.method == "OPTIONS":
            return Accept()
        source = flow.remote[0]
        own = request.headers.get(OWN_HEADER)
        if own is not None and hmac.compare_digest(own.encode("utf-8", "replace"), self.own_token.encode()):
            return self._own(request)
        user = self._user_of(request)
        if user is not None and (self.is_phone(user) or request.method == "REGISTER"):
            return self._phone(request, user, source, now)
        trunk = self._trunk_of(source)
        if trunk is not None:
            return self._from_trunk(request, trunk)
        if user is not None:
            # unknown users meet what known ones meet, to the last guess: no list of names is to be had here
            return self._phone(request, user, source, now)
        if request.method == "REGISTER":
            # whatever the domain: a stranger learns here whom we serve, as at any registrar
            return self._challenge(request, now)
        return Refuse(request.reply(403), "nobody we know")

    def _own(self, request: Request) -> Admission:
        number = find_number(self._config, request.request_uri.user or "")
        return Accept(OwnPrincipal(number)) if number is not None else Refuse(request.reply(404), "no such number")

    def _user_of(self, request: Request) -> str | None:
        """The user in From (To, for REGISTER), "" where there is none; None: not at our domain."""
        uri = request.to.uri if request.method == "REGISTER" else request.from_.uri
        if uri.scheme not in ("sip", "sips") or not self.is_our_domain(uri.host):
            return None
        return uri.user or ""

    def _phone(self, request: Request, user: str, source: str, now: float) -> Admission:
        values = request.headers.get_all("Authorization") + request.headers.get_all("Proxy-Authorization")
        if self._guesses.is_banned(source, user.lower(), now):
            return Refuse(request.reply(403), "too many wrong passwords")
        verdict = self._verifier.verify(values, request.method, request.uri, request.body, self._password_of, now)
        match verdict.outcome:
            case Outcome.GOOD:
                return self._proved(request, user, verdict.username, source)
            case Outcome.MISSING:
                return self._challenge(request, now)
            case Outcome.STALE | Outcome.REPLAY:  # the password was right: the telephone need not ask for another
                return self._challenge(request, now, stale=True)
            case Outcome.MALFORMED:
                return Refuse(request.reply(400, "Malformed Digest"), "malformed digest")
            case Outcome.WRONG:
                self._guesses.failed(source, user.lower(), now)
                return self._challenge(request, now)

    def _proved(self, request: Request, user: str, username: str, source: str) -> Admission:
        self._guesses.right(source, user.lower())
        if username.lower() != user.lower():
            return Refuse(request.reply(403, "Not Your Address"), "another user's address")
        return Accept(PhonePrincipal(self._phones[username.lower()].username))

    def _password_of(self, username: str) -> str | None:
        phone = self._phones.get(username.lower())
        return phone.password if phone is not None else None

    def _challenge(self, request: Request, now: float, *, stale: bool = False) -> Refuse:
        headers = self._verifier.challenges(now, stale=stale)
        if _KNOWS_ONLY_MD5.match(request.headers.get("User-Agent") or ""):
            headers = [(name, value) for name, value in headers if "algorithm=MD5" in value]
        return Refuse(request.reply(401, headers=headers), "challenged")

    def _trunk_of(self, source: str) -> TrunkConfig | None:
        address = _address(source)
        for trunk, networks in self._trunks:
            if address is not None and _contains(networks, address):
                return trunk
        return None

    def _from_trunk(self, request: Request, trunk: TrunkConfig) -> Admission:
        if request.method != "INVITE":
            return Accept(TrunkPrincipal(trunk.name, None))
        dialled = request.request_uri.user or ""
        number = find_number(self._config, dialled)
        if number is None and trunk.register_ and dialled.lower() == trunk.username.lower():
            # called at the Contact that we registered: whom the caller meant is in To
            number = find_number(self._config, request.to.uri.user or "")
        if number is None:
            return Refuse(request.reply(404), f"trunk {trunk.name} calls a number that is not ours")
        return Accept(TrunkPrincipal(trunk.name, number))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _contains(networks: Sequence[IPv4Network | IPv6Network], address: IPv4Address | IPv6Address) -> bool:
    return any(address.version == network.version and address in network for network in networks)
