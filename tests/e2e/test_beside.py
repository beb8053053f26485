"""`<Start><Recording>`: beside the documents until `<Stop>`; this call on the first channel, what it hears on the second."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np

from tests.e2e.gateway import Gateway
from tests.peers.audio import read_wav, tone_wav, tones_in
from tests.peers.rtp_phone import RtpPhone

NUMBER = "+15550100"
HUM = (3000 * np.sin(2 * np.pi * 300 * np.arange(20 * 8000) / 8000)).astype(np.int16)


async def test_a_call_is_recorded_over_its_documents_until_it_is_stopped(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    for hertz in (440, 620, 800):
        application.serves(f"/{hertz}.wav", tone_wav(hertz, seconds=1.5))
    application.answers(
        "/number",
        '<Response><Start><Recording name="all" trim="do-not-trim" recordingStatusCallback="/recorded" '
        'recordingStatusCallbackEvent="in-progress completed"/></Start><Play>/440.wav</Play><Redirect>/more</Redirect></Response>',
    )
    application.answers(
        "/more",
        '<Response><Start><Recording name="all"/></Start><Play>/620.wav</Play><Stop><Recording name="all"/></Stop>'
        "<Play>/800.wav</Play></Response>",
    )
    application.answers("/recorded", "", status=204)
    attested = "P-Asserted-Identity: <sip:+15557654321;verstat=TN-Validation-Passed-A@carrier.example>\r\n"
    async with RtpPhone(gateway.sip, NUMBER, headers=attested) as phone:
        phone.say(HUM)
        await asyncio.wait_for(phone.ended.wait(), 20)
    began, ended = await application.wait_for("/recorded"), await application.wait_for("/recorded", count=2)
    assert application.last("/more")["StirVerstat"] == "TN-Validation-Passed-A"
    assert (began["RecordingStatus"], ended["RecordingStatus"]) == ("in-progress", "completed")
    assert (ended["RecordingSource"], ended["RecordingChannels"]) == ("StartCallRecordingTwiML", "2")
    path = tmp_path / "kept.wav"
    path.write_bytes(await gateway.fetch(ended["RecordingUrl"] + "?RequestedChannels=2"))
    samples, rate_hz = read_wav(path)
    assert tones_in(samples[:, 0], rate_hz, (300, 440, 620, 800)) == {300}
    assert tones_in(samples[:, 1], rate_hz, (300, 440, 620, 800)) == {440, 620}
    assert 2.5 <= len(samples) / rate_hz <= 4.5
    assert "is running already" in gateway.logs()
