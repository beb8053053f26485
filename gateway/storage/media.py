"""The sound of recordings: files by day and SID and by nothing else, fetched back from where they went; other shapes made on demand."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gateway.ids import is_sid
from gateway.storage.models import RecordingRow
from gateway.storage.objects import NoSuchObject, Objects
from gateway.storage.workshop import JobFailed, Workshop
from gateway.storage.writing import copy_of

SHAPES = ("wav", "mp3")
FETCHED = "fetched"
"""The folder, below that of the recordings, of what came back from the object store."""
FETCHED_S = 3600.0
"""How long such a file stays after it was last asked for."""
SIDES = {
    "RecordVerb": ("caller",),
    "DialVerb": ("caller", "called"),
    "Conference": ("room",),
    "": ("heard", "said"),
}
"""What a picture calls the channels, by source."""


class NoSuchMedia(Exception):
    """The recording has no sound, or not in as many channels."""


class Media:
    """Owns the folder's derived files; the recordings themselves are written by the engine."""

    def __init__(self, folder: Path, workshop: Workshop, objects: Objects | None = None) -> None:
        self.folder = folder
        self.objects = objects
        self._workshop = workshop
        self._making: dict[Path, asyncio.Task[None]] = {}

    def path(self, sid: str, started_at: datetime) -> Path:
        """Where the engine writes a recording. Raises `NoSuchMedia` for what is no SID."""
        return self.folder / key_of(sid, started_at)

    async def find(self, row: RecordingRow, shape: str, wanted: int | None) -> Path:
        """A file of *shape* with *wanted* channels (None: as recorded). Raises `NoSuchMedia`, `ObjectsAway`, `OSError`."""
        if shape not in SHAPES or (wanted is not None and not 1 <= wanted <= row.channels):
            raise NoSuchMedia(row.sid)
        source = await self._source(row)
        mixed = wanted == 1 and row.channels == 2
        if shape == "wav" and not mixed:
            return source
        target = source.with_name(f"{row.sid}{'.mixed' if mixed else ''}.{shape}")
        if shape == "mp3" and not mixed and await self._fetched(row, target):
            return target
        job = {"job": "shape", "source": str(source), "target": str(target), "kind": shape, "mixed": mixed}
        await self._made(source, target, lambda: self._workshop.do(job))
        return target

    async def wherever(self, row: RecordingRow) -> Path:
        """The recording as it was made, even if it has just been brought to the object store. Raises as `find`."""
        try:
            return await self._source(copy_of(row, kept=""))
        except NoSuchMedia:
            return await self._source(copy_of(row, kept="objects"))

    async def picture(self, row: RecordingRow) -> Path:
        """An SVG of the recording. Raises `NoSuchMedia`, `ObjectsAway`, `OSError`."""
        source = await self._source(row)
        target = source.with_suffix(".svg")
        job = {
            "job": "draw",
            "source": str(source),
            "target": str(target),
            "marks": row.marks or [],
            "title": f"{row.sid}, {row.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
            "names": list(_names(row)),
        }
        await self._made(source, target, lambda: self._workshop.do(job))
        return target

    async def trim(self, path: Path) -> tuple[int, int]:
        """Cut the silent ends off a recording: (samples cut off its beginning, samples left). Raises `JobFailed`."""
        done = await self._workshop.do({"job": "trim", "source": str(path)}, urgent=True)
        return int(done["first"]), int(done["samples"])

    def warm(self) -> None:
        """Something will have to be trimmed."""
        self._workshop.warm()

    async def delete(self, row: RecordingRow) -> None:
        """Nothing of it stays in the folder. Raises `OSError`."""
        here = self.path(row.sid, row.started_at)
        await asyncio.to_thread(_remove, [*_all_of(here), *_all_of(self._fetched_path(row)), *_all_of(self._old(row))])

    async def forget_fetched(self) -> None:
        """Remove what came back from the object store and was not asked for lately."""
        await asyncio.to_thread(_sweep, self.folder / FETCHED, time.time() - FETCHED_S)  # noqa: TID251 - as files have it

    async def _source(self, row: RecordingRow) -> Path:
        """The recording itself, on this machine."""
        if row.kept == "objects" and self.objects is not None:
            path = self._fetched_path(row)
            if not await self._fetched(row, path):
                raise NoSuchMedia(row.sid)
            return path
        for path in (self.path(row.sid, row.started_at), self._old(row)):
            if await asyncio.to_thread(path.is_file):
                return path
        raise NoSuchMedia(row.sid)

    def _fetched_path(self, row: RecordingRow) -> Path:
        return self.folder / FETCHED / key_of(row.sid, row.started_at)

    def _old(self, row: RecordingRow) -> Path:
        """Where earlier versions had it."""
        return self.folder / f"{row.sid}.wav"

    async def _fetched(self, row: RecordingRow, path: Path) -> bool:
        """Bring a file back from the object store; False: it is not there."""
        objects = self.objects
        if row.kept != "objects" or objects is None:
            return False
        if await asyncio.to_thread(_touched, path):
            return True
        key = Path(key_of(row.sid, row.started_at)).with_suffix(path.suffix).as_posix()

        async def fetch() -> None:
            part = path.with_name(f".{path.name}")
            await asyncio.to_thread(part.parent.mkdir, parents=True, exist_ok=True)
            try:
                await objects.get(key, part)
                await asyncio.to_thread(os.replace, part, path)
            finally:
                await asyncio.to_thread(part.unlink, missing_ok=True)

        try:
            await self._once(path, fetch)
        except NoSuchObject:
            return False
        return True

    async def _made(self, source: Path, target: Path, make: Callable[[], Awaitable[object]]) -> None:
        if await asyncio.to_thread(_is_newer, target, source):
            return
        try:
            await self._once(target, make)
        except JobFailed as fault:
            raise NoSuchMedia(source.stem) from fault

    async def _once(self, target: Path, make: Callable[[], Awaitable[object]]) -> None:
        """One maker a file; whoever comes meanwhile waits for it."""
        task = self._making.get(target)
        if task is None:

            async def work() -> None:
                await make()

            task = self._making[target] = asyncio.create_task(work(), name=f"make {target.name}")
            task.add_done_callback(lambda _: self._making.pop(target, None))
        await asyncio.shield(task)


def key_of(sid: str, started_at: datetime) -> str:
    """`2026/11/21/RE….wav`: the day in UTC on which it began. Raises `NoSuchMedia` for what is no SID."""
    if not is_sid(sid, "RE"):
        raise NoSuchMedia(sid)
    return f"{started_at.astimezone(UTC):%Y/%m/%d}/{sid}.wav"


def _names(row: RecordingRow) -> Sequence[str]:
    if row.channels == 1 and row.track == "both" and row.source != "RecordVerb":
        return ("room",) if row.conference_sid else ("both",)
    names = SIDES.get(row.source, SIDES[""])
    return names[-1:] if row.track == "outbound" else names[: row.channels]


def _all_of(path: Path) -> list[Path]:
    """A recording's file and all that is made of it."""
    sid = path.stem
    return [path, *(path.with_name(f"{sid}{rest}") for rest in (".mp3", ".mixed.wav", ".mixed.mp3", ".svg"))]


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _is_newer(target: Path, source: Path) -> bool:
    try:
        return target.stat().st_mtime_ns >= source.stat().st_mtime_ns
    except OSError:
        return False


def _touched(path: Path) -> bool:
    """Whether it is there; it then counts as asked for now."""
    try:
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))  # when it was made says what is newer than it
    except OSError:
        return False
    return True


def _sweep(folder: Path, before: float) -> None:
    for path in folder.rglob("*"):
        try:
            if path.is_file() and path.stat().st_atime < before:
                path.unlink()
        except OSError:
            continue
