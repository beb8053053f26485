"""Answering-machine detection through a running gateway: telephones that play greetings, and what the application is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, Gateway
from tests.media.greetings import call, spoken, write
from tests.peers.baresip import Phone

STAY = '<Response><Pause length="30"/></Response>'
MACHINE = (
    "Hello, you have reached Martin. I can not come to the telephone right now. Please leave a message after the tone."
)
ANSWERS = [("machine", MACHINE, "machine_start"), ("human", "Hello?", "human")]
PEERS = pytest.mark.peers("baresip", "espeak-ng")


def callee(home: Path, text: str, proxy: str, *, beep: bool = False) -> Phone:
    """A telephone that says *text* when it answers, and then nothing."""
    phone = Phone("bob", home, tone=440, proxy=proxy, register=False)
    write(home / "tone.wav", call(spoken(text), lead_ms=400, beep_hz=1000.0 if beep else 0.0, ms=60_000))
    return phone


async def create(gateway: Gateway, **form: str) -> str:
    url = f"{gateway.public_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json"
    login = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    async with aiohttp.ClientSession(headers=login) as client, client.post(url, data=form) as response:
        assert response.status == 201, await response.text()
        return str((await response.json())["sid"])


@PEERS
@pytest.mark.parametrize(("kind", "text", "answered_by"), ANSWERS)
async def test_a_synchronous_detection_is_over_before_the_document_is_asked_for(
    gateway: Gateway, tmp_path: Path, kind: str, text: str, answered_by: str
) -> None:
    application = gateway.application
    application.answers("/next", "<Response><Hangup/></Response>")
    application.answers("/events", "")
    async with callee(tmp_path / kind, text, gateway.sip) as phone:
        sid = await create(
            gateway,
            To=phone.uri,
            From="+15550100",
            Url=f"{application.url}/next",
            MachineDetection="Enable",
            StatusCallback=f"{application.url}/events",
        )
        asked = await application.wait_for("/next")
        done = await application.wait_for("/events")
    assert asked["CallSid"] == sid
    assert asked["AnsweredBy"] == answered_by
    assert 1_500 <= int(asked["MachineDetectionDuration"]) <= 6_000
    assert done["AnsweredBy"] == answered_by
    assert done["CallStatus"] == "completed"


@PEERS
@pytest.mark.parametrize(("kind", "text", "answered_by"), ANSWERS)
async def test_an_asynchronous_detection_is_told_once_while_the_document_runs(
    gateway: Gateway, tmp_path: Path, kind: str, text: str, answered_by: str
) -> None:
    application = gateway.application
    application.answers("/next", STAY)
    application.answers("/amd", "")
    async with callee(tmp_path / kind, text, gateway.sip) as phone:
        sid = await create(
            gateway,
            To=phone.uri,
            From="+15550100",
            Url=f"{application.url}/next",
            MachineDetection="Enable",
            AsyncAmd="true",
            AsyncAmdStatusCallback=f"{application.url}/amd",
        )
        told = await application.wait_for("/amd")
        await asyncio.sleep(0.5)
    assert set(told) == {"CallSid", "AccountSid", "AnsweredBy", "MachineDetectionDuration"}
    assert (told["CallSid"], told["AccountSid"], told["AnsweredBy"]) == (sid, ACCOUNT_SID, answered_by)
    assert "AnsweredBy" not in application.last("/next")
    assert [one.path for one in application.received] == ["/next", "/amd"]


@PEERS
async def test_the_end_of_a_greeting_is_its_beep(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/next", "<Response><Hangup/></Response>")
    async with callee(tmp_path / "machine", MACHINE, gateway.sip, beep=True) as phone:
        await create(
            gateway,
            To=phone.uri,
            From="+15550100",
            Url=f"{application.url}/next",
            MachineDetection="DetectMessageEnd",
        )
        asked = await application.wait_for("/next", within_s=25.0)
    assert asked["AnsweredBy"] == "machine_end_beep"


@PEERS
async def test_a_dialled_party_that_leaves_during_the_detection_is_told_of_once(
    gateway: Gateway, tmp_path: Path
) -> None:
    application = gateway.application
    application.answers("/amd", "")
    application.answers("/done", "<Response><Hangup/></Response>")
    async with (
        callee(tmp_path / "silent", "", gateway.sip) as phone,
        Phone("alice", tmp_path / "alice", tone=440, proxy=gateway.sip) as alice,
    ):
        sip = f'<Sip machineDetection="Enable" amdStatusCallback="{application.url}/amd">{phone.uri}</Sip>'
        application.answers("/voice", f'<Response><Dial action="/done">{sip}</Dial></Response>')
        await alice.dial("1000")
        await phone.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(0.5)
        await phone.command("hangup")
        told = await application.wait_for("/amd")
        done = await application.wait_for("/done")
        await asyncio.sleep(0.5)
    assert told["AnsweredBy"] == "unknown"
    assert told["CallSid"] == done["DialCallSid"]
    assert int(told["MachineDetectionDuration"]) < 4_000
    assert len(application.all("/amd")) == 1
