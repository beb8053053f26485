"""The door of the console: a form and a cookie for people, HTTP Basic for programs, a token in every form that changes something."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web

from gateway.api.auth import Gatekeeper
from gateway.api.errors import ApiError
from gateway.console.render import page
from gateway.console.sessions import LIFE_S, Sessions, Visitor
from sip.limits import Guesses

VISITOR: web.RequestKey[Visitor] = web.RequestKey("visitor", Visitor)
OPEN = "open"
"""Name of the routes that ask for nothing: the form itself and its style."""

GUESSES, GUESSES_OF_ALL, WITHIN_S = 8, 30, 60.0
"""Wrong sign-ins of one account from one address in a minute, and of any: fewer than a program's, for a person types them."""


class Door:
    """Owns the sign-ins. Says who asks, or asks for credentials."""

    def __init__(self, gate: Gatekeeper, clock: Callable[[], float], public_url: str) -> None:
        self._gate = gate
        self._sessions = Sessions(clock)
        self._clock = clock
        self._guesses = Guesses(most=GUESSES, most_of_all=GUESSES_OF_ALL, within_s=WITHIN_S)
        self._is_https = urlsplit(public_url).scheme == "https"
        self._public_host = urlsplit(public_url).netloc

    def visitor(self, request: web.Request) -> Visitor | None:
        """Who asks; None: nobody that we know. Raises `ApiError` (429) for an address that guesses."""
        if authorization := request.headers.get("Authorization", ""):
            try:
                return self._sessions.by_basic(authorization, self._gate.admit(authorization, request.remote or ""))
            except ApiError as fault:
                if fault.status == 401:
                    return None
                raise
        token = request.cookies.get(_cookie(request), "")
        found = self._sessions.find(token) if token else None
        if found is None:
            return None
        try:
            self._gate.admit(found.authorization, "")  # still good?
        except ApiError:
            self._sessions.close(token)
            return None
        return found

    def still_knows(self, request: web.Request) -> bool:
        """Whether somebody whose page is open may go on reading."""
        try:
            return self.visitor(request) is not None
        except ApiError:
            return False

    def challenge(self, request: web.Request) -> web.Response:
        """401: to a person the form, at the address that was asked for; to a program a challenge.

        A browser gets a scheme of our own: with Basic it would open a window of its own, over a page whose sign-in has ended too.
        """
        if "text/html" in request.headers.get("Accept", ""):
            response = _form(request.path_qs if request.method == "GET" else "/console", status=401)
        else:
            words = "This wants the account's credentials: the account SID and its token, or an API key.\n"
            response = web.Response(status=401, text=words, headers={"Cache-Control": "no-store"})
        is_browser = "Mozilla/" in request.headers.get("User-Agent", "") or response.content_type == "text/html"
        response.headers["WWW-Authenticate"] = f'{"Form" if is_browser else "Basic"} realm="Crosspoint"'
        return response

    async def get_login(self, request: web.Request) -> web.Response:
        return _form(_place(request.query.get("next", "")))

    async def post_login(self, request: web.Request) -> web.Response:
        """Sign in."""
        if not _is_from_us(request):
            raise web.HTTPForbidden(text="Sign in from this gateway's own page.")
        form = await request.post()
        there, user = _place(str(form.get("next", ""))), str(form.get("user", "")).strip()[:100]
        address = request.remote or ""
        if self._guesses.is_banned(address, user, self._clock()):
            return _form(there, user, "Too many wrong sign-ins. Wait a minute and try again.", status=429)
        pair = f"{user}:{form.get('password', '')}".encode()
        authorization = f"Basic {base64.b64encode(pair).decode()}"
        try:
            account = self._gate.admit(authorization, address)
        except ApiError as fault:
            if fault.status == 429:
                return _form(there, user, "Too many wrong sign-ins. Wait a moment.", status=429)
            if fault.status == 403:
                return _form(there, user, fault.message, status=403)
            self._guesses.failed(address, user, self._clock())
            words = "That is not an account or key of this gateway, or the token is another."
            return _form(there, user, words, status=401)
        self._guesses.right(address, user)
        visitor = self._sessions.open(authorization, account)
        response = web.Response(status=303, headers={"Location": there})
        self._set(request, response, visitor.token, int(LIFE_S))
        return response

    async def post_logout(self, request: web.Request) -> web.Response:
        self._sessions.close(request[VISITOR].token)
        response = web.Response(status=303, headers={"Location": "/console/login"})
        self._set(request, response, "", 0)
        return response

    def _set(self, request: web.Request, response: web.Response, token: str, life_s: int) -> None:
        """The browser keeps it from scripts and from other sites' forms."""
        is_secure = request.secure or (self._is_https and request.host == self._public_host)
        response.set_cookie(
            _cookie(request), token, max_age=life_s, path="/console", httponly=True, secure=is_secure, samesite="Lax"
        )

    async def check_form(self, request: web.Request) -> None:
        """Raises `HTTPForbidden` where a form is not ours: no token, or another site's page."""
        given = (await request.post()).get("csrf", "")
        if not _is_from_us(request) or not hmac.compare_digest(str(given).encode(), request[VISITOR].csrf.encode()):
            raise web.HTTPForbidden(text="This form has grown old. Load its page again, and send it from there.")


def _form(there: str, user: str = "", fault: str = "", *, status: int = 200) -> web.Response:
    return page("login.html", {"next": there, "user": user, "fault": fault}, status=status)


def _is_from_us(request: web.Request) -> bool:
    """Not sent by another site's page, as far as the browser tells."""
    site, origin = request.headers.get("Sec-Fetch-Site", "same-origin"), request.headers.get("Origin", "")
    return site in ("same-origin", "none") and (not origin or urlsplit(origin).netloc == request.host)


def _cookie(request: web.Request) -> str:
    """One for each port: a browser does not tell two gateways of one machine apart."""
    return f"crosspoint_{request.url.port}"


def _place(text: str) -> str:
    """Where to go after signing in: a page of the console and nowhere else."""
    path = urlsplit(text).path
    is_ours = text.startswith("/console") and (path == "/console" or path.startswith("/console/"))
    is_plain = "\\" not in text and all(letter.isprintable() for letter in text)
    return text if is_ours and is_plain and path not in ("/console/login", "/console/logout") else "/console"
