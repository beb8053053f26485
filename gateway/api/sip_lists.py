"""`/SIP/CredentialLists` and `/SIP/IpAccessControlLists`, and what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, ip_network
from typing import Annotated, Any, Generic, TypeVar

from aiohttp import web

from gateway.api.errors import ApiError, not_found
from gateway.api.forms import Form, at_most, between, matching
from gateway.api.pages import Json
from gateway.api.render import account_uri, date
from gateway.api.services import ACCOUNT
from gateway.api.shelf import Shelf
from gateway.storage.models import Row
from gateway.storage.resources import AccessListRow, AddressRow, CredentialListRow, CredentialRow, Resource

LISTS, CREDENTIALS, ADDRESSES = 1_000, 1_000, 100
"""Twilio's bounds: lists of an account, users of a list, addresses of a list."""

L = TypeVar("L", CredentialListRow, AccessListRow)
M = TypeVar("M", CredentialRow, AddressRow)


class ListForm(Form):
    friendly_name: str = ""


class CredentialForm(Form):
    """`POST …/Credentials.json`. A password that is too weak is refused as Twilio refuses it."""

    username: Annotated[str, matching(r"[A-Za-z0-9._~+@%!$&'()*,;=-]{1,32}", 21243, "Username")] = ""
    password: Annotated[
        str, matching(r"(?=.*[0-9])(?=.*[a-z])(?=.*[A-Z]).{12,256}", 21243, "Password", is_secret=True)
    ] = ""


class AddressForm(Form):
    """`POST …/IpAddresses.json`."""

    friendly_name: Annotated[str, at_most(255, 21238, "FriendlyName (at most 255 characters)")] = ""
    ip_address: str = ""
    cidr_prefix_length: Annotated[int, between(1, 32, 21238, "CidrPrefixLength")] = 32


class _Lists(Shelf[L], Generic[L]):
    """What both kinds of list have in common. One that is in force at a domain stays."""

    members: type[Resource]
    part: str
    longest: int
    invalid: int
    too_many: int
    mapped: int
    form = ListForm

    def shown(self, row: L) -> Json:
        uri = f"{account_uri(row.account_sid)}{self.path}/{row.sid}"
        return {
            "sid": row.sid,
            "account_sid": row.account_sid,
            "friendly_name": row.friendly_name,
            "date_created": date(row.created_at),
            "date_updated": date(row.updated_at),
            "uri": f"{uri}.json",
            "subresource_uris": {self.part: f"{uri}/{self.part.title().replace('_', '')}.json"},
        }

    def made(self, request: web.Request, form: dict[str, str]) -> L:
        name = self._name(request, form)
        if len(self.rows(request)) >= LISTS:
            raise ApiError(self.too_many, f"An account has at most {LISTS} lists")
        return self.new(request, friendly_name=name)

    def changed(self, request: web.Request, row: L, form: dict[str, str]) -> L:
        return self.renewed(row, friendly_name=self._name(request, form, of=row.sid))

    def _name(self, request: web.Request, form: dict[str, str], *, of: str = "") -> str:
        name = ListForm.read(form).friendly_name
        if not name:
            raise ApiError(self.invalid, "FriendlyName is required")
        if len(name) > self.longest:
            raise ApiError(self.invalid, f"FriendlyName has at most {self.longest} characters")
        if any(row.friendly_name == name and row.sid != of for row in self.rows(request)):
            raise ApiError(self.invalid, f"There is a list with the FriendlyName {name!r}")
        return name

    def gone(self, row: L) -> Sequence[Row]:
        if self._directory.mapped_to(row.sid):
            raise ApiError(self.mapped, f"{row.sid} is mapped to a SIP domain and cannot be deleted")
        return [member for member in self._directory.all(self.members, row.account_sid) if _list_of(member) == row.sid]


class CredentialLists(_Lists[CredentialListRow]):
    path, key, what, prefix = "/SIP/CredentialLists", "credential_lists", "The phones", "CL"
    kind, members, part = CredentialListRow, CredentialRow, "credentials"
    longest, invalid, too_many, mapped = 64, 21240, 21239, 21241


class AccessLists(_Lists[AccessListRow]):
    path, key, what, prefix = "/SIP/IpAccessControlLists", "ip_access_control_lists", "The trunks' addresses", "AL"
    kind, members, part = AccessListRow, AddressRow, "ip_addresses"
    longest, invalid, too_many, mapped = 255, 21235, 21234, 21236


class _Members(Shelf[M], Generic[M]):
    """What is in a list."""

    lists: type[CredentialListRow] | type[AccessListRow]

    def rows(self, request: web.Request) -> list[M]:
        sid = self.list_of(request).sid
        return [row for row in self._directory.all(self.kind, request[ACCOUNT]) if row.list_sid == sid]

    def list_of(self, request: web.Request) -> CredentialListRow | AccessListRow:
        found = self._directory.get(self.lists, request[ACCOUNT], request.match_info["list_sid"])
        if found is None:
            raise not_found(request)
        return found

    def common(self, row: M) -> Json:
        path = self.path.replace("{list_sid}", row.list_sid)
        return {
            "sid": row.sid,
            "account_sid": row.account_sid,
            "date_created": date(row.created_at),
            "date_updated": date(row.updated_at),
            "uri": f"{account_uri(row.account_sid)}{path}/{row.sid}.json",
        }


class Credentials(_Members[CredentialRow]):
    """Users may be added to the list of the file's phones too; only those of the file stay as they are."""

    path, key, what = "/SIP/CredentialLists/{list_sid}/Credentials", "credentials", "These phones"
    prefix, kind, lists = "CR", CredentialRow, CredentialListRow
    form = CredentialForm

    def shown(self, row: CredentialRow) -> Json:
        """Never the password."""
        return self.common(row) | {"credential_list_sid": row.list_sid, "username": row.username}

    def made(self, request: web.Request, form: dict[str, str]) -> CredentialRow:
        asked = CredentialForm.read(form)
        rows = self.rows(request)
        if not asked.username:
            raise ApiError(21243, "Username is required")
        if not asked.password:
            raise ApiError(21243, "Password is required")
        if any(row.username.lower() == asked.username.lower() for row in rows):
            raise ApiError(21243, f"There is a user {asked.username!r} in this list")
        if len(rows) >= CREDENTIALS:
            raise ApiError(21242, f"A list has at most {CREDENTIALS} users")
        list_sid = self.list_of(request).sid
        return self.new(request, list_sid=list_sid, username=asked.username, password=asked.password)

    def changed(self, request: web.Request, row: CredentialRow, form: dict[str, str]) -> CredentialRow:
        return self.renewed(row, password=CredentialForm.read(form).password or row.password)


class Addresses(_Members[AddressRow]):
    path, key = "/SIP/IpAccessControlLists/{list_sid}/IpAddresses", "ip_addresses"
    what, prefix, kind, lists = "The trunks' addresses", "IP", AddressRow, AccessListRow
    form = AddressForm

    def shown(self, row: AddressRow) -> Json:
        return self.common(row) | {
            "friendly_name": row.friendly_name,
            "ip_address": row.ip_address,
            "cidr_prefix_length": row.prefix_length,
            "ip_access_control_list_sid": row.list_sid,
        }

    def made(self, request: web.Request, form: dict[str, str]) -> AddressRow:
        changes = self._changes(form)
        parent = self.list_of(request)
        if self._directory.is_fixed(parent):
            raise ApiError(20004, "A trunk's addresses are set in the gateway's configuration file", status=405)
        for name, shown in (("friendly_name", "FriendlyName"), ("ip_address", "IpAddress")):
            if not changes.get(name):
                raise ApiError(21238, f"{shown} is required")
        if len(self.rows(request)) >= ADDRESSES:
            raise ApiError(21237, f"A list has at most {ADDRESSES} addresses")
        row = self.new(request, list_sid=parent.sid, **{"prefix_length": 32} | changes)
        self._check(request, row)
        return row

    def changed(self, request: web.Request, row: AddressRow, form: dict[str, str]) -> AddressRow:
        row = self.renewed(row, **{name: value for name, value in self._changes(form).items() if value})
        self._check(request, row)
        return row

    def _changes(self, form: dict[str, str]) -> dict[str, Any]:
        changes = AddressForm.changes(form)
        if "cidr_prefix_length" in changes:
            changes["prefix_length"] = changes.pop("cidr_prefix_length")
        return changes

    def _check(self, request: web.Request, row: AddressRow) -> None:
        try:
            IPv4Address(row.ip_address)
        except ValueError as fault:
            raise ApiError(21238, f"IpAddress {row.ip_address[:100]!r} is no IPv4 address") from fault
        network = ip_network(f"{row.ip_address}/{row.prefix_length}", strict=False)
        for other in self.rows(request):
            same = ip_network(f"{other.ip_address}/{other.prefix_length}", strict=False) == network
            if same and other.sid != row.sid:
                raise ApiError(21238, f"{network} is in this list already")


def _list_of(row: Resource) -> str:
    return row.list_sid if isinstance(row, CredentialRow | AddressRow) else ""
