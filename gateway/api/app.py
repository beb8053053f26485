"""The REST API as one application: the gate, the shape of errors, and the resources below an account."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from gateway.api.accounts import Accounts
from gateway.api.auth import Gatekeeper
from gateway.api.calls import Calls
from gateway.api.conferences import Conferences
from gateway.api.errors import ApiError, not_found
from gateway.api.numbers import Numbers
from gateway.api.participants import Participants
from gateway.api.queues import Queues
from gateway.api.recordings import MEDIA, Recordings
from gateway.api.records import Events, Notifications
from gateway.api.render import API_VERSION
from gateway.api.services import ACCOUNT, Services
from gateway.api.sip_resources import SipResources
from gateway.storage.media import NoSuchMedia
from gateway.storage.store import DATABASE_ERRORS

log = structlog.get_logger(__name__)

PREFIX = f"/{API_VERSION}"
RESOURCES = (Calls, Recordings, Notifications, Events, Conferences, Participants, Queues, Numbers, SipResources)
"""Below `/Accounts/AC…`; a new resource is a class with `routes()` and a line here."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def api_application(services: Services) -> web.Application:
    """To be mounted at `/2010-04-01`."""
    gate = Gatekeeper(services.config, asyncio.get_running_loop().time)

    @web.middleware
    async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.match_info.route.name == MEDIA and not services.config.http.media_auth:
                request[ACCOUNT] = services.config.account.sid
            else:
                request[ACCOUNT] = gate.admit(request.headers.get("Authorization", ""), request.remote or "")
            if request.match_info.get("account_sid", request[ACCOUNT]) != request[ACCOUNT]:
                raise not_found(request)
            return await handler(request)
        except ApiError as fault:
            return fault.response()
        except web.HTTPNotFound:
            return not_found(request).response()
        except NoSuchMedia:
            return not_found(request).response()
        except web.HTTPMethodNotAllowed as fault:
            headers = {"Allow": ", ".join(sorted(fault.allowed_methods))}
            return ApiError(20004, "Method not allowed", status=405, headers=headers).response()
        except web.HTTPRequestEntityTooLarge:
            return ApiError(20001, "The request is too large", status=413).response()
        except DATABASE_ERRORS as fault:
            log.warning("the database failed a request", path=request.path, fault=str(fault))
            return ApiError(20503, "The storage does not answer", status=503, headers={"Retry-After": "2"}).response()

    application = web.Application(middlewares=[admitted])
    accounts = Accounts(services)
    application.router.add_routes(accounts.top_routes())
    for resource in (accounts, *(kind(services) for kind in RESOURCES)):
        for route in resource.routes():
            path = f"/Accounts/{{account_sid}}{route.path}"
            application.router.add_routes([web.RouteDef(route.method, path, route.handler, route.kwargs)])
    return application
