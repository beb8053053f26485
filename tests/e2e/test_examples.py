"""What `make run` and configs/examples promise, with nothing of them changed but the ports."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.peers.baresip import Phone
from tests.peers.linphone import Linphone
from tests.peers.ports import LOOPBACK, free_ports
from tests.peers.process import Program

ROOT = Path(__file__).resolve().parent.parent.parent
TONES = (440, 700)


def written(name: str, home: Path, changes: dict[str, str]) -> Path:
    """A file of configs/ with other ports."""
    text = (ROOT / "configs" / name).read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    home.mkdir(parents=True, exist_ok=True)
    path = home / Path(name).name
    path.write_text(text, encoding="utf-8")
    return path


@asynccontextmanager
async def serving(name: str, home: Path, *, voice_port: int = 9000) -> AsyncIterator[str]:
    """`crosspoint serve` on a file of configs/; gives the address of its SIP side."""
    sip, http, rtp = free_ports(2), free_ports(1), free_ports(60)
    changes = {
        ":5060": f":{sip}",
        ":8080": f":{http}",
        ":9000": f":{voice_port}",
        "ports = [20000, 20999]": f"ports = [{rtp}, {rtp + 59}]",
    }
    path = written(name, home, changes)
    program = Program("crosspoint", [sys.executable, "-m", "gateway", "serve", "--config", str(path)], home)
    async with program:
        await program.wait_for_log("crosspoint ready", within_s=20)
        yield f"{LOOPBACK}:{sip}"


@pytest.mark.peers("baresip", "linphonec")
async def test_the_demo_lets_two_phones_dial_each_other_by_name(tmp_path: Path) -> None:
    async with (
        serving("demo.toml", tmp_path / "gateway") as proxy,
        Phone("alice", tmp_path / "a", tone=440, proxy=proxy, password="wonderland") as alice,
        Linphone("bob", tmp_path / "b", tone=700, proxy=proxy, password="builder") as bob,
    ):
        await alice.dial("bob")
        await bob.wait_for_established()
        await asyncio.sleep(1.5)  # real speech, real time
        await bob.hang_up()
        await alice.wait_for("CALL_CLOSED")
    assert alice.tones(TONES) == {700}
    assert bob.tones(TONES) == {440}


@pytest.mark.peers("baresip")
async def test_the_demo_has_an_echo_and_a_number_that_only_rings(tmp_path: Path) -> None:
    async with serving("demo.toml", tmp_path / "gateway") as proxy:
        async with Phone("alice", tmp_path / "a", tone=440, proxy=proxy, password="wonderland") as alice:
            await alice.dial("+15550100")
            await alice.wait_for("CALL_ESTABLISHED")
            await asyncio.sleep(2)  # real speech, real time
            await alice.hang_up()
        async with Phone("bob", tmp_path / "b", tone=700, proxy=proxy, password="builder") as bob:
            await bob.dial("+15550101")
            await asyncio.sleep(3)  # it rings
            await bob.hang_up()
    assert alice.tones((440, 480)) == {440}, "alice hears herself"
    assert bob.tones((440, 480)) == {440, 480}, "bob hears ringing"


@pytest.mark.peers("baresip")
async def test_the_example_application_connects_two_phones(tmp_path: Path) -> None:
    port = free_ports(1)
    script = written("examples/voice_app.py", tmp_path, {"port=9000": f"port={port}"})
    application = Program("voice_app", [sys.executable, "-u", str(script)], tmp_path / "app")
    async with (
        application,
        serving("examples/webhook.toml", tmp_path / "gateway", voice_port=port) as proxy,
        Phone("alice", tmp_path / "a", tone=440, proxy=proxy, password="wonderland") as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=proxy, password="builder") as bob,
    ):
        await alice.dial("bob")
        await bob.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(1.5)  # real speech, real time
        await bob.hang_up()
        await application.wait_for_log("completed")
    assert alice.tones(TONES) == {700}
    assert bob.tones(TONES) == {440}
