"""Where a target's telephones are: a client's bindings, a SIP address, or the trunk of a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from gateway.calls.call import Call, Happening
from gateway.calls.ending import CallFailed
from gateway.config import Config, TrunkConfig
from gateway.directory.directory import Directory
from gateway.routing.inbound import OWN_HEADER, Doorkeeper
from gateway.routing.numbers import NotRoutable, OwnNumber, normalize, route
from gateway.storage.resources import DomainRow
from gateway.twilio_codes import Code
from gateway.twiml.control import DialTarget
from sip.digest import Credentials
from sip.errors import RemoteError
from sip.headers import Address
from sip.registrar import Registrar
from sip.transport import Flow, Hop
from sip.uri import Uri

_PASSED_HEADERS = frozenset({"user-to-user", "remote-party-id", "p-preferred-identity", "p-called-party-id"})
MAX_HEADERS_LENGTH = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One INVITE to be sent: request URI, From and To, where to, and what goes with it."""

    uri: Uri
    from_: Address
    to: Address | None = None
    next_hops: tuple[Hop | Flow, ...] = ()
    credentials: Credentials | None = None
    headers: tuple[tuple[str, str], ...] = ()
    otherwise: Destination | None = None
    """Another way to the same telephone, where this one can't take the call."""


class Destinations:
    """Finds the telephones of a target. Raises `CallFailed`, which says how the call then ended."""

    def __init__(
        self,
        config: Config,
        registrar: Registrar,
        doorkeeper: Doorkeeper,
        directory: Directory,
        own_address: Callable[[], tuple[str, str, int]],
        clock: Callable[[], float],
    ) -> None:
        self._config = config
        self._registrar = registrar
        self._doorkeeper = doorkeeper
        self._directory = directory
        self._own_address = own_address
        self._clock = clock

    def of(self, target: DialTarget, call: Call) -> list[Destination]:
        """Every telephone of *target*, to be rung at once, called as `call.from_`."""
        if call.hops <= 0:
            raise CallFailed(
                Happening.FAILED, "the call goes round in circles", sip_code=483, notification=Code.SIP_FAILED
            )
        try:
            match target.kind:
                case "client":
                    found = self._client(target.address.removeprefix("client:"), call)
                    return [_with_headers(one, _parameters(target)) for one in found]
                case "sip":
                    return self._sip(target, call)
                case _:
                    return self._number(target.address, call)
        except RemoteError as fault:
            message = f"{target.address[:100]!r}: {fault.reason}"
            raise CallFailed(Happening.FAILED, message, notification=Code.SIP_URI) from fault

    def _client(self, user: str, call: Call) -> list[Destination]:
        """Somebody of the call's account, at whichever of its domains they are registered."""
        found = [
            destination
            for domain in self._directory.all(DomainRow, call.account_sid)
            if self._registrar.bindings(self._directory.address_of(domain, user), self._clock())
            for destination in self._at_domain(domain, user, call)
        ]
        if not found:
            raise CallFailed(Happening.NO_ANSWER, f"{user!r} is not registered", sip_code=480, notification=32009)
        return found

    def _at_domain(self, domain: DomainRow, user: str, call: Call) -> list[Destination]:
        bindings = self._registrar.bindings(self._directory.address_of(domain, user), self._clock())
        if not bindings:
            raise CallFailed(Happening.FAILED, f"{user!r} is not registered", sip_code=480, notification=32009)
        to = Address("", Uri.parse(f"sip:{_escaped(user)}@{domain.domain_name}"))
        return [
            Destination(
                uri=Uri.parse(binding.contact),
                from_=self._from(call),
                to=to,
                next_hops=binding.ways,
                headers=self._standard_headers(call),
            )
            for binding in bindings
        ]

    def _sip(self, target: DialTarget, call: Call) -> list[Destination]:
        text = target.address.strip()
        text = text if text.lower().startswith(("sip:", "sips:")) else f"sip:{text}"
        uri = Uri.parse(text)
        headers = passed_headers(uri)
        uri = replace(uri, headers=()).without_params("edge", "region")  # those are about Twilio's network
        domain = self._directory.domain(uri.host)
        if domain is not None and (uri.port is None or uri.port in self._own_ports()):
            user = uri.user or ""
            is_own = domain.sid == self._directory.own_domain_sid
            if not is_own and not self._is_related(domain, call):
                raise CallFailed(Happening.FAILED, "a SIP domain of another account", sip_code=403, notification=32214)
            if not is_own or self._directory.user(domain, user) is not None:
                found = self._at_domain(domain, user, call)
                return [_with_headers(destination, headers) for destination in found]
            return self._number(user, call)
        credentials = Credentials(username=target.username, password=target.password) if target.username else None
        return [
            Destination(
                uri=uri,
                from_=self._from(call),
                to=Address("", uri.bare),
                credentials=credentials,
                headers=(*self._standard_headers(call), *headers),
            )
        ]

    def _is_related(self, domain: DomainRow, call: Call) -> bool:
        """Of the call's account, or of the one that it belongs to."""
        account = self._directory.account(call.account_sid)
        return account is not None and domain.account_sid in (account.sid, account.account_sid)

    def _own_ports(self) -> set[int]:
        return {int(text.rpartition(":")[2]) for text in self._config.sip.listen} | {self._own_address()[2]}

    def _number(self, dialled: str, call: Call) -> list[Destination]:
        found = route(self._config, self._directory.numbers, dialled)
        if isinstance(found, NotRoutable):
            raise CallFailed(Happening.FAILED, found.message, sip_code=404, notification=found.code)
        if isinstance(found, OwnNumber):
            transport, host, port = self._own_address()
            uri = Uri.parse(f"sip:{_escaped(found.number.number)}@{self._config.sip.domain}")
            return [
                Destination(
                    uri=uri,
                    from_=self._from(call),
                    next_hops=(Hop(transport, host, port),),
                    headers=((OWN_HEADER, self._doorkeeper.own_token), *_passed_on(call)),
                )
            ]
        way: Destination | None = None
        for trunk in reversed((found.trunk, *found.otherwise)):
            way = trunk_destination(
                self._config, trunk, found.number, call.from_, headers=_passed_on(call), otherwise=way
            )
        return [way] if way is not None else []

    def _from(self, call: Call) -> Address:
        """The caller as the called party sees it: a user at our domain."""
        return Address("", caller_uri(call.from_, self._config.sip.domain))

    def _standard_headers(self, call: Call) -> tuple[tuple[str, str], ...]:
        ours = (("X-Twilio-AccountSid", call.account_sid), ("X-Twilio-CallSid", call.sid), *_passed_on(call))
        return (*ours, ("Referred-By", call.referred_by)) if call.referred_by else ours


def trunk_destination(
    config: Config,
    trunk: TrunkConfig,
    number: str,
    caller: str,
    *,
    headers: tuple[tuple[str, str], ...] = (),
    otherwise: Destination | None = None,
) -> Destination:
    """A call that leaves by a trunk: its host in the URIs, its credentials and nobody else's."""
    base = Uri.parse(trunk.host if trunk.host.startswith(("sip:", "sips:")) else f"sip:{trunk.host}")
    uri = Uri(base.scheme, number, None, base.host, base.port, (*base.params, ("user", "phone")), ())
    from_ = Address("", caller_uri(normalize_caller(caller), config.sip.domain))
    credentials = Credentials(username=trunk.username, password=trunk.password) if trunk.username else None
    return Destination(
        uri=uri, from_=from_, to=Address("", uri), credentials=credentials, headers=headers, otherwise=otherwise
    )


def caller_uri(caller: str, domain: str) -> Uri:
    """A caller id as a SIP URI at our domain: E.164, `client:alice`, `sip:alice@…` (keeps its user) or a name."""
    user = caller.removeprefix("client:")
    if user.lower().startswith(("sip:", "sips:")):
        try:
            user = Uri.parse(user).user or "anonymous"
        except RemoteError:
            user = "anonymous"
    return Uri("sip", user or "anonymous", None, domain, None, (), ())


def normalize_caller(caller: str) -> str:
    """What a carrier may see: a number in E.164, or the user as it is."""
    user = caller_uri(caller, "invalid").user or "anonymous"
    return normalize(user)


def passed_headers(uri: Uri) -> tuple[tuple[str, str], ...]:
    """The headers after `?` that may travel (twiml.md section 6): X-… and a few more; any other name is dropped."""
    found: list[tuple[str, str]] = []
    length = 0
    for name, value in uri.headers:
        lower = name.lower()
        length += len(name) + len(value)
        allowed = (lower.startswith("x-") and lower != OWN_HEADER.lower()) or lower in _PASSED_HEADERS
        clean = value.isprintable() and name.isascii() and all(c.isalnum() or c in "-_.!%*+`'~" for c in name)
        if allowed and clean and length <= MAX_HEADERS_LENGTH:
            found.append((name, value))
    return tuple(found)


def _passed_on(call: Call) -> tuple[tuple[str, str], ...]:
    """How often more, and `callReason` where a telephone shows what a call is about (RFC 3261 section 20.36)."""
    hops = ("Max-Forwards", str(call.hops))
    words = "".join(c if c.isprintable() else " " for c in call.reason).strip()
    return (hops, ("Subject", words)) if words else (hops,)


def _parameters(target: DialTarget) -> tuple[tuple[str, str], ...]:
    """`<Parameter>`s for a SIP telephone that is a client: a form, as the browser's library gets them."""
    return (("X-Twilio-Params", urlencode(target.parameters)),) if target.parameters else ()


def _with_headers(destination: Destination, headers: tuple[tuple[str, str], ...]) -> Destination:
    return replace(destination, headers=(*destination.headers, *headers))


def _escaped(user: str) -> str:
    return str(Uri("sip", user, None, "invalid", None, (), ())).removeprefix("sip:").removesuffix("@invalid")
