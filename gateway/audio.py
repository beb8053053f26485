"""Audio for `<Play>`: fetched once, kept on disk by URL and ETag, bounded."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from gateway.twiml.control import DocumentFault
from gateway.webhooks.client import WebhookClient, WebhookFault

MAX_BYTES = 100_000_000
KEPT_FILES = 500

_TYPES = {
    "audio/mpeg": ".mp3",
    "audio/mp3": ".mp3",
    "audio/wav": ".wav",
    "audio/wave": ".wav",
    "audio/x-wav": ".wav",
    "audio/vnd.wave": ".wav",
    "audio/aiff": ".aiff",
    "audio/x-aifc": ".aifc",
    "audio/x-aiff": ".aiff",
    "audio/x-gsm": ".gsm",
    "audio/gsm": ".gsm",
    "audio/ulaw": ".ulaw",
    "audio/basic": ".au",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
}


@dataclass(frozen=True, slots=True)
class _Kept:
    path: Path
    etag: str


class AudioFiles:
    """Owns a folder of fetched files. The same URL asked twice at once is fetched once."""

    def __init__(self, client: WebhookClient, folder: Path) -> None:
        self._client = client
        self._folder = folder
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._fetching: dict[str, asyncio.Lock] = {}

    async def fetch(self, url: str) -> Path:
        """A file that the engine can read. Raises `DocumentFault` (11200, 12300)."""
        lock = self._fetching.setdefault(url, asyncio.Lock())
        async with lock:
            kept = self._kept.get(url)
            try:
                found = await self._client.download(url, MAX_BYTES, etag=kept.etag if kept is not None else "")
            except WebhookFault as fault:
                raise DocumentFault(fault.code, str(fault), url=url) from fault
            if found is None and kept is not None:
                return kept.path
            if found is None:
                raise DocumentFault(11200, "nothing came back", url=url)
            suffix = _TYPES.get(found.content_type.partition(";")[0].strip().lower())
            if suffix is None:
                raise DocumentFault(12300, f"{found.content_type!r} is no audio that can be played", url=url)
            name = hashlib.sha256(f"{url}\n{found.etag}".encode()).hexdigest()[:32] + suffix
            path = self._folder / name
            await asyncio.to_thread(_write, path, found.body)
            self._keep(url, _Kept(path, found.etag))
            return path

    def _keep(self, url: str, kept: _Kept) -> None:
        self._kept[url] = kept
        self._kept.move_to_end(url)
        while len(self._kept) > KEPT_FILES:
            _, old = self._kept.popitem(last=False)
            old.path.unlink(missing_ok=True)
        if len(self._fetching) > 4 * KEPT_FILES:
            self._fetching = {u: lock for u, lock in self._fetching.items() if lock.locked()}


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
