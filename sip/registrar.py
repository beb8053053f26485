"""Bindings of addresses of record (RFC 3261 section 10.3): register, refresh, query, remove; at most ten contacts a user. Pure.

Times here are on the caller's clock, in seconds; a storage keeps them as it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sip.errors import RemoteError
from sip.headers import Address, find_param
from sip.message import Request, Response
from sip.transport import DEFAULT_PORTS, Flow, Hop
from sip.uri import Uri

MAX_CONTACTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One telephone of a user: its Contact, and the flow that its REGISTER came by (the way through its NAT)."""

    user: str
    contact: str
    call_id: str
    cseq: int
    expires_at: float
    transport: str
    local: tuple[str, int]
    remote: tuple[str, int]
    connection: int = 0
    instance: str = ""
    q: float = 1.0
    user_agent: str = ""

    @property
    def flow(self) -> Flow:
        return Flow(self.transport, self.local, self.remote, self.connection)

    @property
    def ways(self) -> tuple[Flow | Hop, ...]:
        """Where to call it, the best first: the way its REGISTER came. A connection may be gone, though, and the port at its
        far end was made for that connection: then its Contact, if that is the same machine (behind a NAT it can't be
        reached, and another's address would let a user send our calls to a third party)."""
        if not self.flow.reliable:
            return (self.flow,)
        contact = Uri.parse(self.contact)
        host, port = contact.host.strip("[]"), contact.port or DEFAULT_PORTS[self.transport]
        same = (Hop(self.transport, host, port),) if host == self.remote[0] and port != self.remote[1] else ()
        return (self.flow, *same) if self.connection or not same else same

    @property
    def key(self) -> str:
        """What makes it the same telephone: its instance id (RFC 5626), else its Contact."""
        return self.instance or self.contact


@dataclass(frozen=True, slots=True)
class Change:
    """What a storage has to keep or forget."""

    saved: tuple[Binding, ...] = ()
    removed: tuple[Binding, ...] = ()


class Registrar:
    """Owns the bindings in memory. `on_change` hears what a storage should know."""

    def __init__(
        self,
        *,
        min_expires_s: int = 60,
        max_expires_s: int = 3600,
        default_expires_s: int = 3600,
        on_change: Callable[[Change], None] = lambda change: None,
    ) -> None:
        self._min, self._max, self._default = min_expires_s, max_expires_s, default_expires_s
        self._on_change = on_change
        self._bindings: dict[str, dict[str, Binding]] = {}

    def load(self, bindings: Iterable[Binding], now: float) -> None:
        """Take what a storage kept. A stream's connection did not survive: it is dialled again at its address."""
        for binding in bindings:
            if binding.expires_at > now:
                self._bindings.setdefault(binding.user.lower(), {})[binding.key] = replace(binding, connection=0)

    def bindings(self, user: str, now: float) -> list[Binding]:
        """The live telephones of a user, the most wanted (q) first."""
        found = self._bindings.get(user.lower(), {})
        gone = tuple(binding for binding in found.values() if binding.expires_at <= now)
        for binding in gone:
            del found[binding.key]
        if gone:
            self._on_change(Change(removed=gone))
        return sorted(found.values(), key=lambda binding: -binding.q)

    def users(self, now: float) -> list[str]:
        """Users with at least one telephone."""
        return [user for user in list(self._bindings) if self.bindings(user, now)]

    def forget(self, user: str) -> None:
        """Every telephone of a user is gone."""
        found = self._bindings.pop(user.lower(), {})
        if found:
            self._on_change(Change(removed=tuple(found.values())))

    def register(self, request: Request, user: str, flow: Flow, now: float, *, address: str = "") -> Response:
        """Answer a REGISTER whose sender is *user* (already authenticated). Every fault is a response.

        *address*: under what name the telephones are kept, where users of one name are not the same (several domains).
        """
        try:
            if (request.to.uri.user or "").lower() != user.lower():
                raise RemoteError(403, "Not Your Address")
            return self._register(request, address or user, flow, now)
        except RemoteError as fault:
            headers = [("Min-Expires", str(self._min))] if fault.status == 423 else []
            return request.reply(fault.status, fault.reason, headers=headers)

    def _register(self, request: Request, user: str, flow: Flow, now: float) -> Response:
        current = {binding.key: binding for binding in self.bindings(user, now)}
        if request.star_contact:
            self._remove_all(request, user, current)
        elif request.contacts:
            wanted = [self._wanted(request, contact, user, flow, now) for contact in request.contacts]
            self._apply(user, current, wanted, now)
        return self._answer(request, user, now)

    def _remove_all(self, request: Request, user: str, current: dict[str, Binding]) -> None:
        if request.expires != 0:
            raise RemoteError(400, "Contact * Needs Expires 0")
        for binding in current.values():
            _check_order(binding, request)
        self._bindings.pop(user.lower(), None)
        self._on_change(Change(removed=tuple(current.values())))

    def _wanted(self, request: Request, contact: Address, user: str, flow: Flow, now: float) -> Binding:
        expires = _expires(contact, request, self._default)
        if 0 < expires < self._min:
            raise RemoteError(423, "Interval Too Brief")
        if contact.uri.scheme not in ("sip", "sips"):
            raise RemoteError(400, "Contact Is No SIP URI")
        return Binding(
            user=user,
            contact=str(contact.uri),
            call_id=request.call_id,
            cseq=request.cseq.number,
            expires_at=now + min(expires, self._max) if expires else now,
            transport=flow.transport,
            local=flow.local,
            remote=flow.remote,
            connection=flow.connection,
            instance=(find_param(contact.params, "+sip.instance") or "").strip('"<>')[:200],
            q=_q(contact),
            user_agent=(request.headers.get("User-Agent") or "")[:200],
        )

    def _apply(self, user: str, current: dict[str, Binding], wanted: list[Binding], now: float) -> None:
        """All or nothing (10.3 step 7)."""
        after = dict(current)
        removed: list[Binding] = []
        for binding in wanted:
            existing = _same(after, binding)
            if existing is not None and existing.call_id == binding.call_id and binding.cseq <= existing.cseq:
                raise RemoteError(500, "CSeq Is Lower Than Expected")
            if existing is not None:
                del after[existing.key]
                if existing.key != binding.key or binding.expires_at <= now:
                    removed.append(existing)
            if binding.expires_at > now:
                after[binding.key] = binding
        if len(after) > MAX_CONTACTS:
            raise RemoteError(403, "Too Many Contacts")
        self._bindings[user.lower()] = after
        if not after:
            del self._bindings[user.lower()]
        self._on_change(Change(saved=tuple(b for b in wanted if b.expires_at > now), removed=tuple(removed)))

    def _answer(self, request: Request, user: str, now: float) -> Response:
        """200 with every binding and what is left of it."""
        headers = []
        for binding in self.bindings(user, now):
            address = Address("", Uri.parse(binding.contact))
            left = max(1, round(binding.expires_at - now))
            address = address.with_param("expires", str(left))
            if binding.instance:  # RFC 5626: the telephone finds itself by it
                address = address.with_param("+sip.instance", f'"<{binding.instance}>"')
            headers.append(("Contact", str(address)))
        return request.reply(200, headers=headers)


def _same(current: dict[str, Binding], wanted: Binding) -> Binding | None:
    if wanted.key in current:
        return current[wanted.key]
    uri = Uri.parse(wanted.contact)
    return next((binding for binding in current.values() if Uri.parse(binding.contact).equals(uri)), None)


def _check_order(binding: Binding, request: Request) -> None:
    if binding.call_id == request.call_id and request.cseq.number <= binding.cseq:
        raise RemoteError(500, "CSeq Is Lower Than Expected")


def _expires(contact: Address, request: Request, default: int) -> int:
    """The parameter, else the header, else the default; a malformed one is the default (10.3 step 6)."""
    value = contact.param("expires")
    if value is not None:
        return min(int(value), 2**32 - 1) if value.isascii() and value.isdigit() and len(value) < 12 else default
    return request.expires if request.expires is not None else default


def _q(contact: Address) -> float:
    try:
        return min(1.0, max(0.0, float(contact.param("q") or "1")))
    except ValueError:
        return 1.0
