"""Detection through a running gateway against telephones by hand: the verdict of the offline run, and one callback whatever they do."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from tests.amd.corpus import MadeCall
from tests.amd.offline import judge_live
from tests.amd.over_rtp import judge_all
from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, Gateway
from tests.media.greetings import Greeting, call, calls, spoken
from tests.media.sounds import sine
from tests.peers.callee import Answer, Callees

HELLO = call(spoken("Hello, Anna speaking?"), lead_ms=600, ms=20_000)
MACHINE = call(spoken("You have reached the Harper family. Please leave a message."), lead_ms=600, ms=20_000)
BEEPED = call(spoken("You have reached the Harper family. Leave a message."), lead_ms=400, beep_hz=900.0, ms=20_000)
SILENT = np.zeros(8000, dtype=np.float32)
PEERS = pytest.mark.peers("espeak-ng")


def made(greeting: Greeting) -> MadeCall:
    return MadeCall(
        name=greeting.name, category="", expected=greeting.expected, accept=(greeting.expected,), sound=greeting.sound
    )


@PEERS
async def test_calls_over_rtp_are_judged_as_they_are_offline(tmp_path: Path) -> None:
    some = [made(greeting) for greeting in calls(seed=41, count=16)]
    told, _ = await judge_all(tmp_path / "gateway", some, at_once=16)
    offline = [judge_live(one, message_end=False) for one in some]
    differ = [(one.name, a, b) for one, a, b in zip(some, told, offline, strict=True) if a.answered_by != b.answered_by]
    assert len(differ) <= 1, differ
    assert {one.times for one in told} == {1}


ODD = {
    "silent": (Answer(sound=HELLO, sends=False), {"unknown"}),
    "late": (Answer(sound=HELLO, starts_ms=1500), {"human"}),
    "anew": (Answer(sound=HELLO, new_ssrc_ms=1000), {"human"}),
    "early": (Answer(sound=HELLO, early=sine(425, 1.5, 0.2)), {"human"}),
    "leaves": (Answer(sound=HELLO, hangs_up_ms=1300), {"unknown", "human"}),
    "opus": (Answer(sound=MACHINE, codec="OPUS"), {"machine_start"}),
    "wide": (Answer(sound=HELLO, codec="G722"), {"human"}),
    "turns": (Answer(sound=MACHINE, other_codec_ms=1400), {"machine_start"}),
    "fax": (Answer(sound=call(sine(2100, 3.0, 0.2), lead_ms=600, ms=9000), codec="PCMA"), {"fax"}),
}


@PEERS
@pytest.mark.parametrize("gateway", [{"calls_per_second": 10}], indirect=True)
async def test_whatever_a_callee_does_there_is_one_verdict(gateway: Gateway) -> None:
    application = gateway.application
    login = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    base = f"{gateway.public_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Calls"
    async with Callees() as callees, aiohttp.ClientSession(headers=login) as client:
        callees.answers |= {name: answer for name, (answer, _) in ODD.items()}

        async def one(name: str) -> dict[str, str]:
            application.answers(f"/amd/{name}", "")
            form = {
                "To": callees.uri(name),
                "From": "+15550100",
                "Twiml": '<Response><Pause length="20"/></Response>',
                "MachineDetection": "Enable",
                "AsyncAmd": "true",
                "AsyncAmdStatusCallback": f"{application.url}/amd/{name}",
                "MachineDetectionSilenceTimeout": "3000",
            }
            async with client.post(f"{base}.json", data=form) as response:
                sid = json.loads(await response.text())["sid"]
            await application.wait_for(f"/amd/{name}", within_s=20)
            await asyncio.sleep(0.5)
            async with client.get(f"{base}/{sid}.json") as response:
                resource = json.loads(await response.text())
            (told,) = application.all(f"/amd/{name}")
            assert resource["answered_by"] == told["AnsweredBy"], name
            return told

        told = dict(zip(ODD, await asyncio.gather(*(one(name) for name in ODD)), strict=True))
    wrong = {name: told[name] for name, (_, right) in ODD.items() if told[name]["AnsweredBy"] not in right}
    assert not wrong
    assert int(told["leaves"]["MachineDetectionDuration"]) < 2_500
    assert 2_900 <= int(told["silent"]["MachineDetectionDuration"]) <= 4_000


@PEERS
@pytest.mark.parametrize("gateway", [{"calls_per_second": 10}], indirect=True)
async def test_a_participant_and_a_dialled_number_are_told_of_while_they_are_connected(gateway: Gateway) -> None:
    """Always asynchronously; the room and the caller hear them meanwhile."""
    application = gateway.application
    login = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    base = f"{gateway.public_url}/2010-04-01/Accounts/{ACCOUNT_SID}"
    number = (
        f'<Number machineDetection="DetectMessageEnd" amdStatusCallback="{application.url}/amd/number" '
        f'machineDetectionSpeechEndThreshold="800">+15550177</Number>'
    )
    participant = {
        "From": "+15550100",
        "MachineDetection": "Enable",
        "AmdStatusCallback": f"{application.url}/amd/room",
        "AmdStatusCallbackMethod": "GET",
    }
    caller = {"From": "+15550100", "Twiml": f"<Response><Dial>{number}</Dial></Response>"}
    for path in ("/amd/number", "/amd/room"):
        application.answers(path, "")
    async with Callees(port=gateway.trunk_port) as callees, aiohttp.ClientSession(headers=login) as client:
        callees.answers = {
            "caller": Answer(sound=SILENT),
            "+15550177": Answer(sound=BEEPED),
            "room": Answer(sound=HELLO),
        }
        async with client.post(f"{base}/Calls.json", data={"To": callees.uri("caller"), **caller}) as response:
            assert response.status == 201, await response.text()
        room = f"{base}/Conferences/room/Participants.json"
        async with client.post(room, data={"To": callees.uri("room"), **participant}) as response:
            joined = json.loads(await response.text())
        in_room = await application.wait_for("/amd/room", within_s=20)
        dialled = await application.wait_for("/amd/number", within_s=20)
        async with client.get(f"{base}/Calls/{joined['call_sid']}.json") as response:
            assert json.loads(await response.text())["answered_by"] == "human"
        await asyncio.sleep(0.3)
    assert (in_room["CallSid"], in_room["AnsweredBy"]) == (joined["call_sid"], "human")
    assert dialled["AnsweredBy"] == "machine_end_beep"
    assert len(application.all("/amd/room")) == len(application.all("/amd/number")) == 1
