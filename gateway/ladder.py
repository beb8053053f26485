"""The SIP ladder of a call: who sent what to whom and when, as text and (ladder_svg.py) as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.trace import Traced

US = "crosspoint"
CLOCK = 13
"""Characters before the first column."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One arrow. `at_ms` since the first message; columns by index."""

    at_ms: float
    source: int
    target: int
    label: str
    text: str = ""
    """The message itself, for whoever wants to open it."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Columns from left to right, and the arrows from top to bottom."""

    columns: tuple[str, ...]
    rungs: tuple[Rung, ...]

    @property
    def us(self) -> int:
        return self.columns.index(US)


def build(messages: Sequence[Traced], names: Mapping[str, str] | None = None) -> Ladder:
    """The first leg's peer stands left of us, the others right: a column for each leg and address. *names* are friendlier ones for
    Call-IDs or peers."""
    names = names or {}
    order = list(dict.fromkeys((message.call_id, message.peer) for message in messages))
    places = {key: at if at == 0 else at + 1 for at, key in enumerate(order)}
    shown = [names.get(call_id) or names.get(peer) or peer for call_id, peer in order]
    us = min(1, len(order))
    began = messages[0].at if messages else 0.0
    rungs = []
    for message in messages:
        peer = places[message.call_id, message.peer]
        source, target = (us, peer) if message.sent else (peer, us)
        rungs.append(Rung((message.at - began) * 1000, source, target, _label(message), message.text))
    return Ladder((*shown[:1], US, *shown[1:]), tuple(rungs))


def _label(message: Traced) -> str:
    """`INVITE + SDP`, `200 OK (INVITE) + SDP`."""
    label = message.label
    if message.cseq and label[:1].isdigit():
        label += f" ({message.cseq.partition(' ')[2]})"
    return label + " + SDP" if message.has_sdp else label


def draw_text(ladder: Ladder) -> str:
    """A ladder for a terminal; as wide as its longest label needs."""
    if not ladder.rungs:
        return "no messages"
    needed = [len(name) + 2 for name in ladder.columns]
    needed += [-(-(len(rung.label) + 8) // abs(rung.source - rung.target)) for rung in ladder.rungs]
    step = max(20, min(44, max(needed)))
    centres = [CLOCK + max(len(ladder.columns[0]) // 2, 2) + step * at for at in range(len(ladder.columns))]
    width = centres[-1] + step
    heading = [" "] * width
    for centre, name in zip(centres, ladder.columns, strict=True):
        _write(heading, centre - len(name) // 2, printable(name))
    lines = [heading, *(_drawn(rung, centres, width) for rung in ladder.rungs)]
    return "\n".join("".join(line).rstrip() for line in lines)


def _drawn(rung: Rung, centres: Sequence[int], width: int) -> list[str]:
    line = [" "] * width
    _write(line, 0, f"{clock(rung.at_ms):>11}")
    for centre in centres:
        line[centre] = "|"
    left, right = sorted((centres[rung.source], centres[rung.target]))
    line[left + 1 : right] = "-" * (right - left - 1)
    room = right - left - 5
    label = printable(rung.label)
    label = f" {label if len(label) <= room else label[: room - 1] + '…'} "
    _write(line, left + (right - left - len(label)) // 2 + 1, label)
    if rung.source < rung.target:
        line[right - 1] = ">"
    else:
        line[left + 1] = "<"
    return line


def clock(at_ms: float) -> str:
    """`3.4 ms`, `61.53 s`."""
    return f"{at_ms:.1f} ms" if at_ms < 10_000 else f"{at_ms / 1000:.2f} s"


def printable(text: str) -> str:
    """A peer's text without what could move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)


def _write(line: list[str], at: int, text: str) -> None:
    at = max(0, at)
    line[at : at + len(text)] = text[: len(line) - at]
