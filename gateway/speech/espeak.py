"""The house's voice: espeak-ng, or a Piper model where the voice is the path of one; each piece made once and kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import structlog

from gateway.speech.cache import SpeechCache, SpeechFault
from gateway.speech.process import CanNotSpeak, SpeechProcess, WorkerGone
from gateway.speech.ssml import Silence, Speech, pieces
from gateway.speech.voices import DEFAULT_VOICE, is_model, voice_for
from gateway.twilio_codes import Code
from gateway.twiml.control import DocumentFault, Utterance

log = structlog.get_logger(__name__)

WORDS_A_MINUTE = 165


class EspeakSpeaker:
    """Owns the workers: espeak-ng's from the beginning, Piper's once a model is asked for."""

    def __init__(self, cache: SpeechCache | None = None) -> None:
        self._espeak = SpeechProcess("gateway.speech.espeak_worker")
        self._piper = SpeechProcess("gateway.speech.piper_worker")
        self._cache = cache or SpeechCache()

    @property
    def rate_hz(self) -> int:
        return self._espeak.rate_hz

    async def __aenter__(self) -> Self:
        try:
            await self._espeak.start()
        except WorkerGone as fault:
            raise OSError(str(fault)) from fault
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._cache.aclose()
        await self._espeak.stop()
        await self._piper.stop()

    async def speak(self, utterance: Utterance) -> AsyncIterator[bytes]:
        """16-bit mono PCM as it is made. Raises `DocumentFault` (13520) where nothing can be said."""
        for piece in pieces(utterance.ssml, utterance.language):
            if isinstance(piece, Silence):
                yield bytes(2 * (self.rate_hz * piece.ms // 1000))
                continue
            try:
                async for pcm in self._piece(piece, utterance):
                    yield pcm
            except SpeechFault as fault:
                raise DocumentFault(Code.SAY_TEXT, f"nothing can be said: {fault}") from fault

    def _piece(self, piece: Speech, utterance: Utterance) -> AsyncIterator[bytes]:
        model = utterance.voice if is_model(utterance.voice) and not piece.language else ""
        voice = voice_for("" if model else utterance.voice, piece.language or utterance.language)
        return self._cache.get((model, voice, piece.ssml), lambda: self._make(piece.ssml, model, voice))

    async def _make(self, text: str, model: str, voice: str) -> AsyncIterator[bytes]:
        """The voice that was asked for; failing that the language's, failing that the house's: a word in a strange voice beats none."""
        tries = [(self._espeak, voice), (self._espeak, DEFAULT_VOICE)]
        if model:
            tries.insert(0, (self._piper, model))
        fault: Exception | None = None
        for process, name in tries:
            is_heard = False
            try:
                async for pcm in process.make(text, name, WORDS_A_MINUTE):
                    is_heard = True
                    yield pcm
                return
            except (CanNotSpeak, WorkerGone) as error:
                log.warning("voice failed", voice=name, fault=str(error))
                fault = error
                if is_heard:
                    break
        raise SpeechFault(str(fault)) from fault
