"""What becomes of a recording after the call: its MP3, its way into the object store, its end. No restart forgets it."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from sqlalchemy import and_, delete, or_, select

from gateway.storage.media import Media, NoSuchMedia, key_of
from gateway.storage.models import RecordingRow
from gateway.storage.objects import ObjectsAway
from gateway.storage.store import DATABASE_ERRORS, Store
from gateway.storage.writing import copy_of

log = structlog.get_logger(__name__)

RETRY_S = (5.0, 15.0, 60.0, 300.0)
"""The last one again and again: a recording is never given up."""
AT_ONCE = 4
RETRIED: tuple[type[BaseException], ...] = (ObjectsAway, OSError, *DATABASE_ERRORS)
SWEEP_S = 600.0
DELETED_DAYS = 40
"""What is known of a deleted recording stays so long (rest.md section 3)."""


class Keeping:
    """Owns what still has to be made, brought away or deleted, one recording at a time in each of a few tasks."""

    def __init__(
        self, store: Store, media: Media, *, makes_mp3: bool = False, retry_s: tuple[float, ...] = RETRY_S
    ) -> None:
        self._store = store
        self._media = media
        self._makes_mp3 = makes_mp3
        self._retry_s = retry_s
        self._waiting: deque[str] = deque()
        self._known: set[str] = set()
        self._came = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Take up what an earlier run has left. Raises one of `DATABASE_ERRORS`."""
        await self._store.execute(
            delete(RecordingRow).where(
                RecordingRow.deleted_at < datetime.now(UTC) - timedelta(days=DELETED_DAYS),
                RecordingRow.kept != "objects",
            )
        )
        if self._media.objects is not None:
            left = or_(
                and_(RecordingRow.kept == "", RecordingRow.status == "completed", RecordingRow.deleted_at.is_(None)),
                and_(RecordingRow.kept != "removed", RecordingRow.deleted_at.is_not(None)),
            )
            for row in await self._store.all(select(RecordingRow).where(left).order_by(RecordingRow.started_at)):
                self.keep(row.sid)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._work(), name=f"keeping {i}") for i in range(AT_ONCE)]
        self._tasks.append(loop.create_task(self._sweep(), name="fetched recordings"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What is not done is found again by the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def waiting(self) -> int:
        """Recordings that are not yet where they belong."""
        return len(self._known)

    def keep(self, sid: str) -> None:
        """It has ended, or it was deleted: see to it."""
        if sid in self._known or not (self._makes_mp3 or self._media.objects is not None):
            return
        self._known.add(sid)
        self._waiting.append(sid)
        self._came.set()

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                self._came.clear()
                await self._came.wait()
            sid = self._waiting.popleft()
            try:
                await self._see_to(sid)
            finally:
                self._known.discard(sid)

    async def _see_to(self, sid: str) -> None:
        """Try until it is done."""
        attempt = 0
        while True:
            try:
                row = await self._store.get(RecordingRow, sid)
                if row is not None:
                    await (self._remove(row) if row.deleted_at is not None else self._keep(row))
                return
            except RETRIED as fault:
                pause_s = self._retry_s[min(attempt, len(self._retry_s) - 1)]
                log.warning("a recording is not yet kept", recording_sid=sid, fault=str(fault), again_in_s=pause_s)
                attempt += 1
                await asyncio.sleep(pause_s)

    async def _keep(self, row: RecordingRow) -> None:
        if row.status != "completed" or row.kept:
            return
        try:
            made = [await self._media.find(row, "wav", None)]
            if self._makes_mp3:
                made.append(await self._media.find(row, "mp3", None))
        except NoSuchMedia:
            log.error("a recording has no sound to keep", recording_sid=row.sid)
            return
        objects = self._media.objects
        if objects is None:
            return
        for path in reversed(made):  # the recording itself last: while it is here, nothing is lost
            await objects.put(_key(row, path.suffix), path)
        now = await self._store.get(RecordingRow, row.sid) or row
        await self._store.save(copy_of(now, kept="objects"))
        await self._media.delete(row)
        log.info("recording kept", recording_sid=row.sid)
        if now.deleted_at is not None:
            await self._remove(copy_of(now, kept="objects"))

    async def _remove(self, row: RecordingRow) -> None:
        objects = self._media.objects
        await self._media.delete(row)
        if objects is None:
            return
        for suffix in (".wav", ".mp3"):
            await objects.delete(_key(row, suffix))
        await self._store.save(copy_of(row, kept="removed"))

    async def _sweep(self) -> None:
        while True:
            await self._media.forget_fetched()
            await asyncio.sleep(SWEEP_S)


def _key(row: RecordingRow, suffix: str) -> str:
    return Path(key_of(row.sid, row.started_at)).with_suffix(suffix).as_posix()
