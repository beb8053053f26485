"""What an operator does: start, ask for health, stop with calls up, stop at once, and be told what is wrong with the file."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.gateway import Gateway
from tests.e2e.raw import RawPeer
from tests.peers.audio import read_wav, tones_in
from tests.peers.baresip import Phone
from tests.peers.process import Program
from tests.peers.sipp import play

DIAL_BOB = '<Response><Dial action="/done"><Client>bob</Client></Dial></Response>'


async def run(home: Path, *arguments: str, within_s: float = 60.0) -> tuple[int, str]:
    """Exit code and output of a crosspoint command that ends by itself."""
    program = Program("crosspoint", [sys.executable, "-m", "gateway", *arguments], home)
    async with program:
        async with asyncio.timeout(within_s):
            code = await program.process.wait()
    return code, program.log()


async def test_health_is_there_once_the_ready_line_is(gateway: Gateway) -> None:
    assert re.search(rf"crosspoint ready sip=.*{gateway.sip_port}.* http=.*{gateway.http_port}", gateway.logs())
    assert (await gateway.get("/health"))[0] == 200
    assert (await gateway.get("/ready"))[0] == 200
    assert "crosspoint" in (await gateway.get("/metrics"))[1]


@pytest.mark.parametrize("gateway", [{"drain_s": 60}], indirect=True)
async def test_an_idle_gateway_ends_with_exit_code_0_and_waits_for_no_call(gateway: Gateway) -> None:
    began = time.monotonic()
    gateway.signal(signal.SIGTERM)
    assert await gateway.exit_code(within_s=50) == 0
    assert time.monotonic() - began < 30, "it would have waited for calls"


@pytest.mark.peers("baresip")
@pytest.mark.parametrize("gateway", [{"drain_s": 20}], indirect=True)
async def test_draining_lets_a_call_end_and_takes_no_new_one(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/voice", DIAL_BOB)
    application.answers("/done", "<Response/>")
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        await alice.dial("1000")
        await bob.wait_for("CALL_ESTABLISHED")
        gateway.signal(signal.SIGTERM)
        await asyncio.sleep(0.5)  # the signal is taken
        assert (await gateway.get("/ready"))[0] == 503
        assert (await gateway.get("/health"))[0] == 200
        async with RawPeer(gateway.sip) as peer:
            peer.send(peer.request("INVITE", "sip:+15550100@127.0.0.1", "+15557654321"))
            refused = await peer.final()
        await asyncio.sleep(1)  # real speech, real time
        assert not alice.saw("CALL_CLOSED")
        await alice.hang_up()
        assert await gateway.exit_code() == 0
    assert refused is not None
    assert refused[0] == 503
    assert bob.tones((440,)) == {440}
    assert application.last("/done")["DialCallStatus"] == "completed"
    assert application.last("/status")["CallStatus"] == "completed"


@pytest.mark.peers("baresip")
@pytest.mark.parametrize("gateway", [{"drain_s": 30}], indirect=True)
async def test_a_second_signal_ends_calls_now_and_still_tells_the_application(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/voice", DIAL_BOB)
    application.answers("/done", "<Response/>")
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
    ):
        await alice.dial("1000")
        await bob.wait_for("CALL_ESTABLISHED")
        gateway.signal(signal.SIGTERM)
        await asyncio.sleep(0.5)  # two signals, not one
        gateway.signal(signal.SIGTERM)
        await alice.wait_for("CALL_CLOSED", within_s=8)
        await bob.wait_for("CALL_CLOSED", within_s=8)
        assert await gateway.exit_code() == 0
    assert application.last("/status")["CallStatus"] == "completed"


@pytest.mark.peers("sipp")
async def test_ten_calls_at_once_leave_nothing_behind(gateway: Gateway, tmp_path: Path) -> None:
    gateway.application.answers("/number", '<Response><Pause length="1"/><Hangup/></Response>')
    await play("uac_until_bye", tmp_path / "uac", gateway.sip, service="+15550100", tone=1000, calls=10, rate=10.0)
    for path in ("/number", "/number-status"):
        await gateway.application.wait_for(path, count=10)
    metrics = (await gateway.get("/metrics"))[1]
    live = [
        line for line in metrics.splitlines() if re.match(r"crosspoint_(live_)?(calls|legs)(_live|_active)?[{ ]", line)
    ]
    assert all(float(line.rsplit(" ", 1)[1]) == 0 for line in live), live


async def test_check_says_that_a_file_is_sound(gateway: Gateway, tmp_path: Path) -> None:
    code, text = await run(tmp_path / "check", "check", "--config", str(gateway.config_path))
    assert code == 0, text


async def test_check_names_every_fault_by_its_key(gateway: Gateway, tmp_path: Path) -> None:
    text = gateway.config_path.read_text(encoding="utf-8")
    text = re.sub(r"ports = \[.*\]", "ports = [40000, 30000]", text).replace("drain_seconds", "drain_second")
    path = tmp_path / "bad.toml"
    path.write_text(text + '\n[[phone]]\nusername = "dave"\n', encoding="utf-8")
    code, said = await run(tmp_path / "check", "check", "--config", str(path))
    assert code == 1
    for key in ("rtp.ports", "limits.drain_second", "password"):
        assert key in said, said
    code, said = await run(tmp_path / "serve", "serve", "--config", str(path))
    assert code == 2
    assert "rtp.ports" in said


async def test_a_file_that_is_not_there_is_a_bad_command_line(tmp_path: Path) -> None:
    code, said = await run(tmp_path / "serve", "serve", "--config", str(tmp_path / "nowhere.toml"))
    assert code == 2
    assert "nowhere.toml" in said


async def test_the_demo_hears_both_phones_and_draws_them(tmp_path: Path) -> None:
    code, said = await run(tmp_path / "demo", "demo")
    assert code == 0, said
    assert "INVITE" in said
    recording = _named(said, ".wav", tmp_path / "demo")
    picture = _named(said, ".svg", tmp_path / "demo")
    samples, rate_hz = read_wav(recording)
    assert samples.shape[1] == 2
    candidates = tuple(range(300, 1300, 20))
    left, right = (tones_in(samples[:, channel], rate_hz, candidates) for channel in (0, 1))
    assert left, "the caller's channel holds a voice"
    assert right, "the called party's channel holds a voice"
    assert picture.read_text(encoding="utf-8").lstrip().startswith(("<svg", "<?xml"))


def _named(said: str, ending: str, home: Path) -> Path:
    found = re.findall(rf"(\S+{re.escape(ending)})\b", said)
    assert found, f"no {ending} is named in: {said}"
    path = Path(found[-1])
    return path if path.is_absolute() else home / path
