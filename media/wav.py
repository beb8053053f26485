"""WAV files that are valid at every moment, and mended after a crash."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from media.streams import RATE_HZ

HEADER = 44
BYTES = 2
LONGEST = 0xFFFFFFFF - HEADER
"""A RIFF file counts its octets in 32 bits."""


def header(data_bytes: int, channels: int, rate_hz: int = RATE_HZ) -> bytes:
    """The head of a 16-bit PCM file with so many octets of samples."""
    block = channels * BYTES
    return (
        struct.pack("<4sI4s", b"RIFF", HEADER - 8 + data_bytes, b"WAVE")
        + struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate_hz, rate_hz * block, block, 8 * BYTES)
        + struct.pack("<4sI", b"data", data_bytes)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    file: int
    path: str
    channels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    file: int
    pcm: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    file: int


Order = Begin | Append | Finish


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file is closed: whole (`error` empty), or as far as the disk let it come."""

    file: int
    samples: int
    error: str = ""


class File:
    """One open file. Owns its descriptor; after a fault it holds none and drops what comes."""

    def __init__(self, begin: Begin) -> None:
        self.begin = begin
        self.length = 0
        self.error = ""
        self._fd = -1
        try:
            Path(begin.path).parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(begin.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
            self._write(header(0, begin.channels), 0)
        except OSError as fault:
            self._fail(fault)

    @property
    def samples(self) -> int:
        return self.length // (BYTES * self.begin.channels)

    def append(self, pcm: bytes) -> None:
        """Write samples, then the head that counts them: a crash between both loses only these."""
        if self._fd < 0:
            return
        try:
            if self.length + len(pcm) > LONGEST:
                raise OSError("a WAV file holds no more")
            self._write(pcm, HEADER + self.length)
            self.length += len(pcm)
            self._write(header(self.length, self.begin.channels), 0)
        except OSError as fault:
            self._fail(fault)

    def close(self) -> None:
        """Bring everything to the disk."""
        if self._fd < 0:
            return
        try:
            os.fsync(self._fd)
        except OSError as fault:
            self._fail(fault)
            return
        os.close(self._fd)
        self._fd = -1

    def _write(self, data: bytes, at: int) -> None:
        view = memoryview(data)
        while view:
            count = os.pwrite(self._fd, view, at)
            view, at = view[count:], at + count

    def _fail(self, fault: OSError) -> None:
        self.error = fault.strerror or str(fault)
        if self._fd >= 0:
            try:
                os.ftruncate(self._fd, HEADER + self.length)  # samples that the head does not count go
            except OSError:
                self.error += ", nor truncated"
            os.close(self._fd)
            self._fd = -1
            if not self.length:
                Path(self.begin.path).unlink(missing_ok=True)


def repair(path: Path) -> int:
    """Make the head of a file agree with its length, after a crash; answers its samples a channel. Raises ValueError for another file."""
    with path.open("r+b") as file:
        head = file.read(HEADER)
        if len(head) < HEADER or head[:4] != b"RIFF" or head[36:40] != b"data":
            raise ValueError(f"{path.name}: not a tape of ours")
        channels, rate_hz = struct.unpack_from("<HI", head, 22)
        block = BYTES * max(1, channels)
        length = (os.fstat(file.fileno()).st_size - HEADER) // block * block
        file.truncate(HEADER + length)
        file.seek(0)
        file.write(header(length, channels, rate_hz))
        return int(length // block)
