"""`/SIP/Domains`, and the lists that are in force at them: for calls, and for registrations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from gateway.api.errors import ApiError, not_found, of_the_file
from gateway.api.forms import Flag, Form, KeptMethod, KeptUrl, form_of
from gateway.api.pages import Json, paged
from gateway.api.render import account_uri, date, or_none
from gateway.api.services import ACCOUNT, Services
from gateway.api.shelf import Shelf
from gateway.api.voiced import VOICE_COLUMNS, Name64, check_fallbacks, sorted_out, voice_json
from gateway.directory.of_file import CALLS, REGISTRATIONS
from gateway.storage.models import Row
from gateway.storage.resources import AccessListRow, CredentialListRow, DomainRow, MappingRow

DOMAINS = 100
_COLUMNS = VOICE_COLUMNS | {"domain_name", "sip_registration"}
_NAME = re.compile(r"(?=.{1,90}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


class DomainForm(Form):
    """`POST SIP/Domains.json`, `POST SIP/Domains/SD….json`."""

    domain_name: str = ""
    friendly_name: Name64 = ""
    voice_url: KeptUrl = ""
    voice_method: KeptMethod = "POST"
    voice_fallback_url: KeptUrl = ""
    voice_fallback_method: KeptMethod = "POST"
    voice_status_callback_url: KeptUrl = ""
    voice_status_callback_method: KeptMethod = "POST"
    sip_registration: Flag = False
    secure: Flag = False
    emergency_calling_enabled: Flag = False
    byoc_trunk_sid: str = ""
    emergency_caller_sid: str = ""


class Domains(Shelf[DomainRow]):
    """The resource. Any host name will do: telephones must reach us by it, or by an outbound proxy."""

    path, key, what, prefix, kind = "/SIP/Domains", "domains", "This SIP domain's settings", "SD", DomainRow
    form = DomainForm

    def shown(self, row: DomainRow) -> Json:
        uri = f"{account_uri(row.account_sid)}/SIP/Domains/{row.sid}"
        lists = [mapping.list_sid for mapping in self._directory.mappings(row.sid, CALLS)]
        kinds = [name for name, prefix in (("IP_ACL", "AL"), ("CREDENTIAL_LIST", "CL")) if _has(lists, prefix)]
        voice = voice_json(row)
        parts = ("credential_list_mappings", "ip_access_control_list_mappings")
        return {name: value for name, value in voice.items() if not name.startswith(("sms_", "status_", "voice_c"))} | {
            "domain_name": row.domain_name,
            "friendly_name": row.friendly_name or row.domain_name,
            "auth_type": ",".join(kinds),
            "voice_status_callback_url": or_none(row.status_callback),
            "voice_status_callback_method": row.status_callback_method,
            "sip_registration": row.sip_registration,
            "secure": bool(row.more.get("secure")),
            "emergency_calling_enabled": bool(row.more.get("emergency_calling_enabled")),
            "emergency_caller_sid": row.more.get("emergency_caller_sid") or None,
            "byoc_trunk_sid": row.more.get("byoc_trunk_sid") or None,
            "uri": f"{uri}.json",
            "subresource_uris": {part: f"{uri}/{part.title().replace('_', '')}.json" for part in parts},
        }

    def made(self, request: web.Request, form: dict[str, str]) -> DomainRow:
        changes = self._changes(form)
        if not changes.get("domain_name"):
            raise ApiError(21231, "DomainName is required")
        if len(self.rows(request)) >= DOMAINS:
            raise ApiError(21230, f"An account has at most {DOMAINS} SIP domains")
        row = self.new(request, **sorted_out(changes, {}, _COLUMNS))
        self._check(row)
        return row

    def changed(self, request: web.Request, row: DomainRow, form: dict[str, str]) -> DomainRow:
        changes = self._changes(form)
        if not changes.get("domain_name", "kept"):
            raise ApiError(21231, "DomainName is required")
        row = self.renewed(row, **sorted_out(changes, row.more, _COLUMNS))
        self._check(row)
        return row

    def gone(self, row: DomainRow) -> Sequence[Row]:
        return [*self._directory.mappings(row.sid, CALLS), *self._directory.mappings(row.sid, REGISTRATIONS)]

    def _changes(self, form: dict[str, str]) -> dict[str, Any]:
        changes = DomainForm.changes(form)
        for given, kept in (
            ("voice_status_callback_url", "status_callback"),
            ("voice_status_callback_method", "status_callback_method"),
        ):
            if given in changes:
                changes[kept] = changes.pop(given)
        return changes

    def _check(self, row: DomainRow) -> None:
        if not _NAME.fullmatch(row.domain_name):
            raise ApiError(21232, f"DomainName {row.domain_name[:100]!r} is no host name")
        there = self._directory.domain(row.domain_name)
        if there is not None and there.sid != row.sid:
            raise ApiError(21231, f"DomainName {row.domain_name} is taken")
        check_fallbacks(row)


class MappingForm(Form):
    """`POST …Mappings.json`: one of the two."""

    credential_list_sid: str = ""
    ip_access_control_list_sid: str = ""


class Mappings:
    """Lists of one kind at a domain, for calls or for registrations. The oldest paths are those for calls by another name."""

    form = MappingForm

    def __init__(self, services: Services, part: str, key: str, kind: type[CredentialListRow | AccessListRow]) -> None:
        self._s = services
        self._directory = services.directory
        self._path = f"/SIP/Domains/{{domain_sid}}{part}"
        self._key, self._kind = key, kind
        self._use = REGISTRATIONS if "Registrations" in part else CALLS
        self._prefix = "CL" if kind is CredentialListRow else "AL"
        self._name = "credential_list_sid" if kind is CredentialListRow else "ip_access_control_list_sid"

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{self._path}.json", self.index),
            web.post(f"{self._path}.json", self.create),
            web.get(f"{self._path}/{{sid}}.json", self.fetch),
            web.delete(f"{self._path}/{{sid}}.json", self.delete),
        ]

    async def index(self, request: web.Request) -> web.Response:
        return paged(request, self._key, [self._shown(request, row) for row in self._rows(request)])

    async def create(self, request: web.Request) -> web.Response:
        form = MappingForm.read(await form_of(request))
        async with self._s.keeper.lock:
            domain = self._domain(request)
            asked = getattr(form, self._name)
            wanted = "CredentialListSid" if self._prefix == "CL" else "IpAccessControlListSid"
            if not asked:
                raise ApiError(21231, f"{wanted} is required")
            found = self._directory.get(self._kind, request[ACCOUNT], asked)
            if found is None:
                raise ApiError(20404, f"{wanted} {asked[:100]!r} was not found", status=404)
            if found.sid in {row.list_sid for row in self._rows(request)}:
                raise ApiError(21231, f"{found.sid} is mapped to this domain already")
            if self._directory.is_fixed(found) and self._prefix == "AL":
                raise of_the_file("The trunks' addresses")
            row = MappingRow(
                domain_sid=domain.sid,
                use=self._use,
                list_sid=found.sid,
                account_sid=request[ACCOUNT],
                created_at=datetime.now(UTC),
            )
            await self._s.keeper.save(row)
        return web.json_response(self._shown(request, row), status=201)

    async def fetch(self, request: web.Request) -> web.Response:
        return web.json_response(self._shown(request, self._row(request)))

    async def delete(self, request: web.Request) -> web.Response:
        async with self._s.keeper.lock:
            row = self._row(request)
            if self._directory.is_fixed(row):
                raise of_the_file("The phones and trunks of this domain")
            await self._s.keeper.remove(row)
        return web.Response(status=204)

    def _domain(self, request: web.Request) -> DomainRow:
        found = self._directory.get(DomainRow, request[ACCOUNT], request.match_info["domain_sid"])
        if found is None:
            raise not_found(request)
        return found

    def _rows(self, request: web.Request) -> list[MappingRow]:
        rows = self._directory.mappings(self._domain(request).sid, self._use)
        return [row for row in rows if row.list_sid.startswith(self._prefix)]

    def _row(self, request: web.Request) -> MappingRow:
        for row in self._rows(request):
            if row.list_sid == request.match_info["sid"]:
                return row
        raise not_found(request)

    def _shown(self, request: web.Request, row: MappingRow) -> Json:
        found = self._directory.get(self._kind, row.account_sid, row.list_sid)
        place = self._path.replace("{domain_sid}", row.domain_sid)
        return {
            "sid": row.list_sid,
            "account_sid": row.account_sid,
            "friendly_name": found.friendly_name if found is not None else "",
            "domain_sid": row.domain_sid,
            "date_created": date(row.created_at),
            "date_updated": date(row.created_at),
            "uri": f"{account_uri(row.account_sid)}{place}/{row.list_sid}.json",
        }


def mappings(services: Services) -> list[Mappings]:
    """In all their places."""
    return [
        Mappings(services, "/CredentialListMappings", "credential_list_mappings", CredentialListRow),
        Mappings(services, "/IpAccessControlListMappings", "ip_access_control_list_mappings", AccessListRow),
        Mappings(services, "/Auth/Calls/CredentialListMappings", "contents", CredentialListRow),
        Mappings(services, "/Auth/Calls/IpAccessControlListMappings", "contents", AccessListRow),
        Mappings(services, "/Auth/Registrations/CredentialListMappings", "contents", CredentialListRow),
    ]


def _has(lists: Sequence[str], prefix: str) -> bool:
    return any(sid.startswith(prefix) for sid in lists)
