"""Ports of this machine that nobody else holds: found by really binding them."""

from __future__ import annotations

import random
import socket
from collections import deque
from contextlib import ExitStack
from itertools import chain

LOOPBACK = "127.0.0.1"
FIRST, LAST = 20_000, 31_000
"""Below the range from which the system lends ports."""

REMEMBERED = 40
_given: deque[range] = deque()
_lately: set[int] = set()


def free_ports(count: int, *, even: bool = True) -> int:
    """The first of *count* neighbouring ports that are free for UDP and TCP; what was given lately is not given again."""
    begin = random.Random().randrange(FIRST, LAST - count)
    for at in chain(range(begin, LAST - count), range(FIRST, begin)):
        wanted = range(at, at + count)
        if (at % 2 and even) or not _lately.isdisjoint(wanted) or not _all_free(wanted):
            continue
        _given.append(wanted)
        _lately.update(wanted)
        if len(_given) > REMEMBERED:
            _lately.difference_update(_given.popleft())
        return at
    raise RuntimeError(f"no {count} neighbouring ports are free")


def _all_free(ports: range) -> bool:
    with ExitStack() as held:
        try:
            for port in ports:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    held.enter_context(socket.socket(socket.AF_INET, kind)).bind((LOOPBACK, port))
        except OSError:
            return False
    return True
