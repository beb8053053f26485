"""What an announcement may do to a whole room: CallControl without a call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import NoReturn

import structlog

from gateway.calls.exchange import Exchange
from gateway.calls.playing import NotPlayable, play, pour
from gateway.calls.room import Room
from gateway.twilio_codes import Code
from gateway.twiml.control import (
    Collecting,
    CollectPlan,
    ConferencePlan,
    DequeuePlan,
    DialPlan,
    DialResult,
    DocumentFault,
    EnqueuePlan,
    EnqueueResult,
    Recorded,
    RecordingPlan,
    RecordPlan,
    ReferResult,
    Utterance,
)
from gateway.twiml.urls import absolute
from media.commands import Clip

log = structlog.get_logger(__name__)


class RoomControl:
    """Plays and says to a room. The rules of an announcement let no other verb through; one that came would be a fault."""

    is_answered = True
    is_over = False
    is_whisper = False

    def __init__(self, exchange: Exchange, room: Room) -> None:
        self._exchange = exchange
        self._room = room
        self.base_url = ""
        self.faults: list[str] = []
        """What went wrong, in words."""

    @property
    def call_sid(self) -> str:
        """Whose cookies are kept: the room's."""
        return self._room.sid

    def parameters(self) -> Sequence[tuple[str, str]]:
        return [
            ("AccountSid", str(self._room.account_sid)),
            ("ApiVersion", "2010-04-01"),
            ("ConferenceSid", str(self._room.sid)),
            ("FriendlyName", self._room.name),
        ]

    def resolve(self, url: str) -> str:
        return absolute(self.base_url, url)

    def notify(self, code: int, message: str, url: str = "") -> None:
        """There is no call to keep it with."""
        log.warning("announcement", conference_sid=self._room.sid, code=int(code), message=message, url=url)
        self.faults.append(f"{int(code)}: {message}")

    async def answer(self) -> None:
        """Nobody rings."""

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def load(self, *urls: str) -> None:
        raise self._refused()

    async def play(self, url: str, loops: int = 1) -> None:
        path = await self._exchange.audio.fetch(url)
        try:
            await play(self._exchange.engine, self._room.slot, Clip(path=str(path), loops=loops))
        except NotPlayable as fault:
            raise DocumentFault(Code.PLAY_CONTENT_TYPE, str(fault), url=url) from fault

    async def say(self, utterance: Utterance, loops: int = 1) -> None:
        speaker = self._exchange.speaker
        said = 0
        while loops == 0 or said < loops:
            await pour(self._exchange.engine, self._room.slot, speaker.speak(utterance), rate_hz=speaker.rate_hz)
            said += 1

    async def send_digits(self, digits: str) -> None:
        raise self._refused()

    async def reject(self, reason: str) -> None:
        raise self._refused()

    def collecting(self, plan: CollectPlan) -> AbstractAsyncContextManager[Collecting]:
        raise self._refused()

    async def echo(self) -> NoReturn:
        raise self._refused()

    async def record(self, plan: RecordPlan) -> Recorded:
        raise self._refused()

    def start_recording(self, plan: RecordingPlan, name: str) -> bool:
        raise self._refused()

    def stop_recording(self, name: str) -> bool:
        raise self._refused()

    async def dial(self, plan: DialPlan) -> DialResult:
        raise self._refused()

    async def conference(self, plan: ConferencePlan) -> DialResult:
        raise self._refused()

    async def dequeue(self, plan: DequeuePlan) -> DialResult:
        raise self._refused()

    async def enqueue(self, plan: EnqueuePlan) -> EnqueueResult:
        raise self._refused()

    async def refer(self, target: str, headers: Sequence[tuple[str, str]]) -> ReferResult:
        raise self._refused()

    def _refused(self) -> DocumentFault:
        return DocumentFault(Code.SCHEMA, "an announcement plays, says and pauses only", url=self.base_url)
