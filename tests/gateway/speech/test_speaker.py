"""The house's voice by the real espeak-ng, and Piper by a stand-in that has its shape.

| asked | comes |
|---|---|
| text | samples, the first at once |
| the same again | the same, without the worker |
| a language or a voice that is not there | the house's voice |
| a model that can't be loaded | espeak-ng |
| a worker that dies | a new one |
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from gateway.speech import process
from gateway.speech.espeak import EspeakSpeaker
from gateway.speech.voices import voice_for
from gateway.twiml.control import DocumentFault, Utterance

LANGUAGES = """
arb ar-AE ar-XA ca-ES cmn-CN zh-CN zh-HK zh-TW yue-CN cy-GB da-DK de-AT de-DE en-AU en-CA en-GB en-GB-WLS en-IE en-IN en-NZ
en-US en-ZA es-ES es-MX es-US fi-FI fil-PH fr-BE fr-CA fr-FR is-IS it-IT ja-JP ko-KR nb-NO nl-BE nl-NL pl-PL pt-BR pt-PT ro-RO
ru-RU sv-SE tr-TR af-ZA bg-BG bn-IN cs-CZ el-GR eu-ES gl-ES gu-IN he-IL hi-IN hu-HU id-ID kn-IN lt-LT lv-LV ml-IN mr-IN ms-MY
pa-IN sk-SK sr-RS ta-IN te-IN th-TH uk-UA vi-VN en es fr de it pt zh ru en-gb
"""
"""`<Say language>` of Twilio's generator, and the short ones of old."""

POLLY = "Amy Brian Celine Hans Joanna Mizuki Zhiyu Zeina Tatyana Carla Lotte Ewa Camila Ines Mia Lupe Seoyeon Hiujin Arlet Liv"

PIPER = """
class Chunk:
    sample_rate = 16000

    def __init__(self, text):
        self.audio_int16_bytes = bytes([1, 1]) * (1600 * len(text))


class PiperVoice:
    @staticmethod
    def load(path):
        if "missing" in path:
            raise OSError(path)
        return PiperVoice()

    def synthesize(self, text):
        return [Chunk(text)]
"""


@pytest.fixture
async def speaker() -> AsyncIterator[EspeakSpeaker]:
    async with EspeakSpeaker() as speaker:
        yield speaker


def spoken(inner: str, **more: str) -> Utterance:
    return Utterance(ssml=f"<speak>{inner}</speak>", **more)


async def samples(speaker: EspeakSpeaker, utterance: Utterance) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.frombuffer(b"".join([pcm async for pcm in speaker.speak(utterance)]), np.int16)


async def test_a_sentence_is_spoken_as_it_is_made(speaker: EspeakSpeaker) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    speaking = speaker.speak(spoken("Good morning. How are you?"))
    first = await anext(speaking)
    assert loop.time() - began < 0.3
    rest = b"".join([pcm async for pcm in speaking])
    found = np.frombuffer(first + rest, np.int16)
    assert 1.0 < len(found) / speaker.rate_hz < 5.0
    assert np.abs(found.astype(int)).max() > 3000


async def test_what_was_spoken_is_not_made_again(speaker: EspeakSpeaker, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await samples(speaker, spoken("Hello."))

    def never(*_: object) -> None:
        raise AssertionError("the worker was asked again")

    monkeypatch.setattr(process.SpeechProcess, "make", never)
    assert np.array_equal(first, await samples(speaker, spoken("Hello.")))


async def test_a_break_is_as_long_as_it_says(speaker: EspeakSpeaker) -> None:
    found = await samples(speaker, spoken('<break time="1500ms"/>'))
    assert len(found) == 1.5 * speaker.rate_hz
    assert not found.any()


async def test_slow_speech_lasts_longer(speaker: EspeakSpeaker) -> None:
    plain = await samples(speaker, spoken("Please hold the line, somebody will be with you."))
    slow = await samples(
        speaker, spoken('<prosody rate="x-slow">Please hold the line, somebody will be with you.</prosody>')
    )
    assert len(slow) > 1.2 * len(plain)


@pytest.mark.parametrize("language", ["de-DE", "fr-CA", "zh-CN", "xx-YY", "q"])
async def test_every_language_is_spoken_somehow(speaker: EspeakSpeaker, language: str) -> None:
    assert len(await samples(speaker, spoken("Tag", language=language))) > 0.2 * speaker.rate_hz


async def test_many_callers_do_not_wait_for_a_long_text(speaker: EspeakSpeaker) -> None:
    loop = asyncio.get_running_loop()
    long = asyncio.create_task(samples(speaker, spoken("This sentence goes on and on. " * 130)))
    await asyncio.sleep(0)
    began = loop.time()
    await anext(speaker.speak(spoken("Hi.")))
    assert loop.time() - began < 0.3
    assert len(await long) > 100 * speaker.rate_hz


async def test_a_dead_worker_is_replaced(speaker: EspeakSpeaker) -> None:
    await speaker._espeak.stop()
    assert len(await samples(speaker, spoken("Back again."))) > 0


async def test_a_worker_that_can_not_start_is_a_fault_of_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    async with EspeakSpeaker() as speaker:
        await speaker._espeak.stop()
        monkeypatch.setattr(sys, "executable", "/bin/false")
        with pytest.raises(DocumentFault) as caught:
            await samples(speaker, spoken("x"))
    assert caught.value.code == 13520


async def test_without_espeak_the_speaker_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(OSError, match="did not start"):
        async with EspeakSpeaker():
            pass


async def test_a_piper_model_is_spoken_by_piper(
    speaker: EspeakSpeaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "piper.py").write_text(PIPER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = await samples(speaker, spoken("abcde", voice="/models/amy.onnx"))
    assert len(found) == pytest.approx(0.5 * 22_050, rel=0.01)
    assert found[1000:2000].astype(int) == pytest.approx(257, abs=2)
    other = await samples(speaker, spoken("abcde", voice="/models/missing.onnx"))
    assert np.abs(other.astype(int)).max() > 1000


@pytest.mark.parametrize(
    ("voice", "language", "name"),
    [
        ("", "en-US", "en-us+m3"),
        ("man", "en-GB", "en+m3"),
        ("woman", "en-US", "en-us+f2"),
        ("alice", "de-DE", "de+f2"),
        ("Polly.Joey-Neural", "en-US", "en-us+m3"),
        ("Polly.Amy", "en-GB", "en+f2"),
        ("Google.de-DE-Standard-B", "en-US", "de+f2"),
        ("Polly.Hans", "en-US", "de+m3"),
        ("Polly.Céline-Neural", "en-US", "fr+f2"),
        ("Polly.Lupe-Neural", "en-US", "es-419+f2"),
        ("Polly.Somebody", "it-IT", "it+f2"),
        ("", "pt-BR", "pt-br+m3"),
        ("", "en-us", "en-us+m3"),
        ("", "en-SG", "en-us+m3"),
        ("alice", "zh", "cmn+f2"),
        ("Polly.Vitória", "en-US", "pt-br+f2"),
    ],
)
def test_twilios_voices_have_a_counterpart(voice: str, language: str, name: str) -> None:
    assert voice_for(voice, language) == name


async def test_espeak_has_every_voice_that_twilios_lead_to() -> None:
    """What it does not know is spoken by the house's voice: English, whatever the words are."""
    asked = {voice_for("", language) for language in LANGUAGES.split()} | {
        voice_for(f"Polly.{name}", "") for name in POLLY.split()
    }
    assert len(asked) > 30
    worker = process.SpeechProcess("gateway.speech.espeak_worker")
    await worker.start()
    try:
        for name in sorted(asked):
            assert [pcm async for pcm in worker.make("a", name, 165)], name
    finally:
        await worker.stop()
