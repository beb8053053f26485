"""Files become samples here, on a thread of their own: short ones are kept, long ones are read as they are played."""

from __future__ import annotations

import os
import queue
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, ClassVar

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from media.speech import EMPTY
from media.streams import RATE_HZ

Floats = NDArray[np.float32]
Key = tuple[str, int, int]
"""Path, modification time and size: another file under the same name is another clip."""

PIECE = RATE_HZ
"""About a second is decoded at a time."""
AHEAD = 3 * RATE_HZ
"""A playing that has less than this before it is decoded further."""
KEPT = 60 * RATE_HZ
"""Clips up to a minute are kept whole …"""
CACHE = 64 * 1024 * 1024
"""… in so many octets altogether; what was used least recently goes first."""
BARE = {".ulaw": "mulaw", ".au": "mulaw", ".gsm": "gsm"}
"""Of files that begin with their first sample (RFC 2046's audio/basic is one), by suffix."""

FORMATS = "wav,w64,mp3,ogg,flac,aiff,au,caf,mov,mp4,aac,matroska,webm,amr,gsm,mulaw,opus,asf,ac3"
"""What may be opened: containers that hold their own sound. A play list could name files and hosts of its own."""


class ClipReader:
    """One clip being played. The tick reads; the decoding thread adds. Only whole arrays pass between them."""

    def __init__(self, clips: Clips, path: str, loops: int) -> None:
        self.path = path
        self.loops = loops
        self.error = ""
        self.pieces: deque[Floats] = deque()
        self.complete = False
        """Everything that will come has come; set last."""
        self.added = 0
        self.played = 0
        """Samples so far; each side counts its own."""
        self.closed = False
        self.asked = True
        """The decoder has been told of this reader and has not been here since."""
        self._clips = clips
        self._head = EMPTY
        self._at = 0

    def read(self, count: int) -> tuple[Floats, bool]:
        """Up to *count* samples, fewer while the decoder is behind, and whether these were the last."""
        made: list[Floats] = []
        complete = self.complete
        while count:
            piece = self._head[self._at : self._at + count]
            if len(piece):
                made.append(piece)
                self._at += len(piece)
                count -= len(piece)
            elif self.pieces:
                self._head, self._at = self.pieces.popleft(), 0
            else:
                break
        samples = made[0] if len(made) == 1 else np.concatenate(made) if made else EMPTY
        self.played += len(samples)
        if not complete and not self.asked and self.ahead < AHEAD:
            self.asked = True
            self._clips.ask(self)
        return samples, complete and not self.pieces and self._at >= len(self._head)

    @property
    def ahead(self) -> int:
        return self.added - self.played

    def close(self) -> None:
        """It will not be read again: what is open for it is closed, by the decoding thread."""
        self.closed = True
        if not self.complete:
            self._clips.ask(self)

    def add(self, samples: Floats) -> None:
        self.added += len(samples)
        self.pieces.append(samples)

    def fail(self, reason: str) -> None:
        self.error = reason
        self.complete = True


class Clips:
    """Owns the decoding thread and what is kept of short clips. The thread begins with the first clip."""

    _shared: ClassVar[Clips | None] = None

    def __init__(self, *, cache_bytes: int = CACHE) -> None:
        self._cache_bytes = cache_bytes
        self._cache: OrderedDict[Key, Floats] = OrderedDict()
        self._cached = 0
        self._asked: queue.SimpleQueue[ClipReader | None] = queue.SimpleQueue()
        self._running: dict[int, Iterator[None]] = {}
        self._thread: threading.Thread | None = None

    @classmethod
    def shared(cls) -> Clips:
        """The process's own: all players decode by one thread and keep one copy."""
        if cls._shared is None:
            cls._shared = Clips()
        return cls._shared

    def open(self, path: str, loops: int = 1) -> ClipReader:
        """Begin to decode *path*; answers at once. `loops` 0: endless."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="clips", daemon=True)
            self._thread.start()
        reader = ClipReader(self, path, loops)
        self._asked.put(reader)
        return reader

    def ask(self, reader: ClipReader) -> None:
        """*reader* will soon have nothing to play."""
        self._asked.put(reader)

    def close(self) -> None:
        """End the thread after what was asked so far."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while (reader := self._asked.get()) is not None:
            self.serve(reader)

    def serve(self, reader: ClipReader) -> None:
        """Decode *reader* one piece further, or give it up."""
        step = self._running.get(id(reader))
        if reader.closed:
            self._running.pop(id(reader), None)
            return
        if step is None:
            step = self._running[id(reader)] = self._decode(reader)
        try:
            next(step)
        except StopIteration:
            del self._running[id(reader)]
            reader.complete = True
        except (OSError, ValueError, av.error.FFmpegError) as fault:
            del self._running[id(reader)]
            reader.fail(reason_of(reader.path, fault))
        reader.asked = False

    def _decode(self, reader: ClipReader) -> Iterator[None]:
        """Add *reader*'s pieces, each loop anew; a clip that can be kept is added whole, and again at once."""
        left = reader.loops or -1
        while left:
            left -= 1
            status = os.stat(reader.path)
            key = (reader.path, status.st_mtime_ns, status.st_size)
            whole = self._cache.get(key)
            if whole is not None:
                self._cache.move_to_end(key)
                reader.add(whole)
                if left and reader.ahead >= AHEAD:
                    yield
                continue
            pieces: list[Floats] | None = []
            length = 0
            for piece in decoded(reader.path):
                reader.add(piece)
                length += len(piece)
                if length > KEPT:
                    pieces = None
                elif pieces is not None:
                    pieces.append(piece)
                yield
            if not length:
                raise ValueError("it holds no sound")
            if pieces is not None:
                self._keep(key, np.concatenate(pieces))

    def _keep(self, key: Key, whole: Floats) -> None:
        whole.flags.writeable = False
        self._cache[key] = whole
        self._cached += whole.nbytes
        while self._cached > self._cache_bytes and self._cache:
            _, gone = self._cache.popitem(last=False)
            self._cached -= gone.nbytes


def decoded(path: str) -> Iterator[Floats]:
    """The sound of a file at the bus rate, about a second at a time; several channels are averaged."""
    if not Path(path).is_file():
        raise FileNotFoundError(path)
    with Path(path).open("rb") as file, _container(file, path) as container:
        if not container.streams.audio:
            raise ValueError("it holds no sound")
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        kept: list[Floats] = []
        length = 0
        for frame in container.decode(container.streams.audio[0]):
            for part in resampler.resample(frame):
                kept.append(_floats(part))
                length += part.samples
            if length >= PIECE:
                yield np.concatenate(kept)
                kept, length = [], 0
        kept += [_floats(part) for part in resampler.resample(None)]
        if kept:
            yield np.concatenate(kept)


def _floats(frame: av.AudioFrame) -> Floats:
    samples: Floats = frame.to_ndarray()[0].astype(np.float32) * np.float32(1.0 / 32768.0)
    return samples


def _container(file: BinaryIO, path: str) -> av.container.InputContainer:
    """What has no head of its own is known by its name only: mu-law octets and GSM frames."""
    head = file.read(4)
    file.seek(0)
    bare = BARE.get(Path(path).suffix) if head not in (b"RIFF", b".snd", b"FORM") else None
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
    if bare == "mulaw":
        options |= {"sample_rate": str(RATE_HZ), "ch_layout": "mono"}
    return av.open(file, mode="r", format=bare, options=options)


def reason_of(path: str, fault: Exception) -> str:
    """Why a file is not played, for a person to read."""
    name = Path(path).name
    if isinstance(fault, FileNotFoundError):
        return f"{name}: no such file"
    if isinstance(fault, PermissionError):
        return f"{name}: may not be read"
    if isinstance(fault, av.error.InvalidDataError):
        return f"{name}: is no sound file that FFmpeg can read"
    if isinstance(fault, av.error.FFmpegError):
        return f"{name}: can't be decoded ({fault.strerror})"
    return f"{name}: {fault}"
