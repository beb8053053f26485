"""What the sockets hand to a tick, and what a tick asks of them: the seam that tests stand in for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from media.latch import Address


@dataclass(slots=True)
class Arrived:
    """What came since the last tick: row i of `matrix` holds a datagram for leg `rows[i]`."""

    matrix: NDArray[np.uint8]
    rows: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    strange: list[tuple[int, Address]] = field(default_factory=list)
    """Datagrams from somebody else than the leg's peer, as far as it is known."""
    reports: list[tuple[int, bytes, Address]] = field(default_factory=list)
    """RTCP: leg, octets, source."""

    def clear(self) -> None:
        for column in (self.rows, self.lengths, self.times, self.strange, self.reports):
            column.clear()


Job = tuple[int, memoryview, Address]
"""Row, packet, where to."""


class Wire(Protocol):
    """The legs' sockets as the engine needs them."""

    arrived: Arrived

    def open(self, row: int, now: float) -> int: ...

    def close(self, row: int, now: float) -> None: ...

    def aim(self, row: int, peer: Address | None) -> None:
        """Who a row's peer is, as far as it is known; what comes from others is listed in `arrived.strange`."""
        ...

    def send(self, row: int, data: bytes, target: Address) -> bool: ...

    def send_report(self, row: int, data: bytes, target: Address) -> bool: ...

    def send_all(self, jobs: Sequence[Job]) -> int:
        """Send one packet of each of *jobs*; answers how many left."""
        ...
