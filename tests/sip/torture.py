"""The torture messages of RFC 4475 and RFC 5118, and what may be answered to each over UDP."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "torture"
_NOT_WELLFORMED = frozenset({400, 505, 513})


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the manifest accepts: statuses, `wellformed` (any answer but a complaint of form), `drop` (no answer)."""

    accepted: frozenset[str]

    def allows(self, status: int | None) -> bool:
        """Whether this final status, or None for silence, is right."""
        if status is None:
            return "drop" in self.accepted
        if "wellformed" in self.accepted and status not in _NOT_WELLFORMED:
            return True
        return str(status) in self.accepted

    @property
    def is_passed_on(self) -> bool:
        """Whether validation may let it through: something later answers, authentication included."""
        return not self.accepted.isdisjoint({"wellformed", "401", "407"})

    def __str__(self) -> str:
        return " or ".join(sorted(self.accepted))


def cases() -> Iterator[tuple[str, bytes, Expectation]]:
    """Name, octets and expectation of each message, in the manifest's order."""
    with (FOLDER / "manifest.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            data = (FOLDER / row["set"] / f"{row['name']}.dat").read_bytes()
            yield row["name"], data, Expectation(frozenset(row["accept_udp"].split()))


def messages() -> list[bytes]:
    """The octets alone: seeds for mutations."""
    return [data for _, data, _ in cases()]
