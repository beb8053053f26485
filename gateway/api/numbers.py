"""IncomingPhoneNumbers (the `[[number]]` tables), OutgoingCallerIds and Applications."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from aiohttp import web

from gateway.api.fixed import fixed_routes, has
from gateway.api.pages import Json
from gateway.api.render import API_VERSION, account_uri, date, formatted, made_sid, or_none
from gateway.api.services import Services
from gateway.config import ApplicationConfig, NumberConfig

_KINDS = ("", "/Local", "/Mobile", "/TollFree")


class Numbers:
    """The three resources."""

    def __init__(self, services: Services) -> None:
        self._config = services.config
        self._since = date(datetime.now(UTC))

    def routes(self) -> list[web.RouteDef]:
        found: list[web.RouteDef] = []
        for kind in reversed(_KINDS):  # before {sid}: /Local is no SID
            path = f"/IncomingPhoneNumbers{kind}"
            routes = fixed_routes(path, "incoming_phone_numbers", "Phone numbers", self._numbers, _is_wanted_number)
            found += routes[:2] if kind else routes
        found += fixed_routes(
            "/OutgoingCallerIds", "outgoing_caller_ids", "Caller IDs", self._callers, _is_wanted_caller
        )
        found += fixed_routes(
            "/Applications",
            "applications",
            "Applications",
            self._applications,
            lambda request, item: has(request, item, ("FriendlyName", "friendly_name")),
        )
        return found

    def _numbers(self, _request: web.Request) -> list[Json]:
        return [self._number(number) for number in self._config.numbers]

    def _callers(self, _request: web.Request) -> list[Json]:
        """Our own numbers may be shown to whom we call."""
        names = ("sid", "account_sid", "friendly_name", "phone_number", "date_created", "date_updated")
        found = []
        for number in self._numbers(_request):
            uri = number["uri"].replace("IncomingPhoneNumbers", "OutgoingCallerIds")
            found.append({name: number[name] for name in names} | {"uri": uri})
        return found

    def _applications(self, _request: web.Request) -> list[Json]:
        return [self._application(application) for application in self._config.applications]

    def _voice(self, item: NumberConfig | ApplicationConfig) -> Json:
        return {
            "account_sid": self._config.account.sid,
            "api_version": API_VERSION,
            "date_created": self._since,
            "date_updated": self._since,
            "voice_url": item.voice_url,
            "voice_method": item.voice_method,
            "voice_fallback_url": or_none(item.voice_fallback_url),
            "voice_fallback_method": "POST",
            "voice_caller_id_lookup": False,
            "status_callback": or_none(item.status_callback),
            "status_callback_method": "POST",
            "sms_url": None,
            "sms_method": "POST",
            "sms_fallback_url": None,
            "sms_fallback_method": "POST",
        }

    def _number(self, number: NumberConfig) -> Json:
        account = self._config.account.sid
        sid = made_sid("PN", account, number.number)
        return self._voice(number) | {
            "sid": sid,
            "phone_number": number.number,
            "friendly_name": formatted(number.number),
            "capabilities": {"voice": True, "sms": False, "mms": False, "fax": False},
            "address_requirements": "none",
            "address_sid": None,
            "identity_sid": None,
            "bundle_sid": None,
            "beta": False,
            "origin": "hosted",
            "status": "in-use",
            "type": None,
            "trunk_sid": None,
            "sms_application_sid": None,
            "voice_application_sid": None,
            "voice_receive_mode": "voice",
            "emergency_status": "Inactive",
            "emergency_address_sid": None,
            "emergency_address_status": "unregistered",
            "subresource_uris": {},
            "uri": f"{account_uri(account)}/IncomingPhoneNumbers/{sid}.json",
        }

    def _application(self, application: ApplicationConfig) -> Json:
        account = self._config.account.sid
        return self._voice(application) | {
            "sid": application.sid,
            "friendly_name": application.sid,
            "message_status_callback": None,
            "sms_status_callback": None,
            "public_application_connect_enabled": False,
            "uri": f"{account_uri(account)}/Applications/{application.sid}.json",
        }


def _is_wanted_number(request: web.Request, item: Json) -> bool:
    """`PhoneNumber` may be a part, and `*` is any digit."""
    pattern = request.query.get("PhoneNumber", "")
    if pattern and not re.search(re.escape(pattern).replace(r"\*", "[0-9]"), item["phone_number"]):
        return False
    return has(request, item, ("FriendlyName", "friendly_name"), ("Origin", "origin"))


def _is_wanted_caller(request: web.Request, item: Json) -> bool:
    return has(request, item, ("PhoneNumber", "phone_number"), ("FriendlyName", "friendly_name"))
