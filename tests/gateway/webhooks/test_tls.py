"""HTTPS: certificates are checked, and the signature is of the URL without its port."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from gateway.errors import WebhookFault
from gateway.webhooks.client import Fetch, WebhookClient
from gateway.webhooks.guard import Guard
from tests.fakes.twilio_app import TwilioApp

pytestmark = pytest.mark.peers("openssl")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command.split(), *names, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


def server(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def client(trusted: Path | None) -> WebhookClient:
    tls = ssl.create_default_context(cafile=str(trusted)) if trusted else None
    return WebhookClient(auth_token="token", guard=Guard(("127.0.0.0/8",)), tls=tls)


async def test_a_trusted_application_is_asked_and_accepts_the_signature(certificate: tuple[Path, Path]) -> None:
    async with TwilioApp(tls=server(certificate)) as app, client(certificate[0]) as asking:
        app.answers("/voice", "<Response/>")
        for method in ("POST", "GET"):
            reply = await asking.fetch(Fetch(url=app.url + "/voice", method=method, params=[("CallSid", "CA1")]))
            assert reply.body == b"<Response/>"
        assert all(one.is_signed for one in app.asked)


async def test_an_unknown_certificate_is_11237(certificate: tuple[Path, Path]) -> None:
    async with TwilioApp(tls=server(certificate)) as app, client(None) as asking:
        with pytest.raises(WebhookFault) as caught:
            await asking.fetch(Fetch(url=app.url + "/voice"))
    assert caught.value.code == 11237
    assert app.asked == []


async def test_a_certificate_of_another_name_is_11236(certificate: tuple[Path, Path]) -> None:
    async with TwilioApp(tls=server(certificate)) as app, client(certificate[0]) as asking:
        with pytest.raises(WebhookFault) as caught:
            await asking.fetch(Fetch(url=app.url.replace("127.0.0.1", "localhost") + "/voice"))
    assert caught.value.code == 11236
