"""What every request passes: whose it is, whether there is a place for it, and how what goes wrong is said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.api.auth import Gatekeeper, is_key
from gateway.api.caller_ids import VALIDATION
from gateway.api.errors import ApiError, no_such_path, not_found
from gateway.api.places import Places
from gateway.api.recordings import MEDIA
from gateway.api.render import PREFIX
from gateway.api.services import ACCOUNT, BY_KEY, CALLER, Services
from gateway.storage.media import NoSuchMedia
from gateway.storage.opening import DATABASE_ERRORS, reason

log = structlog.get_logger(__name__)

BELOW = f"{PREFIX}/Accounts/{{account_sid}}/"
"""What begins so is of one account; a suspended one is read there and not changed."""

FAULTS: tuple[type[BaseException], ...] = (
    ApiError,
    NoSuchMedia,
    web.HTTPException,
    web.RequestPayloadError,
    *DATABASE_ERRORS,
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Front:
    """Owns the count of requests that are being answered."""

    def __init__(self, services: Services, gate: Gatekeeper) -> None:
        self._directory = services.directory
        self._media_auth = services.config.http.media_auth
        self._gate = gate
        self._places = Places(services.config.limits.api_requests_at_once)

    def middleware(self) -> Middleware:
        @web.middleware
        async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                with self._places.of(self._enter(request)):
                    return await handler(request)
            except FAULTS as fault:
                return _said(request, fault)
            except Exception:
                log.exception("a request failed", method=request.method, path=request.path)
                return ApiError(20500, "Internal error", status=500).response()

        return admitted

    def _enter(self, request: web.Request) -> str:
        """The account whose place the request takes. Raises `ApiError`."""
        named = request.match_info.get("account_sid", "")
        route = request.match_info.route.name or ""
        if route == VALIDATION or (route.startswith(MEDIA) and not self._media_auth):
            request[CALLER] = request[ACCOUNT] = named
            return named
        authorization = request.headers.get("Authorization", "")
        request[CALLER] = caller = self._gate.admit(authorization, request.remote or "")
        request[ACCOUNT], request[BY_KEY] = named or caller, is_key(authorization)
        if not self._gate.may_see(caller, request[ACCOUNT]):
            raise not_found(request)
        changes = request.method not in ("GET", "HEAD")
        if changes and not self._directory.is_active(request[ACCOUNT]) and _is_below(request):
            raise ApiError(20005, f"Account {request[ACCOUNT]} is not active", status=403)
        return caller


def _is_below(request: web.Request) -> bool:
    return str(request.match_info.get_info().get("formatter", "")).startswith(BELOW)


def _said(request: web.Request, fault: BaseException) -> web.StreamResponse:
    match fault:
        case ApiError():
            return fault.response()
        case web.HTTPNotFound():
            return no_such_path(request).response()
        case NoSuchMedia():
            return not_found(request).response()
        case web.HTTPMethodNotAllowed():
            return _no_method(fault.allowed_methods).response()
        case web.HTTPRequestEntityTooLarge():
            return ApiError(20001, "The request is too large", status=413).response()
        case web.RequestPayloadError():
            return ApiError(20001, "The body cannot be read").response()
        case web.HTTPException():
            raise fault
    log.warning("the database failed a request", path=request.path, fault=reason(fault))
    return ApiError(20503, "The storage does not answer", status=503, headers={"Retry-After": "2"}).response()


def _no_method(allowed: Iterable[str]) -> ApiError:
    return ApiError(20004, "Method not allowed", status=405, headers={"Allow": ", ".join(sorted(allowed))})
