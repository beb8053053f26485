"""The REST API as one application: the resources below an account, behind one front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from gateway.api.accounts import Accounts
from gateway.api.applications import Applications
from gateway.api.auth import Gatekeeper
from gateway.api.caller_ids import CallerIds
from gateway.api.calls import Calls
from gateway.api.conferences import Conferences
from gateway.api.front import Front
from gateway.api.keys import Keys, SigningKeys
from gateway.api.numbers import Numbers
from gateway.api.participants import Participants
from gateway.api.queues import Queues
from gateway.api.recordings import Recordings
from gateway.api.records import Events, Notifications
from gateway.api.render import API_VERSION
from gateway.api.services import Services
from gateway.api.sip_domains import Domains, mappings
from gateway.api.sip_lists import AccessLists, Addresses, CredentialLists, Credentials
from gateway.api.tokens import Tokens
from gateway.api.transcriptions import Transcriptions

PREFIX = f"/{API_VERSION}"
RESOURCES = (
    Calls,
    Recordings,
    Notifications,
    Events,
    Transcriptions,
    Conferences,
    Participants,
    Queues,
    Applications,
    Numbers,
    CallerIds,
    Keys,
    SigningKeys,
    Tokens,
    Domains,
    CredentialLists,
    Credentials,
    AccessLists,
    Addresses,
)
"""Below `/Accounts/AC…`; a new resource is a class with `routes()` and a line here."""


class Resource(Protocol):
    def routes(self) -> list[web.RouteDef]: ...


def api_application(services: Services, gate: Gatekeeper) -> web.Application:
    """To be mounted at `/2010-04-01`."""
    application = web.Application(middlewares=[Front(services, gate).middleware()])
    accounts = Accounts(services)
    application.router.add_routes(accounts.top_routes())
    resources: Sequence[Resource] = [accounts, *(kind(services) for kind in RESOURCES), *mappings(services)]
    for resource in resources:
        for route in resource.routes():
            path = f"/Accounts/{{account_sid}}{route.path}"
            application.router.add_routes([web.RouteDef(route.method, path, route.handler, route.kwargs)])
    return application
