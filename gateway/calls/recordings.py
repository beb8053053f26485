"""Recordings: tapes of the engine with a RecordingSid, a row, a file and a callback; started, stopped and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import structlog

from gateway.calls.call import Call, utc_now
from gateway.ids import ConferenceSid, RecordingSid, new_recording_sid
from gateway.twiml.control import RecordingPlan
from media.client import EngineClient
from media.commands import PauseTape, Record, ResumeTape, Retap, StopTape, Tap
from media.events import Event, TapeEnded

log = structlog.get_logger(__name__)

SYSTEM_ERROR = 16_100
"""ErrorCode of a recording that could not be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording as the application knows it. `status`: in-progress, completed, absent or failed."""

    sid: RecordingSid
    call: Call
    plan: RecordingPlan
    path: Path
    url: str
    """Without extension."""

    started_at: datetime
    channels: int
    status: str = "in-progress"
    duration_s: int = 0
    error_code: int = 0
    conference_sid: ConferenceSid | None = None
    """The room that is recorded; `call` is then its first member."""


class Taping:
    """A recording in progress. `stop()` at any time; `ended` gives the finished tape and never raises."""

    def __init__(self, engine: EngineClient, number: int, recording: Recording) -> None:
        self._engine = engine
        self._number = number
        self.recording = recording
        self.url = recording.url
        self.ended: asyncio.Future[TapeEnded] = asyncio.get_running_loop().create_future()

    @property
    def sid(self) -> RecordingSid:
        return self.recording.sid

    def retap(self, *, add: tuple[Tap, ...] = (), remove: tuple[Tap, ...] = ()) -> None:
        self._engine.send(Retap(tape=self._number, add=add, remove=remove))

    def pause(self, *, silence: bool = True) -> None:
        """Go on with silence, or skip the time (`PauseBehavior`)."""
        self._engine.send(PauseTape(tape=self._number, silence=silence))

    def resume(self) -> None:
        self._engine.send(ResumeTape(tape=self._number))

    def stop(self) -> None:
        if not self.ended.done():
            self._engine.send(StopTape(tape=self._number))


class Recordings:
    """Starts tapes and brings each to its end: the file in its place, the row, the callback."""

    def __init__(
        self,
        engine: EngineClient,
        folder: Path,
        public_url: str,
        *,
        on_change: Callable[[Recording], Awaitable[None]],
        spawn: Callable[[Coroutine[object, object, None], str], None],
    ) -> None:
        self._engine = engine
        self._folder = folder
        self._public_url = public_url.rstrip("/")
        self._on_change = on_change
        self._spawn = spawn
        self.running: dict[RecordingSid, Taping] = {}

    def start(
        self,
        call: Call,
        plan: RecordingPlan,
        taps: tuple[Tap, ...],
        *,
        max_ms: int | None = None,
        silence_ms: int | None = None,
        conference_sid: ConferenceSid | None = None,
    ) -> Taping:
        """Begin a tape at the next tick. What follows its end (row, callback) happens without the caller of this."""
        sid = new_recording_sid()
        channels = 1 if plan.track != "both" else plan.channels
        recording = Recording(
            sid=sid,
            call=call,
            plan=plan,
            path=self._folder / f"{sid}.wav",
            url=f"{self._public_url}/2010-04-01/Accounts/{call.account_sid}/Recordings/{sid}",
            started_at=utc_now(),
            channels=channels,
            conference_sid=conference_sid,
        )
        number = self._engine.number()
        taping = Taping(self._engine, number, recording)
        self.running[sid] = taping
        unlisten = self._engine.listen(number, lambda event: self._heard(taping, event))
        self._engine.send(
            Record(
                tape=number,
                path=str(recording.path),
                taps=taps,
                channels=channels,
                max_ms=max_ms,
                silence_ms=silence_ms,
            )
        )
        self._spawn(self._follow(taping, unlisten), f"recording {sid}")
        return taping

    def _heard(self, taping: Taping, event: Event) -> None:
        if isinstance(event, TapeEnded) and not taping.ended.done():
            taping.ended.set_result(event)

    async def _follow(self, taping: Taping, unlisten: Callable[[], None]) -> None:
        await self._on_change(taping.recording)
        try:
            ended = await asyncio.shield(taping.ended)
        finally:
            unlisten()
            self.running.pop(taping.sid, None)
        taping.recording = finished(taping.recording, ended)
        call = taping.recording.call
        if taping.recording.plan.source == "OutboundAPI":  # what the call itself was created with, not what a verb made
            call.recording = (
                ("RecordingUrl", taping.url),
                ("RecordingSid", taping.sid),
                ("RecordingDuration", str(taping.recording.duration_s)),
            )
        log.info("recording ended", call_sid=call.sid, recording_sid=taping.sid, cause=ended.cause, error=ended.error)
        await self._on_change(taping.recording)

    def engine_died(self) -> None:
        """Every tape in progress has ended where the engine left it; the files are valid to the second."""
        for taping in self.running.values():
            if not taping.ended.done():
                taping.ended.set_result(
                    TapeEnded(
                        tape=0, samples=0, channels=taping.recording.channels, cause="failed", error="the engine died"
                    )
                )


def finished(recording: Recording, ended: TapeEnded) -> Recording:
    """The recording after its tape: completed with its length, absent when it holds nothing, or failed."""
    seconds = int(ended.samples / 8000 + 0.5)
    status = "failed" if ended.cause == "failed" else "completed" if ended.samples else "absent"
    return replace(recording, status=status, duration_s=seconds, error_code=SYSTEM_ERROR if status == "failed" else 0)
