"""Ports of this machine that nobody else holds: found by really binding them."""

from __future__ import annotations

import random
import socket
from collections import deque
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"
REMEMBERED = 4000
_given: deque[int] = deque(maxlen=REMEMBERED)


def free_ports(count: int, *, even: bool = True) -> int:
    """The first of *count* neighbouring ports that are free for UDP and TCP; what was given lately is not given again."""
    chosen = random.Random()
    for _ in range(500):
        first = chosen.randrange(20_000, 31_000 - count)  # below the range from which the system lends ports
        first += first % 2 if even else 0
        wanted = set(range(first, first + count))
        if wanted.isdisjoint(_given) and _all_free(wanted):
            _given.extend(wanted)
            return first
    raise RuntimeError(f"no {count} neighbouring ports are free")


def _all_free(ports: set[int]) -> bool:
    with ExitStack() as held:
        try:
            for port in ports:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    held.enter_context(socket.socket(socket.AF_INET, kind)).bind((LOOPBACK, port))
        except OSError:
            return False
    return True
