"""The HTTP server: health, readiness, figures; other parts add their routes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web

from gateway.config import HttpConfig
from gateway.tls import server_context


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsListen:
    """Where HTTPS is served too, and by which PEM files."""

    listen: str
    certificate: str
    private_key: str

    def context(self) -> ssl.SSLContext:
        """Raises `OSError`, the file named."""
        return server_context("http", self.certificate, self.private_key)


def tls_listen(config: HttpConfig) -> TlsListen | None:
    """None: no HTTPS."""
    if not config.tls_listen:
        return None
    return TlsListen(listen=config.tls_listen, certificate=config.certificate, private_key=config.private_key)


def _host_port(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


class HttpServer:
    """Owns the listening socket. `ready` says whether new calls are taken; `figures` gives the metrics text."""

    def __init__(
        self,
        listen: str,
        *,
        ready: Callable[[], bool],
        figures: Callable[[], bytes],
        alive: Callable[[], bool],
        tls: TlsListen | None = None,
    ) -> None:
        self._listen, self._tls = listen, tls
        self._ready, self._figures, self._alive = ready, figures, alive
        self.app = web.Application(client_max_size=1_000_000)
        self.app.add_routes(
            [
                web.get("/health", self._get_health),
                web.get("/ready", self._get_ready),
                web.get("/metrics", self._get_metrics),
            ]
        )
        self._runner: web.AppRunner | None = None
        self.address, self.tls_address = listen, ""

    def add_routes(self, routes: Iterable[web.AbstractRouteDef]) -> None:
        """Routes of another part; before this listens."""
        self.app.add_routes(routes)

    def mount(self, prefix: str, part: web.Application) -> None:
        """A part with middlewares of its own below *prefix*; before this listens."""
        self.app.add_subapp(prefix, part)

    async def __aenter__(self) -> Self:
        """Listen. Raises `OSError`."""
        self._runner = web.AppRunner(self.app, access_log=None, handle_signals=False, shutdown_timeout=5.0)
        await self._runner.setup()
        try:
            context = self._tls.context() if self._tls is not None else None
            await web.TCPSite(self._runner, *_host_port(self._listen)).start()
            plain = len(self._runner.addresses)
            if self._tls is not None:
                await web.TCPSite(self._runner, *_host_port(self._tls.listen), ssl_context=context).start()
        except OSError:
            await self._runner.cleanup()
            raise
        bound = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port, *_ in self._runner.addresses]
        self.address, self.tls_address = bound[0], (bound[plain:] or [""])[0]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await asyncio.shield(self._runner.cleanup())

    async def _get_health(self, _request: web.Request) -> web.Response:
        if not self._alive():
            return web.json_response({"status": "the media engine has ended"}, status=500)
        return web.json_response({"status": "ok"})

    async def _get_ready(self, _request: web.Request) -> web.Response:
        if not self._ready():
            return web.json_response({"status": "draining"}, status=503, headers={"Retry-After": "30"})
        return web.json_response({"status": "ready"})

    async def _get_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._figures(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
