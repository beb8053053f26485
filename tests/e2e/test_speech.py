"""Speech out and speech in, with real phones: what is said is recognised from what the phone kept, what a phone says is recognised here."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soxr

from gateway.speech import Hearing, Recognised
from gateway.speech.espeak import EspeakSpeaker
from gateway.speech.sphinx import SphinxListener
from gateway.twiml.control import Utterance
from tests.e2e.gateway import Gateway
from tests.peers.audio import read_wav
from tests.peers.baresip import Phone
from tests.peers.rtp_phone import RtpPhone, Samples

RATE_HZ = 8000
NUMBER = "+15550100"
pytestmark = pytest.mark.skipif(importlib.util.find_spec("pocketsphinx") is None, reason="the extra `speech`")


async def spoken(text: str) -> Samples:
    """A voice at the rate of a telephone."""
    async with EspeakSpeaker() as speaker:
        pieces = [pcm async for pcm in speaker.speak(Utterance(ssml=f"<speak>{text}.</speak>"))]
        pcm = np.frombuffer(b"".join(pieces), np.int16).astype(np.float32)
        made: Samples = soxr.resample(pcm, speaker.rate_hz, RATE_HZ).astype(np.int16)
    return made


async def understood(samples: Samples, hints: Sequence[str] = ()) -> Recognised:
    async with (
        SphinxListener() as listener,
        listener.listening(Hearing(hints=tuple(hints), end_silence_s=30.0)) as recognition,
    ):
        recognition.feed(samples.tobytes())
        recognition.finish()
        return await recognition.result()


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE_HZ), np.int16)


@pytest.mark.peers("baresip")
async def test_what_say_speaks_is_recognised_from_the_phones_own_recording(gateway: Gateway, tmp_path: Path) -> None:
    sentences = ("your number is one two three four", "please call back tomorrow morning", "the weather is nice today")
    gateway.application.answers(
        "/voice", f"<Response><Pause length='1'/><Say>{sentences[0]}</Say><Pause length='1'/></Response>"
    )
    async with Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice:
        await alice.dial("1000")
        await alice.wait_for("CALL_CLOSED", within_s=20)
    (kept,) = alice.kept()
    samples, rate_hz = read_wav(kept)
    assert rate_hz == RATE_HZ
    heard = (samples[:, 0] * 32767).astype(np.int16)
    found = await understood(heard, sentences)
    assert found.text == sentences[0]
    assert found.confidence > 0.5


@pytest.mark.exact
async def test_a_caller_is_understood_with_hints_partial_results_and_barge_in(gateway: Gateway) -> None:
    """Speech over a prompt stops it; the partial results come in order, the last one before or with the result."""
    application = gateway.application
    application.answers(
        "/number",
        '<Response><Gather input="dtmf speech" hints="sales, support, billing" speechTimeout="1" language="en-US" '
        'action="/got" partialResultCallback="/partial"><Say loop="0">Say sales, support or billing.</Say></Gather>'
        "<Redirect>/nothing</Redirect></Response>",
    )
    application.answers("/got", "<Response><Pause length='1'/></Response>")
    application.answers("/partial", "", status=204)
    voice = np.concatenate([await spoken("billing"), silence(0.1)])
    async with RtpPhone(gateway.sip, NUMBER) as phone:
        await phone.hears(within_s=15)
        await asyncio.sleep(1.5)  # in the middle of the prompt, the recogniser is there
        phone.say(voice)
        said_at = asyncio.get_running_loop().time()
        stopped = await phone.hears_no_more(for_s=0.7) - said_at
        got = await application.wait_for("/got", within_s=20)
        partials = application.all("/partial")
    assert (got["SpeechResult"], got["Language"], got["msg"]) == ("billing", "en-US", "Gather End")
    assert 0 < float(got["Confidence"]) <= 1
    assert "Digits" not in got
    assert stopped < 1.0
    print("speech cut the prompt after (ms):", round(1000 * stopped), "partial results:", len(partials))  # noqa: T201
    assert [one["SequenceNumber"] for one in partials] == [str(number) for number in range(len(partials))]
    assert {"UnstableSpeechResult", "StableSpeechResult", "CallSid", "AccountSid", "Language"} <= partials[0].keys()


async def test_a_key_is_taken_where_speech_is_asked_for_too_and_silence_is_nothing(gateway: Gateway) -> None:
    application = gateway.application
    application.answers(
        "/number",
        '<Response><Gather input="speech dtmf" timeout="1" numDigits="1" action="/got"/>'
        '<Gather input="speech" timeout="1" action="/got"/><Redirect>/nothing</Redirect></Response>',
    )
    for path in ("/got", "/nothing"):
        application.answers(path, "<Response/>")
    async with RtpPhone(gateway.sip, NUMBER) as phone:
        await asyncio.wait_for(phone.answered.wait(), 10)
        await asyncio.sleep(0.3)
        await phone.press("4")
        assert (await application.wait_for("/got"))["Digits"] == "4"
    async with RtpPhone(gateway.sip, NUMBER) as phone:
        await application.wait_for("/nothing", within_s=20)
    assert len(application.all("/got")) == 1


async def test_a_message_is_written_down(gateway: Gateway) -> None:
    application = gateway.application
    application.answers(
        "/number",
        '<Response><Record transcribe="true" transcribeCallback="/written" timeout="2" maxLength="20" action="/kept"/>'
        "</Response>",
    )
    application.answers("/kept", "<Response/>")
    application.answers("/written", "", status=204)
    voice = await spoken("please call back tomorrow morning")
    async with RtpPhone(gateway.sip, NUMBER) as phone:
        await phone.hears(within_s=15)
        await phone.hears_no_more(for_s=0.3)  # the beep is over
        phone.say(np.concatenate([voice, silence(0.5)]))
        kept = await application.wait_for("/kept", within_s=20)
    written = await application.wait_for("/written", within_s=40)
    assert written["TranscriptionStatus"] == "completed"
    assert "tomorrow" in written["TranscriptionText"]
    assert (written["RecordingSid"], written["RecordingUrl"]) == (kept["RecordingSid"], kept["RecordingUrl"])
    shown = json.loads(await gateway.fetch(written["TranscriptionUrl"]))
    assert (shown["transcription_text"], shown["status"]) == (written["TranscriptionText"], "completed")
    assert written.keys() == {
        *("TranscriptionSid", "TranscriptionText", "TranscriptionStatus", "TranscriptionUrl", "RecordingSid"),
        *("RecordingUrl", "CallSid", "AccountSid", "From", "To", "CallStatus", "ApiVersion", "Direction"),
    }
