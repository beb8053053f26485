"""`crosspoint call` against a running gateway: it follows a call to its end, hangs up by Ctrl-C, and says what is wrong."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, Gateway
from tests.peers.baresip import Phone
from tests.peers.process import Program

KNOWN = {"TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}


def calling(home: Path, *arguments: str, **environment: str) -> Program:
    command = [sys.executable, "-m", "gateway", "call", "--from", "+15550100", *arguments]
    return Program("crosspoint call", command, home, environment={"TWILIO_ACCOUNT_SID": "", **environment})


async def code_of(program: Program, *, within_s: float = 30.0) -> int:
    async with asyncio.timeout(within_s):
        return await program.process.wait()


@pytest.mark.peers("baresip")
async def test_a_call_is_followed_leg_by_leg_and_ended_by_ctrl_c(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/talk", "<Response><Dial><Client>bob</Client></Dial></Response>")
    arguments = ("--to", "client:alice", "--url", f"{application.url}/talk", "--config", str(gateway.config_path))
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
        calling(tmp_path / "call", *arguments) as program,
    ):
        await bob.wait_for("CALL_ESTABLISHED")
        await program.wait_for_log("in-progress  +15550100 -> client:bob")
        program.process.send_signal(signal.SIGINT)
        assert await code_of(program) == 0
        await alice.wait_for("CALL_CLOSED")
        await bob.wait_for("CALL_CLOSED")
    said = [line.split("s  ", 1)[1] for line in program.log().splitlines()]
    own = [line.split()[1].strip(",") for line in said if line.split()[0] == said[0].split()[0]]
    assert own[-2:] == ["in-progress", "completed"]
    assert own == sorted(set(own), key=["queued", "ringing", "in-progress", "completed"].index), (
        "each state once, in order"
    )


async def test_each_failure_has_its_words_and_its_exit_code(gateway: Gateway, tmp_path: Path) -> None:
    url, config = f"{gateway.application.url}/talk", str(gateway.config_path)
    to = ("--to", "client:carol")
    cases: list[tuple[tuple[str, ...], dict[str, str], int, str]] = [
        ((*to, "--url", url, "--config", config), {}, 1, "is not registered"),
        (("--to", "x y z", "--url", url, "--config", config), {}, 1, "21211"),
        ((*to, "--url", url), {}, 2, "--config FILE"),
        ((*to, "--config", config), {}, 2, "--url or --twiml"),
        ((*to, "--url", url, "--config", str(tmp_path / "nowhere.toml")), {}, 2, "nowhere.toml"),
        ((*to, "--url", url), KNOWN, 1, "is no Crosspoint gateway"),
        (
            (*to, "--twiml", "<Response/>", "--gateway", "http://127.0.0.1:9"),
            KNOWN,
            1,
            "Is `crosspoint serve` running there?",
        ),
        (
            (*to, "--url", url, "--gateway", gateway.public_url),
            KNOWN | {"TWILIO_AUTH_TOKEN": "x"},
            1,
            "token is another (401)",
        ),
        ((*to, "--twiml", "<Response/>", "--gateway", gateway.public_url), KNOWN, 1, "no-answer"),
    ]

    async def run(at: int) -> None:
        arguments, environment, code, words = cases[at]
        async with calling(tmp_path / str(at), *arguments, **environment) as program:
            assert await code_of(program) == code, program.log()
        assert words in program.log()
        assert "Traceback" not in program.log()
        assert AUTH_TOKEN not in program.log()

    for at in range(len(cases)):
        await run(at)
    gateway.application.received.clear()  # a command took it for a gateway: that request has no signature


@pytest.mark.peers("baresip")
async def test_on_a_terminal_it_is_a_picture_that_moves(gateway: Gateway, tmp_path: Path) -> None:
    gateway.application.answers("/talk", '<Response><Pause length="3"/></Response>')
    there, here = os.openpty()
    words = [sys.executable, "-m", "gateway", "call", "--from", "+15550100", "--to", "client:alice"]
    words += ["--url", f"{gateway.application.url}/talk", "--config", str(gateway.config_path)]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    async with Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip):
        process = await asyncio.create_subprocess_exec(*words, stdin=here, stdout=here, stderr=here, env=environment)
        os.close(here)
        seen = b""
        async with asyncio.timeout(30):
            while piece := await asyncio.to_thread(_read, there):
                seen += piece
            assert await process.wait() == 0
    os.close(there)
    text = seen.decode("utf-8", "replace")
    for part in ("Ctrl-C hangs up", "▇", " dB", "INVITE", "200", "completed"):
        assert part in text, part


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # its last user has gone
        return b""
