"""Ports of this machine that nobody else holds: found by really binding them, in blocks that one test process alone may use."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections import deque
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

LOOPBACK = "127.0.0.1"
FIRST, LAST = 12_000, 32_000
"""Below the range from which the system lends ports."""

BLOCK = 1_000
"""Ports that a process claims at once: more than it uses at one time, since what was given is not given again at once."""

REMEMBERED = 40

LOCKS = Path(tempfile.gettempdir()) / "crosspoint-test-ports"


class Blocks:
    """Ranges that are this process's own until it ends: each is a locked file, which the kernel lets go however we end."""

    def __init__(self) -> None:
        self.claimed: list[range] = []

    def claim(self) -> None:
        """Take one more. Raises RuntimeError where other processes hold them all."""
        LOCKS.mkdir(exist_ok=True)
        numbers = list(range(FIRST, LAST, BLOCK))
        random.Random().shuffle(numbers)
        for first in numbers:
            lock = os.open(LOCKS / str(first), os.O_CREAT | os.O_RDWR, 0o666)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock)
                continue
            self.claimed.append(range(first, first + BLOCK))
            return
        raise RuntimeError("other processes hold all ports that tests may use")


_blocks = Blocks()
_given: deque[range] = deque()
_lately: set[int] = set()


def free_ports(count: int, *, even: bool = True) -> int:
    """The first of *count* neighbouring ports that are free for UDP and TCP; what was given lately is not given again."""
    if not _blocks.claimed:
        _blocks.claim()
    for block in _blocks.claimed:
        if (at := _find(block, count, even=even)) is not None:
            return at
    _blocks.claim()
    if (at := _find(_blocks.claimed[-1], count, even=even)) is None:
        raise RuntimeError(f"no {count} neighbouring ports are free")
    return at


def _find(block: range, count: int, *, even: bool) -> int | None:
    begin = random.Random().randrange(block.start, block.stop - count)
    for at in chain(range(begin, block.stop - count), range(block.start, begin)):
        wanted = range(at, at + count)
        if (at % 2 and even) or not _lately.isdisjoint(wanted) or not _all_free(wanted):
            continue
        _given.append(wanted)
        _lately.update(wanted)
        if len(_given) > REMEMBERED:
            _lately.difference_update(_given.popleft())
        return at
    return None


def _all_free(ports: range) -> bool:
    with ExitStack() as held:
        try:
            for port in ports:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    held.enter_context(socket.socket(socket.AF_INET, kind)).bind((LOOPBACK, port))
        except OSError:
            return False
    return True
