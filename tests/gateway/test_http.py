"""The HTTP server: alive, ready and figures; parts that are mounted; an address that is taken."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.config import HttpConfig
from gateway.http import HttpServer, TlsListen, tls_listen


class State:
    ready = True
    alive = True


def server(state: State, listen: str = "127.0.0.1:0", tls: TlsListen | None = None) -> HttpServer:
    return HttpServer(
        listen, ready=lambda: state.ready, figures=lambda: b"crosspoint_x 1\n", alive=lambda: state.alive, tls=tls
    )


async def ask(server: HttpServer, path: str, method: str = "GET") -> tuple[int, str]:
    async with aiohttp.ClientSession() as client, client.request(method, f"http://{server.address}{path}") as response:
        return response.status, await response.text()


async def test_ready_says_503_while_draining_and_health_does_not() -> None:
    state = State()
    async with server(state) as http:
        assert (await ask(http, "/ready"))[0] == 200
        state.ready = False
        assert (await ask(http, "/ready"))[0] == 503
        assert (await ask(http, "/health"))[0] == 200


async def test_health_fails_when_the_engine_is_gone() -> None:
    state = State()
    async with server(state) as http:
        state.alive = False
        assert (await ask(http, "/health"))[0] == 500


async def test_figures_are_served_as_prometheus_reads_them() -> None:
    async with server(State()) as http:
        assert await ask(http, "/metrics") == (200, "crosspoint_x 1\n")


async def test_other_parts_add_routes_and_applications() -> None:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    http = server(State())
    part = web.Application()
    part.router.add_get("/x", hello)
    http.mount("/part", part)
    http.add_routes([web.get("/hello", hello)])
    async with http:
        assert await ask(http, "/hello") == (200, "hello")
        assert await ask(http, "/part/x") == (200, "hello")
        assert (await ask(http, "/nowhere"))[0] == 404
        assert (await ask(http, "/health", "POST"))[0] == 405


async def test_an_address_that_is_taken_is_an_error_and_leaves_nothing_open() -> None:
    async with server(State()) as first:
        with pytest.raises(OSError, match="in use"):
            async with server(State(), first.address):
                pass


async def test_ipv6_addresses_are_written_in_brackets() -> None:
    async with server(State(), "[::1]:0") as http:
        assert http.address.startswith("[::1]:")
        assert (await ask(http, "/health"))[0] == 200


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=crosspoint"
    more = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *words.split(), *more], check=True, capture_output=True, timeout=30)
    return certificate, key


@pytest.mark.peers("openssl")
async def test_https_serves_the_same_beside_http(pair: tuple[Path, Path]) -> None:
    certificate, key = pair
    tls = tls_listen(HttpConfig(tls_listen="127.0.0.1:0", certificate=str(certificate), private_key=str(key)))
    async with server(State(), tls=tls) as http, aiohttp.ClientSession() as client:
        assert (await ask(http, "/health"))[0] == 200
        trust = ssl.create_default_context(cafile=str(certificate))
        async with client.get(f"https://{http.tls_address}/health", ssl=trust) as response:
            assert response.status == 200


@pytest.mark.peers("openssl")
async def test_a_key_that_does_not_belong_to_its_certificate_is_named(pair: tuple[Path, Path]) -> None:
    certificate, key = pair
    key.write_text("no key")
    with pytest.raises(OSError, match=r"^http\.certificate: "):
        async with server(
            State(), tls=TlsListen(listen="127.0.0.1:0", certificate=str(certificate), private_key=str(key))
        ):
            pass


def test_without_an_address_for_it_there_is_no_https() -> None:
    assert tls_listen(HttpConfig()) is None
