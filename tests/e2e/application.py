"""A web application as a customer would write it: it answers TwiML, keeps what it was told and checks each signature."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web
from twilio.request_validator import RequestValidator

from tests.peers.ports import LOOPBACK, free_ports

Reply = str | bytes | Callable[[dict[str, str]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    path: str
    method: str
    params: dict[str, str]
    is_signed: bool
    content_type: str
    at: float
    """On the loop's clock."""

    signature: str
    token: str
    """I-Twilio-Idempotency-Token: the same when the same request is made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    reply: Reply
    status: int = 200
    content_type: str = "text/xml"
    delay_s: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)


class Application:
    """Listens on a free port of its own. Every request that arrives unsigned or wrongly signed is in `unsigned`.

    `records=False`: it only answers, as a benchmark needs.
    """

    def __init__(self, auth_token: str, *, records: bool = True) -> None:
        self.records = records
        self.port = free_ports(1)
        self.received: list[Received] = []
        self._validator = RequestValidator(auth_token)
        self._answers: dict[str, Answer] = {}
        self._arrived = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def unsigned(self) -> list[Received]:
        return [one for one in self.received if not one.is_signed]

    def answers(
        self,
        path: str,
        reply: Reply,
        *,
        status: int = 200,
        content_type: str = "text/xml",
        delay_s: float = 0.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """What *path* says from now on; a callable gets the parameters."""
        self._answers[path] = Answer(
            reply=reply, status=status, content_type=content_type, delay_s=delay_s, headers=headers or {}
        )

    def serves(self, path: str, audio: bytes, content_type: str = "audio/wav") -> None:
        """A file that is played."""
        self.answers(path, audio, content_type=content_type)

    def all(self, path: str) -> list[dict[str, str]]:
        return [one.params for one in self.received if one.path == path]

    def last(self, path: str) -> dict[str, str]:
        found = self.all(path)
        assert found, f"{path} was never asked, only {[one.path for one in self.received]}"
        return found[-1]

    async def wait_for(self, path: str, *, count: int = 1, within_s: float = 30.0) -> dict[str, str]:
        """Wait until *path* was asked *count* times; gives the parameters of that request."""
        async with self._arrived:
            try:
                async with asyncio.timeout(within_s):
                    await self._arrived.wait_for(lambda: len(self.all(path)) >= count)
            except TimeoutError:
                asked = [one.path for one in self.received]
                raise AssertionError(f"{path} was not asked {count} times within {within_s} s, but {asked}") from None
        return self.all(path)[count - 1]

    async def _serve(self, request: web.Request) -> web.Response:
        answer = self._answers.get(request.path)
        if not self.records:
            text = answer.reply if answer is not None and isinstance(answer.reply, str) else "<Response/>"
            return web.Response(text=text, content_type="text/xml")
        form = {key: str(value) for key, value in (await request.post()).items()}
        url = f"{self.url}{request.rel_url}"
        signature = request.headers.get("X-Twilio-Signature", "")
        one = Received(
            path=request.path,
            method=request.method,
            params={**dict(request.query), **form},
            is_signed=bool(self._validator.validate(url, form, signature)),
            content_type=request.content_type,
            at=asyncio.get_running_loop().time(),
            signature=signature,
            token=request.headers.get("I-Twilio-Idempotency-Token", ""),
        )
        async with self._arrived:
            self.received.append(one)
            self._arrived.notify_all()
        if answer is None:
            return web.Response(status=404, text="no such document")
        await asyncio.sleep(answer.delay_s)
        found = answer.reply(one.params) if callable(answer.reply) else answer.reply
        body = found if isinstance(found, bytes) else found.encode()
        charset = None if isinstance(found, bytes) else "utf-8"
        return web.Response(
            status=answer.status, body=body, content_type=answer.content_type, charset=charset, headers=answer.headers
        )

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, self.port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
