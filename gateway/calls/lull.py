"""What a party hears while it waits or is on hold: the house's music, silence, or a document of the application's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.room import Wait
from gateway.twiml.interpreter import WAITING_ROOM, DocumentRequest, Finish
from media.commands import Play, Stop, Tone
from media.tones import tone

HOLD_MUSIC: Tone = tone(
    ((261.6, 329.6, 392.0), 2400, 200),
    ((220.0, 261.6, 329.6), 2400, 200),
    ((174.6, 220.0, 261.6), 2400, 200),
    ((196.0, 246.9, 293.7), 2400, 1200),
    level_dbm0=-30.0,
)
"""The house's: four calm chords (C, a, F, G), made here."""


class Lull:
    """Owns what is played to one party, and the document that says what. Ending it ends the sound at the next tick."""

    def __init__(self, exchange: Exchange, live: LiveCall, on_fault: Callable[[], None]) -> None:
        """*on_fault*: a document could not be had."""
        self._exchange = exchange
        self._live = live
        self._on_fault = on_fault
        self._heard: Wait | None = None
        self._playing: int | None = None
        self._document: asyncio.Task[None] | None = None

    def hear(self, wait: Wait | None) -> None:
        """From now on *wait* is heard (None: nothing); what is heard already goes on."""
        if wait == self._heard:
            return
        self.end()
        self._heard = wait
        if wait is None or wait.url == "":
            return
        if wait.url is None:
            engine = self._exchange.engine
            self._playing = engine.number()
            engine.send(Play(playing=self._playing, target=self._live.leg.slot, source=HOLD_MUSIC))
            return
        request = DocumentRequest(url=wait.url, method=wait.method)
        self._document = asyncio.create_task(self._run(request), name=f"lull {self._live.call.sid}")

    def end(self) -> None:
        self._heard = None
        if self._playing is not None:
            self._exchange.engine.send(Stop(playing=self._playing))
            self._playing = None
        if self._document is not None:
            self._document.cancel()
            self._document = None

    async def _run(self, request: DocumentRequest) -> None:
        """A document that runs out leaves silence behind."""
        if await self._exchange.wait(self._live, request, WAITING_ROOM) is Finish.FAILED:
            self._on_fault()
