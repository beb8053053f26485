"""`/IncomingPhoneNumbers`: the numbers of the file and those that the REST API adds. Carriers sell numbers; here they are only set up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from aiohttp import web

from gateway.api.errors import ApiError, bad_value
from gateway.api.forms import matching
from gateway.api.pages import Json
from gateway.api.render import account_uri, formatted
from gateway.api.services import CALLER, Services
from gateway.api.shelf import Shelf, has
from gateway.api.voiced import VOICE_COLUMNS, VoiceForm, check_fallbacks, sorted_out, voice_json
from gateway.ids import is_sid
from gateway.routing.numbers import normalize
from gateway.storage.resources import NumberRow

_KINDS = ("/Local", "/Mobile", "/TollFree")
_COLUMNS = VOICE_COLUMNS | {"application_sid", "account_sid"}
_NUMBER = re.compile(r"\+[1-9][0-9]{1,19}|[0-9*#]{1,20}")


class NumberForm(VoiceForm):
    """`POST IncomingPhoneNumbers.json`, `POST IncomingPhoneNumbers/PN….json`."""

    account_sid: str = ""
    phone_number: str = ""
    area_code: Annotated[str, matching("[2-9][0-9]{2}", 21451, "AreaCode")] = ""
    voice_application_sid: str = ""
    voice_receive_mode: Annotated[str, matching("voice|fax", 20001, "VoiceReceiveMode")] = "voice"
    trunk_sid: str = ""
    sms_application_sid: str = ""
    emergency_status: Annotated[str, matching("Active|Inactive", 20001, "EmergencyStatus")] = "Inactive"
    emergency_address_sid: str = ""
    address_sid: str = ""
    bundle_sid: str = ""
    identity_sid: str = ""


class Numbers(Shelf[NumberRow]):
    """The resource, and its lists by kind, which are all the same here."""

    path, key, what = "/IncomingPhoneNumbers", "incoming_phone_numbers", "These phone numbers"
    prefix, kind = "PN", NumberRow
    form = NumberForm

    def __init__(self, services: Services) -> None:
        super().__init__(services)

    def routes(self) -> list[web.RouteDef]:
        found: list[web.RouteDef] = []
        for kind in _KINDS:  # before {sid}: /Local is no SID
            found.append(web.get(f"{self.path}{kind}.json", self.index))
            found.append(web.post(f"{self.path}{kind}.json", self.create))
        return [*found, *super().routes()]

    def shown(self, row: NumberRow) -> Json:
        more = row.more
        return voice_json(row) | {
            "phone_number": row.number,
            "friendly_name": row.friendly_name or formatted(row.number),
            "capabilities": {"voice": True, "sms": False, "mms": False, "fax": False},
            "address_requirements": "none",
            "address_sid": more.get("address_sid") or None,
            "identity_sid": more.get("identity_sid") or None,
            "bundle_sid": more.get("bundle_sid") or None,
            "beta": False,
            "origin": "hosted",
            "status": "in-use",
            "type": None,
            "trunk_sid": None,
            "sms_application_sid": more.get("sms_application_sid") or None,
            "voice_application_sid": row.application_sid or None,
            "voice_receive_mode": more.get("voice_receive_mode") or "voice",
            "emergency_status": more.get("emergency_status") or "Inactive",
            "emergency_address_sid": more.get("emergency_address_sid") or None,
            "emergency_address_status": "unregistered",
            "subresource_uris": {},
            "uri": f"{account_uri(row.account_sid)}/IncomingPhoneNumbers/{row.sid}.json",
        }

    def made(self, request: web.Request, form: dict[str, str]) -> NumberRow:
        changes = NumberForm.changes(form)
        asked, area = changes.pop("phone_number", ""), changes.pop("area_code", "")
        if not asked:
            raise (
                ApiError(21452, f"No phone numbers found in area code {area}: give PhoneNumber")
                if area
                else ApiError(21421, "PhoneNumber is required")
            )
        number = normalize(asked)
        if not _NUMBER.fullmatch(number):
            raise ApiError(21421, f"PhoneNumber {asked[:100]!r} is invalid")
        if number in self._directory.numbers:
            raise ApiError(21422, f"PhoneNumber {number} is not available: it is set up already")
        changes.pop("account_sid", None)
        row = self.new(request, number=number, **self._values(changes, {}))
        self._check(row)
        return row

    def changed(self, request: web.Request, row: NumberRow, form: dict[str, str]) -> NumberRow:
        changes = NumberForm.changes(form)
        for name in ("phone_number", "area_code"):
            changes.pop(name, None)
        values = self._values(changes, row.more)
        if not values.pop("account_sid", "") and "account_sid" in changes:
            raise ApiError(21470, "Invalid AccountSid")
        if moves_to := changes.get("account_sid", ""):
            self._check_move(request, moves_to)
            values["account_sid"] = moves_to
            values.setdefault("application_sid", "")
        row = self.renewed(row, **values)
        self._check(row)
        return row

    def _values(self, changes: dict[str, Any], more: dict[str, object]) -> dict[str, Any]:
        if changes.pop("trunk_sid", ""):
            raise bad_value("TrunkSid", "trunks are set up in the gateway's configuration file")
        if "voice_application_sid" in changes:
            changes["application_sid"] = changes.pop("voice_application_sid")
        return sorted_out(changes, more, _COLUMNS)

    def _check(self, row: NumberRow) -> None:
        check_fallbacks(row)
        sid = row.application_sid
        if sid and (not is_sid(sid, "AP") or self._directory.application(row.account_sid, sid) is None):
            raise ApiError(21420, f"VoiceApplicationSid {sid[:100]!r} is not accessible")

    def _check_move(self, request: web.Request, to: str) -> None:
        """To another account of the same family, asked by the one that owns both. Raises `ApiError`."""
        if not is_sid(to, "AC"):
            raise ApiError(21470, f"Invalid AccountSid: {to[:100]!r}")
        owner = self._directory.account(request[CALLER])
        if owner is None or owner.sid != owner.account_sid:
            raise ApiError(21474, "Only the account that owns both may transfer a phone number", status=403)
        if to not in {account.sid for account in self._directory.accounts_of(owner.sid)}:
            raise ApiError(21471, f"Account {to} does not exist")
        if not self._directory.is_active(to):
            raise ApiError(21472, f"Account {to} is not active")

    def is_wanted(self, query: Mapping[str, str], item: Json) -> bool:
        """`PhoneNumber` may be a part, and `*` is any digit."""
        pattern = query.get("PhoneNumber", "")
        if pattern and not re.search(re.escape(pattern).replace(r"\*", "[0-9]"), item["phone_number"]):
            return False
        if query.get("Beta", "").lower() == "true":
            return False
        return has(query, item, ("FriendlyName", "friendly_name"), ("Origin", "origin"))
