"""Recordings: tapes of the engine with a RecordingSid, a row, a file and a callback; started, paused, stopped and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import replace
from pathlib import Path

import structlog

from gateway.calls.call import Call, utc_now
from gateway.calls.recording import Recording, finished, row_of, trimmed, url_of
from gateway.ids import CallSid, ConferenceSid, RecordingSid, new_recording_sid
from gateway.storage.media import Media
from gateway.storage.workshop import JobFailed
from gateway.twiml.control import RecordingPlan
from media.client import EngineClient
from media.commands import PauseTape, Record, ResumeTape, Retap, Side, StopTape, Tap
from media.events import Digit, Event, TapeEnded, TapeStarted
from media.streams import Slot
from media.wav import repair

__all__ = ["Recording", "Recordings", "Taping", "taps_of"]

log = structlog.get_logger(__name__)

LOST = "lost"
"""Cause of an end that the engine could not tell."""

MOST_MARKS = 500
"""What happens later in a recording is not noted."""


def taps_of(slot: Slot, plan: RecordingPlan) -> tuple[Tap, ...]:
    """What a party says on the first channel, what it is told on the second (or both on one)."""
    told = 1 if plan.channels == 2 and plan.track == "both" else 0
    said = (Tap(slot=slot),) if plan.track != "outbound" else ()
    heard = (Tap(slot=slot, side=Side.SAID, channel=told),) if plan.track != "inbound" else ()
    return (*said, *heard)


class Taping:
    """A recording in progress. `stop()` at any time; `ended` gives the finished tape and `finished` what became of it; neither raises."""

    def __init__(self, engine: EngineClient, number: int, recording: Recording, call: Call, name: str) -> None:
        loop = asyncio.get_running_loop()
        self._engine = engine
        self._clock = loop.time
        self.number = number
        self.recording = recording
        self.call = call
        self.name = name
        """What `<Stop>` calls it."""

        self.ended: asyncio.Future[TapeEnded] = loop.create_future()
        self.finished: asyncio.Future[Recording] = loop.create_future()
        """After trimming, with its row written."""

        self.on_event: Callable[[Recording, str], None] = lambda recording, event: None
        self.is_stopping = False
        self._began: float | None = None
        self._skipped_s = 0.0
        self._skipping: float | None = None
        self._marks: list[tuple[float, str]] = []

    @property
    def sid(self) -> RecordingSid:
        return self.recording.sid

    @property
    def url(self) -> str:
        return self.recording.url

    @property
    def is_running(self) -> bool:
        return not self.ended.done()

    def retap(self, *, add: tuple[Tap, ...] = (), remove: tuple[Tap, ...] = ()) -> None:
        self._engine.send(Retap(tape=self.number, add=add, remove=remove))

    def pause(self, *, silence: bool = True) -> None:
        """Go on with silence, or skip the time (`PauseBehavior`)."""
        self._engine.send(PauseTape(tape=self.number, silence=silence))
        self.mark("paused")
        if not silence and self._skipping is None:
            self._skipping = self._clock()
        elif silence:
            self._skip_ends()
        self._is("paused", "paused")

    def resume(self) -> None:
        self._engine.send(ResumeTape(tape=self.number))
        self._skip_ends()
        self.mark("resumed")
        self._is("in-progress", "resumed")

    def stop(self) -> None:
        self.is_stopping = True
        if not self.ended.done():
            self._engine.send(StopTape(tape=self.number))

    def mark(self, word: str) -> None:
        """Something has happened that a picture of the recording is to show."""
        if len(self._marks) < MOST_MARKS and not self.ended.done():
            now = self._skipping or self._clock()
            at = 0.0 if self._began is None else now - self._began - self._skipped_s
            self._marks.append((round(at, 3), word))
            self.recording = replace(self.recording, marks=tuple(self._marks))

    def heard(self, event: Event) -> None:
        """What the engine says of the tape, and of the legs on it."""
        match event:
            case TapeStarted():
                self._began = self._clock()
            case TapeEnded():
                if not self.ended.done():
                    self.ended.set_result(event)
            case Digit(digit=digit) if self.recording.status == "in-progress":
                self.mark(f"key {digit}")
            case _:
                pass

    def _skip_ends(self) -> None:
        if self._skipping is not None:
            self._skipped_s += self._clock() - self._skipping
            self._skipping = None

    def _is(self, status: str, event: str) -> None:
        if not self.ended.done() and self.recording.status != status:
            self.recording = replace(self.recording, status=status)
            self.on_event(self.recording, event)


class Recordings:
    """Starts tapes and brings each to its end: the file trimmed and in its place, the row, the callback."""

    def __init__(
        self,
        engine: EngineClient,
        media: Media,
        public_url: str,
        *,
        on_change: Callable[[Recording, str], Awaitable[None]],
        on_kept: Callable[[RecordingSid], None] = lambda sid: None,
        spawn: Callable[[Coroutine[object, object, None], str], None],
    ) -> None:
        """*on_change* hears what has happened (a word of RecordingStatusCallbackEvent), *on_kept* of each whole file."""
        self._engine = engine
        self._media = media
        self._public_url = public_url
        self._on_change = on_change
        self._on_kept = on_kept
        self._spawn = spawn
        self.running: dict[RecordingSid, Taping] = {}
        self.finishing = 0
        """Recordings whose tape has ended and whose callback has not left."""

    def start(
        self,
        call: Call,
        plan: RecordingPlan,
        taps: tuple[Tap, ...],
        *,
        max_ms: int | None = None,
        silence_ms: int | None = None,
        conference_sid: ConferenceSid | None = None,
        name: str = "",
    ) -> Taping:
        """Begin a tape at the next tick. What follows its end (trimming, row, callback) happens without the caller of this."""
        sid, now = new_recording_sid(), utc_now()
        recording = Recording(
            sid=sid,
            account_sid=call.account_sid,
            call_sid=call.sid,
            plan=plan,
            path=self._media.path(sid, now),
            url=url_of(self._public_url, call.account_sid, sid),
            started_at=now,
            channels=1 if plan.track != "both" else plan.channels,
            conference_sid=conference_sid,
        )
        taping = Taping(self._engine, self._engine.number(), recording, call, name)
        taping.on_event = lambda changed, event: self._spawn(self._changed(changed, event), f"recording {sid} {event}")
        self.running[sid] = taping
        if plan.trim:
            self._media.warm()
        listened: list[int | Slot] = [taping.number, *dict.fromkeys(tap.slot for tap in taps)]
        unlisten = [self._engine.listen(key, taping.heard) for key in listened]
        self._engine.send(
            Record(
                tape=taping.number,
                path=str(recording.path),
                taps=taps,
                channels=recording.channels,
                max_ms=max_ms,
                silence_ms=silence_ms,
            )
        )
        self._spawn(self._follow(taping, unlisten), f"recording {sid}")
        return taping

    def of_call(self, call_sid: CallSid) -> list[Taping]:
        """What is being recorded of a call, oldest first; not the rooms that it began to record."""
        return [
            taping
            for taping in self.running.values()
            if taping.recording.call_sid == call_sid and taping.recording.conference_sid is None and taping.is_running
        ]

    def of_room(self, conference_sid: ConferenceSid) -> list[Taping]:
        return [
            taping
            for taping in self.running.values()
            if taping.recording.conference_sid == conference_sid and taping.is_running
        ]

    async def sound(self, recording: Recording) -> Path:
        """The file of a finished recording, wherever it is by now. Raises `NoSuchMedia`, `ObjectsAway`, `OSError`."""
        return await self._media.wherever(row_of(recording))

    async def finish(self, recording: Recording, ended: TapeEnded) -> Recording:
        """What follows the end of a tape, of this run or of an earlier one. Raises nothing."""
        self.finishing += 1
        try:
            if ended.cause == LOST:
                ended = replace(ended, samples=await asyncio.to_thread(samples_of, recording.path), cause="closed")
            done = finished(recording, ended)
            if done.status == "completed" and done.plan.trim:
                done = await self._trimmed(done)
            if done.status == "absent":
                await asyncio.to_thread(_discard, done)
            await self._on_change(done, done.status)
            if done.status == "completed":
                self._on_kept(done.sid)
            return done
        finally:
            self.finishing -= 1

    async def _trimmed(self, recording: Recording) -> Recording:
        try:
            first, samples = await self._media.trim(recording.path)
        except JobFailed as fault:
            log.warning("a recording stays untrimmed", recording_sid=recording.sid, fault=str(fault))
            return recording
        return trimmed(recording, first, samples)

    async def _changed(self, recording: Recording, event: str) -> None:
        await self._on_change(recording, event)

    async def _follow(self, taping: Taping, unlisten: Iterable[Callable[[], None]]) -> None:
        await self._on_change(taping.recording, "in-progress")
        try:
            ended = await asyncio.shield(taping.ended)
        finally:
            for end in unlisten:
                end()
            self.running.pop(taping.sid, None)
        done = await self.finish(taping.recording, ended)
        taping.recording = done
        if done.plan.source == "OutboundAPI":  # what the call itself was created with, not what a verb made
            taping.call.recording = recording_params(done)
        log.info(
            "recording ended", call_sid=done.call_sid, recording_sid=done.sid, cause=ended.cause, error=ended.error
        )
        if not taping.finished.done():
            taping.finished.set_result(done)

    def engine_died(self) -> None:
        """Every tape in progress has ended where the engine left it; the files are valid to the second."""
        for taping in self.running.values():
            if not taping.ended.done():
                taping.ended.set_result(lost(taping.recording))


def lost(recording: Recording) -> TapeEnded:
    """The end of a tape whose engine is no more: the file knows how long it is."""
    return TapeEnded(tape=0, samples=0, channels=recording.channels, cause=LOST, error="the engine died")


def samples_of(path: Path) -> int:
    """Samples a channel of a tape whose head is made good; 0 for one that holds nothing."""
    try:
        return repair(path)
    except (OSError, ValueError) as fault:
        log.warning("a recording is lost", file=path.name, fault=str(fault))
        return 0


def recording_params(recording: Recording) -> tuple[tuple[str, str], ...]:
    """What the final status callback of a call says of its recording (callbacks.md section 1)."""
    return (
        ("RecordingUrl", recording.url),
        ("RecordingSid", recording.sid),
        ("RecordingDuration", str(recording.duration_s)),
    )


def _discard(recording: Recording) -> None:
    """A file without a sample is none."""
    recording.path.unlink(missing_ok=True)
