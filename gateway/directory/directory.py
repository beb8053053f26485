"""Who and what is known here, at hand for every call: accounts, numbers, applications, SIP domains; of the file and of the REST API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeVar

from gateway.config import Config
from gateway.directory.of_file import CALLS, REGISTRATIONS, domain_sid, rows_of
from gateway.storage.models import Row
from gateway.storage.resources import (
    AccountRow,
    AddressRow,
    ApplicationRow,
    CredentialRow,
    DomainRow,
    KeyRow,
    MappingRow,
    NumberRow,
    Resource,
)
from gateway.storage.writing import Key, fill, key_of

ACTIVE = "active"
R = TypeVar("R", bound=Resource)
Users = dict[str, CredentialRow]


class Directory:
    """Owns all rows in memory. Knows no storage (`gateway/directory/keeper.py` does) and takes effect at once."""

    def __init__(self, config: Config) -> None:
        self.main_sid = config.account.sid
        self.own_domain_sid = domain_sid(config)
        self._rows: dict[type[Row], dict[Key, Row]] = {}
        self._fixed: set[Key] = set()
        self._numbers: dict[str, NumberRow] | None = None
        self._domains: dict[str, DomainRow] | None = None
        self._users: dict[tuple[str, str], Users | None] = {}
        self._networks: dict[str, list[IPv4Network | IPv6Network] | None] = {}
        self.on_leave: Callable[[str], None] = lambda user: None
        """Hears of each user (`alice`, `alice@domain` at domains that are not the gateway's own) who may no longer register."""

        rows = list(rows_of(config))
        self.put(*rows)
        self._fixed = {key_of(row) for row in rows}

    # -- rows -------------------------------------------------------------------------------------------------------

    def put(self, *rows: Row) -> None:
        """Insert or replace. What the file says stands: a stored row of the same key is passed over."""
        with _Leaving(self):
            for row in rows:
                if key_of(row) not in self._fixed:
                    self._rows.setdefault(type(row), {})[key_of(row)] = fill(row)
            self._forget_indexes()

    def drop(self, *rows: Row) -> None:
        with _Leaving(self):
            for row in rows:
                self._rows.get(type(row), {}).pop(key_of(row), None)
            self._forget_indexes()

    def is_fixed(self, row: Row) -> bool:
        """Of the configuration file: it changes there."""
        return key_of(row) in self._fixed

    def get(self, kind: type[R], account: str, sid: str) -> R | None:
        """None: there is none, or it is another account's."""
        row = self._rows.get(kind, {}).get((kind, sid))
        return row if isinstance(row, kind) and row.account_sid == account else None

    def all(self, kind: type[R], account: str) -> list[R]:
        """Of one account, the newest first."""
        found = [row for row in self._of(kind) if row.account_sid == account]
        return sorted(found, key=lambda row: (row.created_at, row.sid), reverse=True)

    def mappings(self, domain_sid: str, use: str) -> list[MappingRow]:
        rows = self._rows.get(MappingRow, {}).values()
        return [r for r in rows if isinstance(r, MappingRow) and (r.domain_sid, r.use) == (domain_sid, use)]

    def mapped_to(self, list_sid: str) -> list[MappingRow]:
        """Where a list is in force."""
        rows = self._rows.get(MappingRow, {}).values()
        return [row for row in rows if isinstance(row, MappingRow) and row.list_sid == list_sid]

    def _of(self, kind: type[R]) -> Iterable[R]:
        return [row for row in self._rows.get(kind, {}).values() if isinstance(row, kind)]

    def _forget_indexes(self) -> None:
        self._numbers = self._domains = None
        self._users, self._networks = {}, {}

    # -- accounts ---------------------------------------------------------------------------------------------------

    def account(self, sid: str) -> AccountRow | None:
        row = self._rows.get(AccountRow, {}).get((AccountRow, sid))
        return row if isinstance(row, AccountRow) else None

    def accounts_of(self, sid: str) -> list[AccountRow]:
        """The account itself and its subaccounts."""
        return [row for row in self._of(AccountRow) if sid in (row.sid, row.account_sid)]

    def is_active(self, sid: str) -> bool:
        """Neither it nor its owner is suspended or closed."""
        account = self.account(sid)
        owner = self.account(account.account_sid) if account is not None else None
        return account is not None and account.status == ACTIVE and owner is not None and owner.status == ACTIVE

    def key(self, sid: str) -> KeyRow | None:
        row = self._rows.get(KeyRow, {}).get((KeyRow, sid))
        return row if isinstance(row, KeyRow) else None

    def token_of(self, account_sid: str) -> str:
        """What requests to an account's applications are signed with."""
        account = self.account(account_sid) or self.account(self.main_sid)
        return account.auth_token if account is not None else ""

    # -- numbers and applications -----------------------------------------------------------------------------------

    @property
    def numbers(self) -> dict[str, NumberRow]:
        """By E.164. Of two rows with one number that of the file stands."""
        if self._numbers is None:
            rows = sorted(self._of(NumberRow), key=lambda row: not self.is_fixed(row))
            self._numbers = {}
            for row in rows:
                self._numbers.setdefault(row.number, row)
        return self._numbers

    def application(self, account: str, sid: str) -> ApplicationRow | None:
        return self.get(ApplicationRow, account, sid)

    def answering(self, number: NumberRow) -> NumberRow | ApplicationRow:
        """Whose URLs answer a number: its application's, where it has one."""
        application = self.application(number.account_sid, number.application_sid) if number.application_sid else None
        return application or number

    # -- SIP domains ------------------------------------------------------------------------------------------------

    @property
    def own_domain(self) -> DomainRow:
        row = self._rows[DomainRow][DomainRow, self.own_domain_sid]
        assert isinstance(row, DomainRow)
        return row

    def domain(self, host: str) -> DomainRow | None:
        """By the host of a SIP URI."""
        if self._domains is None:
            rows = sorted(self._of(DomainRow), key=self.is_fixed)
            self._domains = {_host(row.domain_name): row for row in rows}
        return self._domains.get(_host(host))

    def users(self, domain: DomainRow, use: str) -> Users | None:
        """Who may call or register, by the lower-case username; None: no list is mapped."""
        found = self._users.get((domain.sid, use), ())
        if isinstance(found, tuple):
            lists = [row.list_sid for row in self.mappings(domain.sid, use) if row.list_sid.startswith("CL")]
            rows = [row for row in self._of(CredentialRow) if row.list_sid in lists]
            rows.sort(key=self.is_fixed)
            found = {row.username.lower(): row for row in rows} if lists else None
            self._users[domain.sid, use] = found
        return found

    def user(self, domain: DomainRow, username: str) -> CredentialRow | None:
        """Somebody of this domain, by whatever list."""
        name = username.lower()
        calling, registering = self.users(domain, CALLS) or {}, self.users(domain, REGISTRATIONS) or {}
        return calling.get(name) or registering.get(name)

    def is_allowed(self, domain: DomainRow, source: str) -> bool | None:
        """Whether an address is in one of the domain's access control lists; None: none is mapped.

        The lists that show the file's trunks do not count: a trunk is no caller of the domain.
        """
        if domain.sid not in self._networks:
            mapped = [row for row in self.mappings(domain.sid, CALLS) if not self.is_fixed(row)]
            lists = {row.list_sid for row in mapped if row.list_sid.startswith("AL")}
            rows = [row for row in self._of(AddressRow) if row.list_sid in lists]
            networks = [ip_network(f"{row.ip_address}/{row.prefix_length}", strict=False) for row in rows]
            self._networks[domain.sid] = networks if lists else None
        found = self._networks[domain.sid]
        return None if found is None else _contains(found, source)

    def address_of(self, domain: DomainRow, username: str) -> str:
        """The name under which the registrar keeps a user: domains other than our own are part of it."""
        return username if domain.sid == self.own_domain_sid else f"{username}@{domain.domain_name}".lower()

    def registrable(self) -> set[str]:
        """Everybody who may register, as `address_of`."""
        return {
            self.address_of(domain, name)
            for domain in self._of(DomainRow)
            if domain.sip_registration
            for name in self.users(domain, REGISTRATIONS) or ()
        }


class _Leaving:
    """Around a change: tells of those who may register before it and not after it."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._before: set[str] = set()

    def __enter__(self) -> None:
        self._before = self._directory.registrable()

    def __exit__(self, *_: object) -> None:
        for user in self._before - self._directory.registrable():
            self._directory.on_leave(user)


def _host(text: str) -> str:
    return text.lower().strip("[]").rstrip(".")


def _contains(networks: Sequence[IPv4Network | IPv6Network], source: str) -> bool:
    try:
        address = ip_address(source.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return any(address.version == network.version and address in network for network in networks)
