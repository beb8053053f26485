"""The one client that asks applications: signed, guarded, bounded in time and size, retried as the URL says."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver

from gateway.bins import SCHEME, Bins, NoSuchBin
from gateway.errors import WebhookFault
from gateway.twilio_codes import Code
from gateway.twiml.reply import AUDIO_TYPES, Reply
from gateway.webhooks import body as bodies
from gateway.webhooks.asking import Again, Answer, Asking
from gateway.webhooks.failures import fault_of
from gateway.webhooks.guard import Guard, GuardedResolver
from gateway.webhooks.overrides import Overrides, split
from gateway.webhooks.params import clean
from gateway.webhooks.seen import Seen, conditions
from gateway.webhooks.visit import Visit

log = structlog.get_logger(__name__)

MAX_BODY = 65_536
KEEPALIVE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """A request to an application: `params` go into a form (POST) or into the query (GET)."""

    url: str
    method: str = "POST"
    params: Sequence[tuple[str, str]] = ()
    token: str = ""
    """I-Twilio-Idempotency-Token, where the same request may be made again; `""`: one of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and how it was answered, for those who keep such things (`on_exchange`)."""

    fetch: Fetch
    duration_ms: int
    reply: Reply | None = None
    fault: WebhookFault | None = None


class WebhookClient:
    """`async with` opens and closes the connections. One for the whole gateway; a `Visit` is per call."""

    def __init__(
        self,
        *,
        auth_token: str,
        guard: Guard,
        bins: Bins | None = None,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
        token_of: Callable[[str], str] | None = None,
    ) -> None:
        """*token_of*: what an account's requests are signed with, where there are several; *auth_token* is for the rest."""
        self._auth_token = auth_token
        self._token_of = token_of
        self._guard = guard
        self._bins = bins or Bins({})
        self._resolver = resolver
        self._tls = tls
        self._on_exchange = on_exchange or (lambda exchange: None)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_reused)
        connector = aiohttp.TCPConnector(
            limit=0,
            resolver=GuardedResolver(self._guard, self._resolver),
            keepalive_timeout=KEEPALIVE_S,
            ssl=self._tls if self._tls is not None else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trace_configs=[trace]
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def fetch(self, fetch: Fetch, visit: Visit | None = None) -> Reply:
        """Ask and read the answer. Raises `WebhookFault` for whatever is not a 2xx within the caps."""
        if fetch.url.startswith(SCHEME):
            return self._bin(fetch)
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        seen = visit.seen if visit is not None else Seen()
        key = (fetch.url, tuple(fetch.params)) if fetch.method == "GET" else None
        kept = seen.get(key)
        try:
            async with self.answering(
                fetch, visit, headers=conditions(kept) if kept else (), also=304 if kept else 0
            ) as answer:
                is_same = kept is not None and answer.response.status == 304
                reply = kept if kept is not None and is_same else await _read(answer)
        except WebhookFault as fault:
            self._on_exchange(Exchange(fetch=fetch, duration_ms=_ms(loop.time() - started_at), fault=fault))
            raise
        seen.keep(key, reply)
        self._on_exchange(Exchange(fetch=fetch, duration_ms=_ms(loop.time() - started_at), reply=reply))
        return reply

    @asynccontextmanager
    async def answering(
        self,
        fetch: Fetch,
        visit: Visit | None = None,
        *,
        headers: Sequence[tuple[str, str]] = (),
        also: int = 0,
    ) -> AsyncIterator[Answer]:
        """Ask; within, the body can be read. All of it is held to the total time. `also`: a status besides 2xx that is an answer."""
        url, overrides = split(fetch.url)
        try:
            async with asyncio.timeout(overrides.total_ms / 1000):
                asking = Asking(
                    session=self._opened(),
                    guard=self._guard,
                    auth_token=self._token(fetch),
                    visit=visit or Visit(),
                    overrides=overrides,
                    token=fetch.token or str(uuid.uuid4()),
                    headers=headers,
                    also=also,
                )
                answer = await _asked(asking, url, fetch, overrides)
                async with answer.response:
                    yield answer
        except TimeoutError as error:
            message = f"no whole answer within {overrides.total_ms} ms"
            raise WebhookFault(Code.HTTP_RETRIEVAL, message, url=url) from error
        except aiohttp.ClientError as error:
            raise fault_of(error, url)[0] from error
        except WebhookFault as fault:
            fault.url = fault.url or url
            raise

    def _token(self, fetch: Fetch) -> str:
        """By the account that the request tells of."""
        account = next((value for name, value in fetch.params if name == "AccountSid"), "")
        return self._token_of(account) if self._token_of is not None and account else self._auth_token

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the client is not open: use async with")
        return self._session

    def _bin(self, fetch: Fetch) -> Reply:
        try:
            document = self._bins.render(fetch.url, clean(fetch.params))
        except NoSuchBin as fault:
            gone = WebhookFault(Code.HTTP_RETRIEVAL, str(fault), url=fetch.url)
            self._on_exchange(Exchange(fetch=fetch, duration_ms=0, fault=gone))
            raise gone from fault
        reply = Reply(url=fetch.url, body=document.encode(), charset="utf-8")
        self._on_exchange(Exchange(fetch=fetch, duration_ms=0, reply=reply))
        return reply


async def _asked(asking: Asking, url: str, fetch: Fetch, overrides: Overrides) -> Answer:
    """The first attempt that succeeds, as often as the policy wants. Raises `WebhookFault`."""
    params = clean(fetch.params)
    for attempt in range(overrides.retries + 1):
        try:
            return await asking.ask(url, fetch.method, params)
        except Again as again:
            if attempt == overrides.retries or again.kind not in overrides.retry_on:
                raise again.fault from again
            log.info("asking again", url=again.fault.url, fault=again.fault.message, attempt=attempt + 1)
    raise AssertionError("the last attempt returns or raises")


async def _read(answer: Answer) -> Reply:
    """Audio is left alone: `<Play>` fetches it."""
    response = answer.response
    content_type = response.content_type.lower() if "Content-Type" in response.headers else ""
    body = b"" if content_type in AUDIO_TYPES else await bodies.read(response, MAX_BODY)
    return Reply(
        url=answer.url,
        body=body,
        content_type=content_type,
        charset=response.charset or "",
        status=response.status,
        headers=tuple(response.headers.items()),
    )


async def _reused(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    context.trace_request_ctx.is_reused = True


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
