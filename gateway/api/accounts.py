"""The account itself, its keys and its balance: there is one account, and it is the configuration's."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from gateway.api.errors import not_found, of_the_file
from gateway.api.pages import Json, paged
from gateway.api.render import account_uri, date
from gateway.api.services import Services

_PARTS = {
    "applications": "Applications",
    "calls": "Calls",
    "conferences": "Conferences",
    "incoming_phone_numbers": "IncomingPhoneNumbers",
    "keys": "Keys",
    "notifications": "Notifications",
    "outgoing_caller_ids": "OutgoingCallerIds",
    "queues": "Queues",
    "recordings": "Recordings",
    "sip": "SIP",
}


class Accounts:
    """The resource. Its routes are the only ones that stand beside an account's path, not below it."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._since = datetime.now(UTC)

    def top_routes(self) -> list[web.RouteDef]:
        return [
            web.get("/Accounts.json", self.index),
            web.post("/Accounts.json", self.refuse),
            web.get("/Accounts/{account_sid}.json", self.fetch),
            web.post("/Accounts/{account_sid}.json", self.refuse),
        ]

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/Keys.json", self.list_keys),
            web.post("/Keys.json", self.refuse_key),
            web.get("/Keys/{key_sid}.json", self.fetch_key),
            web.post("/Keys/{key_sid}.json", self.refuse_key),
            web.delete("/Keys/{key_sid}.json", self.refuse_key),
            web.get("/Balance.json", self.balance),
        ]

    def _json(self) -> Json:
        sid = self._s.config.account.sid
        return {
            "sid": sid,
            "friendly_name": self._s.config.sip.domain,
            "status": "active",
            "type": "Full",
            "auth_token": None,
            "owner_account_sid": sid,
            "date_created": date(self._since),
            "date_updated": date(self._since),
            "uri": f"{account_uri(sid)}.json",
            "subresource_uris": {name: f"{account_uri(sid)}/{part}.json" for name, part in _PARTS.items()},
        }

    async def index(self, request: web.Request) -> web.Response:
        asked = request.query.get("FriendlyName", ""), request.query.get("Status", "")
        mine = self._json()
        is_shown = asked[0] in ("", mine["friendly_name"]) and asked[1] in ("", mine["status"])
        return paged(request, "accounts", [mine] if is_shown else [])

    async def fetch(self, _request: web.Request) -> web.Response:
        return web.json_response(self._json())

    async def refuse(self, _request: web.Request) -> web.Response:
        raise of_the_file("Accounts")

    def _keys(self) -> list[Json]:
        since = date(self._since)
        return [
            {"sid": key.sid, "friendly_name": key.sid, "date_created": since, "date_updated": since}
            for key in self._s.config.api_keys
        ]

    async def list_keys(self, request: web.Request) -> web.Response:
        return paged(request, "keys", self._keys())

    async def fetch_key(self, request: web.Request) -> web.Response:
        for key in self._keys():
            if key["sid"] == request.match_info["key_sid"]:
                return web.json_response(key)
        raise not_found(request)

    async def refuse_key(self, _request: web.Request) -> web.Response:
        raise of_the_file("Keys")

    async def balance(self, _request: web.Request) -> web.Response:
        """Nothing is charged here."""
        sid = self._s.config.account.sid
        return web.json_response({"account_sid": sid, "balance": "0.00", "currency": "USD"})
