"""The sound of recordings: files in a folder, by SID and by nothing else; other shapes are made on demand and kept."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.ids import is_sid

SHAPES = ("wav", "mp3")


class NoSuchMedia(Exception):
    """The recording has no sound, or not in as many channels."""


class Media:
    """Owns the folder's derived files; the recordings themselves are written by the engine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._making: dict[Path, asyncio.Task[None]] = {}

    def path(self, sid: str) -> Path:
        """Where the engine writes a recording. Raises `NoSuchMedia` for what is no SID."""
        if not is_sid(sid, "RE"):
            raise NoSuchMedia(sid)
        return self._folder / f"{sid}.wav"

    async def find(self, sid: str, shape: str, channels: int, wanted: int | None) -> Path:
        """A file of *shape* with *wanted* channels (None: as recorded). Raises `NoSuchMedia`."""
        source = self.path(sid)
        if shape not in SHAPES or (wanted is not None and not 1 <= wanted <= channels):
            raise NoSuchMedia(sid)
        if not await asyncio.to_thread(source.is_file):
            raise NoSuchMedia(sid)
        mixed = wanted == 1 and channels == 2
        if shape == "wav" and not mixed:
            return source
        target = source.with_name(f"{sid}{'.mixed' if mixed else ''}.{shape}")
        await self._made(source, target, mixed=mixed)
        return target

    async def delete(self, sid: str) -> None:
        """Nothing of it stays. Raises `OSError`."""
        source = self.path(sid)
        names = [source, *(source.with_name(f"{sid}{middle}.{shape}") for middle in ("", ".mixed") for shape in SHAPES)]
        await asyncio.to_thread(_remove, names)

    async def _made(self, source: Path, target: Path, *, mixed: bool) -> None:
        """One maker a file; whoever comes meanwhile waits for it. Raises `NoSuchMedia`."""
        if await asyncio.to_thread(_is_newer, target, source):
            return
        task = self._making.get(target)
        if task is None:
            task = self._making[target] = asyncio.create_task(
                _make(source, target, mixed=mixed), name=f"make {target.name}"
            )
            task.add_done_callback(lambda _: self._making.pop(target, None))
        await asyncio.shield(task)


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _is_newer(target: Path, source: Path) -> bool:
    try:
        return target.stat().st_mtime_ns >= source.stat().st_mtime_ns
    except OSError:
        return False


async def _make(source: Path, target: Path, *, mixed: bool) -> None:
    """In a process of low priority: a long recording must not disturb a call."""
    part = target.with_name(f".{target.name}")
    words = [sys.executable, "-m", "gateway.storage.transcoder", str(source), str(part), target.suffix[1:]]
    process = await asyncio.create_subprocess_exec(*words, "1" if mixed else "0", stdin=asyncio.subprocess.DEVNULL)
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if code:
        await asyncio.to_thread(part.unlink, missing_ok=True)
        raise NoSuchMedia(source.stem)
    await asyncio.to_thread(os.replace, part, target)
