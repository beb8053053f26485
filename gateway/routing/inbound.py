"""INVITE and everything else from outside: who it is, whether they may (contract: phone by digest, trunk by source address, else no)."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from gateway.config import Config, TrunkConfig
from gateway.directory.directory import Directory
from gateway.directory.of_file import CALLS, REGISTRATIONS
from gateway.routing.numbers import find_number
from gateway.storage.resources import DomainRow, NumberRow
from sip.digest import Outcome, Verifier
from sip.limits import Guesses
from sip.message import Request
from sip.stack import Accept, Admission, Refuse
from sip.transport import Flow
from sip.uri import Uri

OWN_HEADER = "X-Crosspoint-Own"
"""Marks an INVITE that we sent to ourselves for a number of our own; its value is a secret of this process."""

_KNOWS_ONLY_MD5 = re.compile(r"baresip v[012]\.")
"""Phones that give up at the mere sight of SHA-256 (RFC 8760 would have them ignore it): they are challenged with MD5 alone."""


@dataclass(frozen=True, slots=True)
class PhonePrincipal:
    """A user who has proved it. `domain`: the SIP domain's name, where it is not the gateway's own."""

    username: str
    domain: str = ""

    @property
    def address(self) -> str:
        """The name under which the registrar keeps the telephones of this user."""
        return f"{self.username}@{self.domain}".lower() if self.domain else self.username


@dataclass(frozen=True, slots=True)
class DomainPrincipal:
    """Somebody who may call a SIP domain because of an access control list."""

    domain: str


@dataclass(frozen=True, slots=True)
class TrunkPrincipal:
    """A trunk, by its source address, and the number of ours that it calls."""

    trunk: str
    number: NumberRow | None


@dataclass(frozen=True, slots=True)
class OwnPrincipal:
    """This gateway itself, calling a number of its own."""

    number: NumberRow


class Doorkeeper:
    """Decides before any state is made. Owns nonces and the memory of wrong passwords."""

    def __init__(self, config: Config, directory: Directory) -> None:
        self._directory = directory
        self._trunks = [
            (trunk, [ip_network(item, strict=False) for item in trunk.allow]) for trunk in config.trunks if trunk.allow
        ]
        self._verifier = Verifier(config.sip.domain, secrets.token_bytes(32))
        self._guesses = Guesses()
        self.own_token = secrets.token_hex(16)

    def admit(self, request: Request, flow: Flow, now: float) -> Admission:
        """The contract's order. OPTIONS is answered to anyone: it is how peers ask whether we live."""
        if request.method == "OPTIONS":
            return Accept()
        source = flow.remote[0]
        own = request.headers.get(OWN_HEADER)
        if own is not None and hmac.compare_digest(own.encode("utf-8", "replace"), self.own_token.encode()):
            return self._own(request)
        domain = self._domain_of(request)
        if domain is not None and domain.sid != self._directory.own_domain_sid:
            return self._at_domain(request, domain, source, now)
        user = (request.to if request.method == "REGISTER" else request.from_).uri.user or ""
        if domain is not None and (self._is_phone(domain, user) or request.method == "REGISTER"):
            return self._phone(request, domain, user, source, now)
        trunk = self._trunk_of(source)
        if trunk is not None:
            return self._from_trunk(request, trunk)
        home = self._directory.own_domain
        if self._is_own(request.request_uri) and self._directory.is_allowed(home, source):
            return Accept(DomainPrincipal(home.domain_name))
        if domain is not None:
            # unknown users meet what known ones meet, to the last guess: no list of names is to be had here
            return self._phone(request, domain, user, source, now)
        if request.method == "REGISTER":
            # whatever the domain: a stranger learns here whom we serve, as at any registrar
            return self._challenge(request, now)
        return Refuse(request.reply(403), "nobody we know")

    def _own(self, request: Request) -> Admission:
        number = find_number(self._directory.numbers, request.request_uri.user or "")
        if number is None:
            return Refuse(request.reply(404), "no such number")
        return self._to_number(request, OwnPrincipal(number), number)

    def _domain_of(self, request: Request) -> DomainRow | None:
        """Ours in From (To, for REGISTER); a SIP domain of the REST API also by what is called. None: none of ours."""
        if request.method == "REGISTER":
            return self._domain_in(request.to.uri)
        called = self._domain_in(request.request_uri)
        if called is not None and called.sid != self._directory.own_domain_sid:
            return called
        return self._domain_in(request.from_.uri)

    def _domain_in(self, uri: Uri) -> DomainRow | None:
        return self._directory.domain(uri.host) if uri.scheme in ("sip", "sips") else None

    def _is_own(self, uri: Uri) -> bool:
        domain = self._domain_in(uri)
        return domain is not None and domain.sid == self._directory.own_domain_sid

    def _is_phone(self, domain: DomainRow, user: str) -> bool:
        return self._directory.user(domain, user) is not None

    def _at_domain(self, request: Request, domain: DomainRow, source: str, now: float) -> Admission:
        """A domain of the REST API: what is mapped to it must be met, all of it; nobody may use one with nothing mapped."""
        registers = request.method == "REGISTER"
        users = self._directory.users(domain, REGISTRATIONS if registers else CALLS)
        allowed = None if registers else self._directory.is_allowed(domain, source)
        if not self._directory.is_active(domain.account_sid):
            return Refuse(request.reply(403), "the account is not active")
        if (registers and not domain.sip_registration) or allowed is False or (users is None and allowed is None):
            return Refuse(request.reply(403), f"nobody may do that at {domain.domain_name}")
        if users is None:
            return Accept(DomainPrincipal(domain.domain_name))
        user = (request.to if registers else request.from_).uri.user or ""
        return self._phone(request, domain, user, source, now)

    def _phone(self, request: Request, domain: DomainRow, user: str, source: str, now: float) -> Admission:
        values = request.headers.get_all("Authorization") + request.headers.get_all("Proxy-Authorization")
        suspect = self._directory.address_of(domain, user).lower()
        if self._guesses.is_banned(source, suspect, now):
            return Refuse(request.reply(403), "too many wrong passwords")
        users = self._directory.users(domain, REGISTRATIONS if request.method == "REGISTER" else CALLS) or {}

        def password_of(username: str) -> str | None:
            found = users.get(username.lower())
            return found.password if found is not None else None

        verdict = self._verifier.verify(values, request.method, request.uri, request.body, password_of, now)
        match verdict.outcome:
            case Outcome.GOOD:
                self._guesses.right(source, suspect)
                return self._proved(request, domain, user, users[verdict.username.lower()].username)
            case Outcome.MISSING:
                return self._challenge(request, now)
            case Outcome.STALE | Outcome.REPLAY:  # the password was right: the telephone need not ask for another
                return self._challenge(request, now, stale=True)
            case Outcome.MALFORMED:
                return Refuse(request.reply(400, "Malformed Digest"), "malformed digest")
            case Outcome.WRONG:
                self._guesses.failed(source, suspect, now)
                return self._challenge(request, now)

    def _proved(self, request: Request, domain: DomainRow, user: str, username: str) -> Admission:
        """Nobody speaks for another user. Who calls a domain of the REST API may otherwise say what caller it likes."""
        is_own = domain.sid == self._directory.own_domain_sid
        is_bound = is_own or request.method == "REGISTER" or self._is_phone(domain, user)
        if is_bound and username.lower() != user.lower():
            return Refuse(request.reply(403, "Not Your Address"), "another user's address")
        return Accept(PhonePrincipal(username, "" if is_own else domain.domain_name))

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
        ours = self._directory.numbers
        number = find_number(ours, dialled)
        if number is None and trunk.register_ and dialled.lower() == trunk.username.lower():
            # called at the Contact that we registered: whom the caller meant is in To
            number = find_number(ours, request.to.uri.user or "")
        if number is None:
            return Refuse(request.reply(404), f"trunk {trunk.name} calls a number that is not ours")
        return self._to_number(request, TrunkPrincipal(trunk.name, number), number)

    def _to_number(self, request: Request, principal: object, number: NumberRow) -> Admission:
        if not self._directory.is_active(number.account_sid):
            return Refuse(request.reply(403), "the number's account is not active")
        return Accept(principal)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _contains(networks: Sequence[IPv4Network | IPv6Network], address: IPv4Address | IPv6Address) -> bool:
    return any(address.version == network.version and address in network for network in networks)
