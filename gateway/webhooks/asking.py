"""One attempt at a request: redirects, a login where it is asked for, cookies, a signature for every hop."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from urllib.parse import urlencode, urlsplit

import aiohttp
from yarl import URL

from gateway.errors import WebhookFault
from gateway.twilio_codes import Code
from gateway.webhooks.body import glimpse
from gateway.webhooks.failures import fault_of
from gateway.webhooks.guard import Denied, Guard
from gateway.webhooks.overrides import Overrides
from gateway.webhooks.signature import HEADER, sign
from gateway.webhooks.visit import Visit
from sip.digest import Credentials

MAX_REDIRECTS = 10
MAX_URL = 16_384
MAX_GLIMPSE = 16_384
GLIMPSE_S = 1.0
"""What is read of an answer that is none, to be kept with the call's notifications."""

USER_AGENT = "TwilioProxy/1.1"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response whose body has not been read. `url`: where it came from, without the parameters that we added."""

    response: aiohttp.ClientResponse
    url: str


class Again(Exception):
    """A failure, and its name in retry policies (`ct`, `rt`, `4xx`, `5xx`; `""`: never worth it)."""

    def __init__(self, fault: WebhookFault, kind: str) -> None:
        super().__init__(str(fault))
        self.fault, self.kind = fault, kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What all hops of one attempt have in common. `also`: a status besides 2xx that is an answer (304)."""

    session: aiohttp.ClientSession
    guard: Guard
    auth_token: str
    visit: Visit
    overrides: Overrides
    token: str
    """The same on every hop and retry, so that an application can tell a request that it has had."""

    headers: Pairs = ()
    also: int = 0

    async def ask(self, text: str, method: str, params: Pairs) -> Answer:
        """Follow redirects to an answer. Raises `Again`, or `WebhookFault` where no retry can help."""
        url = target(text)
        for _ in range(MAX_REDIRECTS + 1):
            credentials = Credentials(username=url.user, password=url.password or "") if url.user else None
            url = url.with_user(None)
            response = await self._send(url, method, params)
            if response.status == 401:
                challenges = response.headers.getall("WWW-Authenticate", [])
                if self.visit.log_in(url, credentials, challenges):
                    response.close()
                    response = await self._send(url, method, params)
            location = response.headers.get("Location") if response.status in (301, 302, 303, 307, 308) else None
            if location is None:
                return await self._judged(response, url)
            response.close()
            if method == "POST" and response.status in (301, 302, 303):
                method = "GET"  # as browsers do; the parameters travel on in the query
            url = _next(url, location)
            if method == "GET":
                params = [(name, value) for name, value in params if name not in url.query]
        raise WebhookFault(Code.TOO_MANY_REDIRECTS, f"more than {MAX_REDIRECTS} redirects", url=text)

    async def _judged(self, response: aiohttp.ClientResponse, url: URL) -> Answer:
        status = response.status
        if 200 <= status < 300 or status == self.also:
            return Answer(response=response, url=str(url))
        body = await glimpse(response, MAX_GLIMPSE, GLIMPSE_S)
        response.close()
        headers = tuple(response.headers.items())
        fault = WebhookFault(
            Code.HTTP_RETRIEVAL, f"answered {status}", url=str(url), status=status, headers=headers, body=body
        )
        raise Again(fault, "4xx" if 400 <= status < 500 else "5xx" if status >= 500 else "")

    async def _send(self, url: URL, method: str, params: Pairs) -> aiohttp.ClientResponse:
        body = b""
        sent = url
        if method == "POST":
            body = urlencode(params).encode()
        elif params:
            more = urlencode(params)
            sent = URL(f"{url}{'&' if url.raw_query_string else '?'}{more}", encoded=True)
        headers = self._headers(sent, method, params if method == "POST" else (), body)
        for _ in range(3):
            context = SimpleNamespace(is_reused=False)
            try:
                self.guard.check_literal(url.host or "")
                async with asyncio.timeout(self.overrides.read_ms / 1000):
                    response = await self.session.request(
                        method,
                        sent,
                        data=body if method == "POST" else None,
                        headers=headers,
                        allow_redirects=False,
                        timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.overrides.connect_ms / 1000),
                        trace_request_ctx=context,
                    )
                self.visit.keep(response.cookies, url)
                return response
            except Denied as error:
                raise WebhookFault(Code.HTTP_RETRIEVAL, str(error), url=str(url)) from error
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if not context.is_reused or isinstance(error, aiohttp.ClientConnectorError):
                    raise Again(*fault_of(error, str(url))) from error
                # the server had closed an idle connection just when we used it: nothing was asked yet
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                raise Again(*fault_of(error, str(url))) from error
        raise WebhookFault(Code.HTTP_PROTOCOL, "the server keeps closing connections", url=str(url))

    def _headers(self, url: URL, method: str, form: Pairs, body: bytes) -> dict[str, str]:
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
            "I-Twilio-Idempotency-Token": self.token,
            HEADER: sign(self.auth_token, str(url), form),
            **dict(self.headers),
        }
        if method == "POST":
            headers["Content-Type"] = FORM
        if cookies := self.visit.cookies(url):
            headers["Cookie"] = cookies
        if authorization := self.visit.authorization(method, url, body):
            headers["Authorization"] = authorization
        return headers


def target(text: str) -> URL:
    """A URL that can be asked. Raises `WebhookFault` (11100)."""
    try:
        url = URL(text.strip())
        host = url.host or ""
        port = url.port
    except (ValueError, UnicodeError) as error:
        raise WebhookFault(Code.BAD_URL, f"not a URL: {error}", url=text) from error
    if url.scheme not in ("http", "https") or not host or len(text) > MAX_URL or port == 0:
        raise WebhookFault(Code.BAD_URL, "not an absolute http or https URL", url=text)
    if "_" in host or not re.fullmatch(r"[A-Za-z0-9.:%-]+", url.raw_host or ""):
        raise WebhookFault(Code.BAD_URL, f"host name {host[:100]!r} is not allowed", url=text)
    # signed and sent must be the same text: an empty path is sent as "/"
    return url if urlsplit(str(url)).path else url.with_path("/", keep_query=True)


def _next(url: URL, location: str) -> URL:
    try:
        return target(str(url.join(URL(location.strip())).with_fragment(None)))
    except (ValueError, UnicodeError) as error:
        raise WebhookFault(Code.BAD_URL, f"redirected to what is no URL: {location[:200]!r}", url=str(url)) from error
