"""Speech in by the real pocketsphinx: what the house's voice says is recognised at the rate of a telephone.

| fed | result |
|---|---|
| one of the hints | the hint as it was written |
| silence, then no more | nothing |
| speech, then no more | what was said until then |
| a language that is not there; no pocketsphinx | 13331; 13340 |
| a worker that dies | 13340, and the next caller gets another |
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import soxr

from gateway.speech import Hearing, Recognised, sphinx
from gateway.speech.espeak import EspeakSpeaker
from gateway.speech.sphinx import SphinxListener, SphinxRecognition
from gateway.twiml.control import DocumentFault, Utterance

pytestmark = pytest.mark.skipif(importlib.util.find_spec("pocketsphinx") is None, reason="the extra `speech`")

HINTS = ("Sales", "support", "Billing")
SILENCE = bytes(2 * 8000)


@pytest.fixture
async def listener() -> AsyncIterator[SphinxListener]:
    async with SphinxListener() as listener:
        yield listener


async def said(text: str, rate_hz: int = 8000) -> bytes:
    async with EspeakSpeaker() as speaker:
        spoken = Utterance(ssml=f"<speak>{text}.</speak>")
        pcm = np.frombuffer(b"".join([piece async for piece in speaker.speak(spoken)]), np.int16)
        return bytes(soxr.resample(pcm, speaker.rate_hz, rate_hz).astype(np.int16).tobytes())


def feed(recognition: SphinxRecognition, pcm: bytes) -> None:
    """As a leg does: 20 ms at a time."""
    for at in range(0, len(pcm), 320):
        recognition.feed(pcm[at : at + 320])


async def test_a_hint_is_recognised_as_it_was_written(listener: SphinxListener) -> None:
    partials: list[str] = []
    for word in ("Billing", "Sales"):
        async with listener.listening(Hearing(hints=HINTS, end_silence_s=0.6), partials.append) as recognition:
            feed(recognition, SILENCE + await said(word) + SILENCE)
            await recognition.began()
            found = await recognition.result()
        assert found.text == word
        assert 0.0 < found.confidence <= 1.0
    assert partials


async def test_silence_is_nothing_and_speech_until_the_end_is_something(listener: SphinxListener) -> None:
    async with listener.listening(Hearing(hints=HINTS)) as recognition:
        feed(recognition, SILENCE)
        recognition.finish()
        recognition.feed(b"late")
        assert await recognition.result() == Recognised()
    async with listener.listening(Hearing(hints=HINTS, rate_hz=16_000, end_silence_s=9.0)) as recognition:
        feed(recognition, SILENCE + await said("Billing", 16_000))
        recognition.finish()
        assert (await recognition.result()).text == "Billing"


async def test_who_leaves_early_leaves_a_worker_that_serves_the_next(listener: SphinxListener) -> None:
    async with listener.listening(Hearing()) as recognition:
        feed(recognition, SILENCE)
    worker = listener._idle[0]
    async with listener.listening(Hearing(hints=HINTS, end_silence_s=0.5)) as recognition:
        feed(recognition, SILENCE + await said("Billing") + SILENCE)
        assert (await recognition.result()).text == "Billing"
    assert listener._idle == [worker]


async def test_a_worker_that_dies_is_told_and_replaced(listener: SphinxListener) -> None:
    async with listener.listening(Hearing()) as recognition:
        await recognition._worker.stop()
        with pytest.raises(DocumentFault):
            await recognition.began()
        with pytest.raises(DocumentFault) as caught:
            await recognition.result()
    assert caught.value.code == 13340
    assert listener._idle == []
    async with listener.listening(Hearing()) as recognition:
        recognition.finish()
        assert await recognition.result() == Recognised()


async def test_another_language_is_13331(listener: SphinxListener) -> None:
    with pytest.raises(DocumentFault) as caught:
        async with listener.listening(Hearing(language="de-DE")):
            pass
    assert caught.value.code == 13331


async def test_without_pocketsphinx_it_is_13340(listener: SphinxListener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DocumentFault) as caught:
        async with listener.listening(Hearing()):
            pass
    assert caught.value.code == 13340


async def test_who_does_not_wait_for_a_worker_leaves_none_behind(
    listener: SphinxListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[asyncio.subprocess.Process] = []
    is_started = asyncio.Event()
    real = asyncio.create_subprocess_exec

    async def keep(*command: str, **more: Any) -> asyncio.subprocess.Process:  # noqa: ANN401
        started.append(await real(*command, **more))
        is_started.set()
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", keep)

    async def listen() -> None:
        async with listener.listening(Hearing()):
            raise AssertionError("it can't have started yet")

    task = asyncio.create_task(listen())
    await asyncio.wait_for(is_started.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert started[0].returncode is not None


async def test_there_is_a_bound_to_who_is_listened_to(
    listener: SphinxListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sphinx, "MOST_WORKERS", 1)
    async with listener.listening(Hearing()):
        with pytest.raises(DocumentFault) as caught:
            async with listener.listening(Hearing()):
                pass
        assert caught.value.code == 13340
    async with listener.listening(Hearing()):
        pass
