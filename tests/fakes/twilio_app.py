"""A web application as Twilio's customers write it: a real server on a free port that keeps and checks what it is asked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web
from multidict import MultiDict
from twilio.request_validator import RequestValidator

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it arrived. `params`: query and form together."""

    path: str
    method: str
    params: dict[str, str]
    form: MultiDict[str]
    headers: dict[str, str]
    is_signed: bool


class TwilioApp:
    """Answers by path with scripted documents, in turn (the last goes on); verifies every signature as an application would."""

    def __init__(self, auth_token: str = "token", tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._validator = RequestValidator(auth_token)
        self._tls = tls
        self._replies: dict[str, list[Serve]] = {}
        self._runner: web.AppRunner | None = None
        self._hanging = asyncio.Event()

    def answers(
        self,
        path: str,
        *documents: str | bytes,
        status: int = 200,
        content_type: str | None = "text/xml",
        headers: dict[str, str] | None = None,
    ) -> None:
        """What *path* says, one document after the other."""
        self._replies[path] = [_reply(document, status, content_type, headers or {}) for document in documents]

    def serves(self, path: str, serve: Serve) -> None:
        self._replies[path] = [serve]

    def hangs(self, path: str) -> None:
        """*path* takes requests and never answers."""

        async def hang(request: web.Request) -> web.StreamResponse:
            await self._hanging.wait()
            return web.Response()

        self._replies[path] = [hang]

    def of(self, path: str) -> list[Asked]:
        return [one for one in self.asked if one.path == path]

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http{'s' if self._tls else ''}://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hanging.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        form = MultiDict((key, str(value)) for key, value in (await request.post()).items())
        signature = request.headers.get("X-Twilio-Signature", "")
        self.asked.append(
            Asked(
                path=request.path,
                method=request.method,
                params={**dict(request.query), **dict(form)},
                form=form,
                headers=dict(request.headers),
                is_signed=self._validator.validate(f"{self.url}{request.raw_path}", form, signature),
            )
        )
        replies = self._replies.get(request.path)
        if not replies:
            return web.Response(status=404, text="nothing here")
        return await (replies.pop(0) if len(replies) > 1 else replies[0])(request)


def _reply(document: str | bytes, status: int, content_type: str | None, headers: dict[str, str]) -> Serve:
    body = document.encode() if isinstance(document, str) else document

    async def serve(request: web.Request) -> web.StreamResponse:
        response = web.Response(body=body, status=status, headers=headers)
        if content_type is not None:
            response.headers["Content-Type"] = content_type
        return response

    return serve
