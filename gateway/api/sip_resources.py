"""`/SIP`: the one domain, the phones as its credential list, the trunks as its access control lists."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network

from aiohttp import web

from gateway.api.errors import not_found
from gateway.api.fixed import Items, fixed_routes
from gateway.api.pages import Json
from gateway.api.render import API_VERSION, account_uri, date, made_sid, or_none
from gateway.api.services import Services

PHONES = "Phones"
"""The name of the credential list."""


class SipResources:
    """The resources below `/SIP`."""

    def __init__(self, services: Services) -> None:
        self._config = services.config
        self._account = services.config.account.sid
        self._base = f"{account_uri(self._account)}/SIP"
        self._domain_sid = "SD" + self._account[2:]
        self._list_sid = made_sid("CL", self._account, PHONES)
        now = date(datetime.now(UTC))
        self._dates: Json = {"account_sid": self._account, "date_created": now, "date_updated": now}

    def routes(self) -> list[web.RouteDef]:
        domain = "/SIP/Domains/{domain_sid}"
        lists: Items = lambda request: self._mapped(request, self._lists())  # noqa: E731
        acls: Items = lambda request: self._mapped(request, self._acls())  # noqa: E731
        what = "SIP domains, credentials and addresses"
        plan: list[tuple[str, str, Items]] = [
            ("/SIP/Domains", "domains", lambda _: [self._domain()]),
            ("/SIP/CredentialLists", "credential_lists", lambda _: self._lists()),
            ("/SIP/CredentialLists/{list_sid}/Credentials", "credentials", self._credentials),
            ("/SIP/IpAccessControlLists", "ip_access_control_lists", lambda _: self._acls()),
            ("/SIP/IpAccessControlLists/{list_sid}/IpAddresses", "ip_addresses", self._addresses),
            (f"{domain}/CredentialListMappings", "credential_list_mappings", lists),
            (f"{domain}/IpAccessControlListMappings", "ip_access_control_list_mappings", acls),
            (f"{domain}/Auth/Calls/CredentialListMappings", "contents", lists),
            (f"{domain}/Auth/Calls/IpAccessControlListMappings", "contents", acls),
            (f"{domain}/Auth/Registrations/CredentialListMappings", "contents", lists),
        ]
        return [route for path, key, items in plan for route in fixed_routes(path, key, what, items)]

    def _domain(self) -> Json:
        sip = self._config.sip
        uri = f"{self._base}/Domains/{self._domain_sid}"
        parts = ("credential_list_mappings", "ip_access_control_list_mappings")
        return self._dates | {
            "sid": self._domain_sid,
            "api_version": API_VERSION,
            "domain_name": sip.domain,
            "friendly_name": sip.domain,
            "auth_type": ",".join(("IP_ACL", "CREDENTIAL_LIST") if self._acls() else ("CREDENTIAL_LIST",)),
            "voice_url": sip.voice_url,
            "voice_method": sip.voice_method,
            "voice_fallback_url": or_none(sip.voice_fallback_url),
            "voice_fallback_method": "POST",
            "voice_status_callback_url": or_none(sip.status_callback),
            "voice_status_callback_method": "POST",
            "sip_registration": True,
            "secure": self._config.rtp.srtp == "required",
            "emergency_calling_enabled": False,
            "emergency_caller_sid": None,
            "byoc_trunk_sid": None,
            "uri": f"{uri}.json",
            "subresource_uris": {part: f"{uri}/{part.title().replace('_', '')}.json" for part in parts},
        }

    def _lists(self) -> list[Json]:
        uri = f"{self._base}/CredentialLists/{self._list_sid}"
        return [
            self._dates
            | {
                "sid": self._list_sid,
                "friendly_name": PHONES,
                "uri": f"{uri}.json",
                "subresource_uris": {"credentials": f"{uri}/Credentials.json"},
            }
        ]

    def _credentials(self, request: web.Request) -> list[Json]:
        """Usernames; passwords are never shown."""
        if request.match_info["list_sid"] != self._list_sid:
            raise not_found(request)
        found = []
        for phone in self._config.phones:
            sid = made_sid("CR", self._account, phone.username)
            uri = f"{self._base}/CredentialLists/{self._list_sid}/Credentials/{sid}.json"
            ours = {"sid": sid, "credential_list_sid": self._list_sid, "username": phone.username, "uri": uri}
            found.append(self._dates | ours)
        return found

    def _acls(self) -> list[Json]:
        found = []
        for trunk in self._config.trunks:
            if trunk.allow:
                sid = made_sid("AL", self._account, trunk.name)
                uri = f"{self._base}/IpAccessControlLists/{sid}"
                parts = {"ip_addresses": f"{uri}/IpAddresses.json"}
                ours = {"sid": sid, "friendly_name": trunk.name, "uri": f"{uri}.json", "subresource_uris": parts}
                found.append(self._dates | ours)
        return found

    def _addresses(self, request: web.Request) -> list[Json]:
        list_sid = request.match_info["list_sid"]
        for trunk in self._config.trunks:
            if made_sid("AL", self._account, trunk.name) == list_sid:
                return [self._address(trunk.name, list_sid, text) for text in trunk.allow]
        raise not_found(request)

    def _address(self, name: str, list_sid: str, text: str) -> Json:
        network = ip_network(text, strict=False)
        sid = made_sid("IP", self._account, name, text)
        return self._dates | {
            "sid": sid,
            "friendly_name": text,
            "ip_address": str(network.network_address),
            "cidr_prefix_length": network.prefixlen,
            "ip_access_control_list_sid": list_sid,
            "uri": f"{self._base}/IpAccessControlLists/{list_sid}/IpAddresses/{sid}.json",
        }

    def _mapped(self, request: web.Request, lists: list[Json]) -> list[Json]:
        """Lists that are mapped to the domain: all of them."""
        if request.match_info["domain_sid"] != self._domain_sid:
            raise not_found(request)
        place = request.path.removesuffix(".json").split("Mappings")[0] + "Mappings"
        return [
            {k: v for k, v in item.items() if k != "subresource_uris"}
            | {"domain_sid": self._domain_sid, "uri": f"{place}/{item['sid']}.json"}
            for item in lists
        ]
