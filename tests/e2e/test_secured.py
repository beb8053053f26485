"""SIP over TLS: a phone that registers and calls by it speaks with one that does not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e.gateway import Gateway
from tests.peers.baresip import Phone
from tests.peers.ports import LOOPBACK, free_ports


def pair_in(home: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    certificate, key = home / "cert.pem", home / "key.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    command = [*words.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return certificate, key


@pytest.mark.peers("baresip", "openssl")
async def test_a_phone_that_speaks_tls_calls_and_is_called(tmp_path: Path) -> None:
    certificate, key = pair_in(tmp_path)
    secured = f"{LOOPBACK}:{free_ports(1)}"
    gateway = Gateway(tmp_path / "gateway", sip_more=f'certificate = "{certificate}"\nprivate_key = "{key}"\n')
    text = gateway.config_path.read_text(encoding="utf-8")
    gateway.config_path.write_text(
        text.replace('listen = ["udp', f'listen = ["tls://{secured}", "udp'), encoding="utf-8"
    )
    application = gateway.application
    application.answers(
        "/voice",
        lambda asked: f"<Response><Dial><Client>{asked['To'][4:].partition('@')[0]}</Client></Dial></Response>",
    )
    async with (
        gateway,
        Phone("alice", tmp_path / "a", tone=440, proxy=secured, transport="tls") as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        for caller, called in ((alice, bob), (bob, alice)):
            met = len(called.events)
            await caller.dial(called.name)
            await called.wait_for("CALL_ESTABLISHED", after=met)
            await called.wait_for("CALL_RTCP", after=met)  # about a second of talk
            await caller.hang_up()
            await called.wait_for("CALL_CLOSED", after=met)
        assert alice.tones((440, 700)) == {700}
        assert bob.tones((440, 700)) == {440}
        assert not application.unsigned
