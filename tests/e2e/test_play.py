"""`<Play>` and `<Say>` at the telephone: sample by sample, every kind of file, tones, and what happens when there is nothing to play."""

from __future__ import annotations

import asyncio
import io
import wave

import numpy as np

from tests.e2e.gateway import Gateway
from tests.peers.audio import audio_file, tone_wav, tones_in
from tests.peers.rtp_phone import RtpPhone, Samples, decode, encode

NUMBER = "+15550100"
RATE_HZ = 8000


def wav(samples: Samples) -> bytes:
    kept = io.BytesIO()
    with wave.open(kept, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    return kept.getvalue()


async def heard(gateway: Gateway) -> Samples:
    """Call, listen to the end."""
    async with RtpPhone(gateway.sip, NUMBER) as phone:
        await asyncio.wait_for(phone.ended.wait(), 40)
        assert phone.status == 200
        return phone.sound()


async def test_a_file_comes_out_sample_by_sample_as_often_as_it_is_to_be_played(gateway: Gateway) -> None:
    """Noise, so that nothing fits but itself: the very samples, twice, with not a sample between."""
    noise = np.random.default_rng(1).normal(0, 6_000, 3 * RATE_HZ // 2 + 37).astype(np.int16)
    gateway.application.serves("/noise.wav", wav(noise))
    gateway.application.answers("/number", '<Response><Play loop="2">/noise.wav</Play></Response>')
    got, wanted = (await heard(gateway)).tobytes(), decode(encode(noise)).tobytes()
    at = got.find(wanted)
    assert at >= 0
    assert got[at:].startswith(wanted * 2)
    assert not any(got[at + 2 * len(wanted) :]), "silence behind it"


async def test_every_kind_of_file_is_heard_and_digits_are_tones(gateway: Gateway) -> None:
    application = gateway.application
    kinds = {
        500.0: ("/a.wav", "audio/x-wav"),
        600.0: ("/b.aiff", "audio/aiff"),
        700.0: ("/c.mp3", "audio/mpeg"),
        800.0: ("/d.ulaw", "audio/ulaw"),
    }
    for hertz, (path, kind) in kinds.items():
        application.serves(path, audio_file(path, hertz), kind)
    files = "".join(f"<Play>{path}</Play>" for path, _ in kinds.values())
    application.answers("/number", f"<Response>{files}</Response>")
    assert tones_in(await heard(gateway) / 32768, RATE_HZ, [400, *kinds, 900]) == set(kinds)
    assert [one.method for one in application.received if one.path in {path for path, _ in kinds.values()}] == [
        "GET"
    ] * 4


async def test_what_can_not_be_played_or_said_goes_to_the_fallback_and_is_never_silence(gateway: Gateway) -> None:
    application = gateway.application
    application.serves("/beep.wav", tone_wav(620, seconds=1))
    application.serves("/noise.wav", b"RIFF" + bytes(500))
    application.serves("/words", b"words", "text/plain")
    application.answers("/fallback", "<Response><Play>/beep.wav</Play></Response>")
    for document, code in (
        ("<Play>/gone.wav</Play>", "11200"),
        ("<Play>/noise.wav</Play>", "13420"),
        ("<Play>/words</Play>", "12300"),
        ("<Gather><Say>a</Say><Play>/gone.wav</Play></Gather>", "11200"),
    ):
        application.answers("/number", f"<Response>{document}</Response>")
        assert tones_in(await heard(gateway) / 32768, RATE_HZ, [620, 440]) == {620}, document
        assert application.last("/fallback")["ErrorCode"] == code
