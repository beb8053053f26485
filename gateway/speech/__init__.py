"""Speech out and speech in: the two protocols. One provider, one file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from gateway.twiml.control import Utterance


class Speaker(Protocol):
    """Text to samples, in pieces as they are made."""

    @property
    def rate_hz(self) -> int: ...

    def speak(self, utterance: Utterance) -> AsyncIterator[bytes]:
        """16-bit little-endian mono PCM. Raises `DocumentFault` where the voice can't be had."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What to listen for. Times in seconds, on the clock of the samples that are fed."""

    language: str = "en-US"
    hints: tuple[str, ...] = ()
    """Phrases: where there are any, one of them is what is recognised."""

    rate_hz: int = 8000
    end_silence_s: float = 1.0
    """Silence behind speech that ends it."""

    most_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What was said; `text` empty: nothing that could be understood."""

    text: str = ""
    confidence: float = 0.0


class Recognition(Protocol):
    """One listening. Feed it until `over` is done; leaving it gives its recogniser back."""

    def feed(self, pcm: bytes) -> None:
        """16-bit little-endian mono PCM at the rate of the `Hearing`. Never blocks."""
        ...

    def finish(self) -> None:
        """No more samples come: `result` is of what was heard until now."""
        ...

    async def began(self) -> None:
        """Wait until speech is heard, or until it is known that none will be."""
        ...

    async def result(self) -> Recognised:
        """Wait for the end of speech. Raises `DocumentFault` where the recogniser has failed."""
        ...


class Listener(Protocol):
    """Samples to text."""

    def listening(
        self, hearing: Hearing, on_partial: Callable[[str], None] | None = None
    ) -> AbstractAsyncContextManager[Recognition]:
        """Raises `DocumentFault` (13340) where no recogniser can be had, 13331 for a language that it does not know."""
        ...
