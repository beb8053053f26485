"""Audio for `<Play>`: fetched once, kept on disk by URL and ETag or date, bounded."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import WebhookFault
from gateway.twiml.control import DocumentFault
from gateway.webhooks.body import read
from gateway.webhooks.client import Fetch, WebhookClient
from gateway.webhooks.visit import Visit

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
    modified: str

    def conditions(self) -> list[tuple[str, str]]:
        """Headers that ask for it only where it has changed."""
        named = (("If-None-Match", self.etag), ("If-Modified-Since", self.modified))
        return [(name, value) for name, value in named if value]


class AudioFiles:
    """Owns a folder of fetched files. The same URL asked twice at once is fetched once."""

    def __init__(
        self, client: WebhookClient, folder: Path, visit_of: Callable[[str], Visit] = lambda call_sid: Visit()
    ) -> None:
        """*visit_of*: the cookies and logins of a call, which go for its files, too."""
        self._client = client
        self._visit_of = visit_of
        self._folder = folder
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._fetching: dict[str, asyncio.Lock] = {}

    async def fetch(self, url: str, call_sid: str = "") -> Path:
        """A file that the engine can read. Raises `DocumentFault` (11200, 12300)."""
        lock = self._fetching.setdefault(url, asyncio.Lock())
        async with lock:
            kept = self._kept.get(url)
            if kept is not None and not kept.path.is_file():  # somebody has tidied up
                kept = None
            headers = kept.conditions() if kept is not None else []
            try:
                visit = self._visit_of(call_sid) if call_sid else None
                wanted = Fetch(url=url, method="GET")
                async with self._client.answering(wanted, visit, headers=headers, also=304) as answer:
                    if answer.response.status == 304 and kept is not None:
                        return kept.path
                    content_type = answer.response.content_type.lower()
                    etag = answer.response.headers.get("ETag", "")
                    modified = answer.response.headers.get("Last-Modified", "")
                    body = await read(answer.response, MAX_BYTES)
            except WebhookFault as fault:
                raise DocumentFault(fault.code, fault.message, url=url) from fault
            suffix = _TYPES.get(content_type)
            if suffix is None:
                raise DocumentFault(12300, f"{content_type!r} is no audio that can be played", url=url)
            path = self._folder / (hashlib.sha256(f"{url}\n{etag}".encode()).hexdigest()[:32] + suffix)
            await asyncio.to_thread(_write, path, body)
            self._keep(url, _Kept(path, etag, modified))
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
    """At once: whoever plays what had this name before goes on reading that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(body)
    part.replace(path)
