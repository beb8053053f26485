"""Ports of this machine that nobody else holds: found by really binding them."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"
_given: set[int] = set()


def free_ports(count: int, *, even: bool = True) -> int:
    """The first of *count* neighbouring ports that are free for UDP and TCP; none is given twice in one run."""
    chosen = random.Random()
    for _ in range(500):
        first = chosen.randrange(20_000, 31_000 - count)  # below the range from which the system lends ports
        first += first % 2 if even else 0
        wanted = set(range(first, first + count))
        if not wanted & _given and _all_free(wanted):
            _given.update(wanted)
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
