"""A running document is replaced in the middle of each verb: what it did stops at once and the new document is heard."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from twilio.rest import Client

from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, Gateway
from tests.peers.audio import tone_wav, tones_in
from tests.peers.ports import free_ports
from tests.peers.rtp_phone import RtpPhone

NUMBER = "+15550100"
OLD, NEW = 440, 620
HUM = (3000 * np.sin(np.arange(20 * 8000) / 4)).astype(np.int16)
VERBS = {
    "Say": "<Say loop='0'>This is a very long story.</Say>",
    "Play": "<Play loop='0'>{url}/old.wav</Play>",
    "Pause": "<Play>{url}/tick.wav</Play><Pause length='60'/>",
    "Gather": "<Gather timeout='60'><Play loop='0'>{url}/old.wav</Play></Gather>",
    "Gather speech": "<Gather input='speech dtmf' timeout='60'><Play loop='0'>{url}/old.wav</Play></Gather>",
    "Record": "<Record timeout='60' action='{url}/never' recordingStatusCallback='{url}/recorded'/>",
    "Dial ringing": "<Dial action='{url}/never' timeout='60' ringTone='us'><Sip>sip:+15551111@127.0.0.1:{silent}</Sip></Dial>",
    "Dial Conference": "<Dial action='{url}/never'><Conference waitUrl='{url}/wait'>room</Conference></Dial>",
    "Enqueue": "<Enqueue waitUrl='{url}/wait' action='{url}/left'>line</Enqueue>",
    "Echo": "<Play>{url}/tick.wav</Play><Echo/>",
}


@pytest.mark.parametrize("gateway", [{"rtp_ports": (first := free_ports(100), first + 99)}], indirect=True)
async def test_every_verb_gives_way_to_a_new_document(gateway: Gateway) -> None:
    application = gateway.application
    for name, hertz, seconds in (("old", OLD, 10.0), ("tick", OLD, 0.3), ("new", NEW, 1.5)):
        application.serves(f"/{name}.wav", tone_wav(hertz, seconds=seconds))
    application.answers("/wait", "<Response><Play loop='0'>/old.wav</Play></Response>")
    application.answers("/recorded", "", status=204)
    application.answers("/left", "<Response><Say>never</Say></Response>")
    callers = {f"+1555900{number:04}": name for number, name in enumerate(VERBS)}
    silent = free_ports(1)
    documents = {name: text.format(url=application.url, silent=silent) for name, text in VERBS.items()}
    application.answers("/number", lambda asked: f"<Response>{documents[callers[asked['From']]]}</Response>")
    client = Client(ACCOUNT_SID, AUTH_TOKEN)
    client.api.base_url = gateway.public_url
    heard: dict[str, tuple[set[float], set[float]]] = {}

    async def call(caller: str) -> None:
        name = callers[caller]
        async with RtpPhone(gateway.sip, NUMBER, caller=caller) as phone:
            phone.say(HUM)
            await phone.hears(within_s=20)
            await asyncio.sleep(1.0)  # in the middle of the verb
            sid = next(one["CallSid"] for one in application.all("/number") if one["From"] == caller)
            before = len(phone.packets)
            new = f"<Response><Play>{application.url}/new.wav</Play></Response>"
            await asyncio.to_thread(client.calls(sid).update, twiml=new)
            after = len(phone.packets) + 3  # what was on its way
            await asyncio.wait_for(phone.ended.wait(), 15)
            old, fresh = phone.sound_of(phone.packets[:before]), phone.sound_of(phone.packets[after:])
            heard[name] = tones_in(old / 32768, 8000, (OLD, NEW)), tones_in(fresh / 32768, 8000, (OLD, NEW))

    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(call(caller))
    assert {name: fresh for name, (_, fresh) in heard.items()} == {name: {NEW} for name in VERBS}
    assert all(NEW not in old for old, _ in heard.values())
    assert not application.all("/never"), "no action of a verb that was replaced"
    assert (await application.wait_for("/recorded"))["RecordingStatus"] == "completed"
    assert (await application.wait_for("/left"))["QueueResult"] == "redirected"


async def test_a_time_limit_that_comes_later_ends_the_call_and_says_so(gateway: Gateway) -> None:
    gateway.application.answers("/number", "<Response><Say loop='0'>This goes on and on.</Say></Response>")
    client = Client(ACCOUNT_SID, AUTH_TOKEN)
    client.api.base_url = gateway.public_url
    async with RtpPhone(gateway.sip, NUMBER) as phone:
        await phone.hears(within_s=20)
        sid = gateway.application.last("/number")["CallSid"]
        await asyncio.to_thread(client.calls(sid).update, time_limit=1)
        await asyncio.wait_for(phone.ended.wait(), 5)
    await gateway.application.wait_for("/number-status")
    notes = await asyncio.to_thread(client.calls(sid).notifications.list)
    assert [note.error_code for note in notes if note.error_code == "32015"] == ["32015"]
