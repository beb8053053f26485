"""The SIP ladder of a call: who sent what to whom and when, as text and (ladder_svg.py) as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.trace import Traced

US = "crosspoint"
COLUMN = 30


@dataclass(frozen=True, slots=True)
class Rung:
    """One arrow. `at_ms` since the first message; columns by index."""

    at_ms: float
    source: int
    target: int
    label: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """Columns from left to right, and the arrows from top to bottom."""

    columns: tuple[str, ...]
    rungs: tuple[Rung, ...]


def build(messages: Sequence[Traced], names: dict[str, str] | None = None) -> Ladder:
    """Order the peers: who spoke first stands left of us, the others right. *names* gives peers friendlier ones."""
    peers: list[str] = []
    for message in messages:
        if message.peer not in peers:
            peers.append(message.peer)
    columns = [*peers[:1], US, *peers[1:]]
    began = messages[0].at if messages else 0.0
    rungs = []
    us = columns.index(US)
    for message in messages:
        peer = columns.index(message.peer)
        label = message.label
        if message.cseq and label[:1].isdigit():
            label += f" ({message.cseq.partition(' ')[2]})"
        label += " + SDP" if message.has_sdp else ""
        source, target = (us, peer) if message.sent else (peer, us)
        rungs.append(Rung((message.at - began) * 1000, source, target, label))
    shown = tuple((names or {}).get(column, column) for column in columns)
    return Ladder(shown, tuple(rungs))


def draw_text(ladder: Ladder) -> str:
    """A ladder for a terminal, 30 characters a column."""
    if not ladder.rungs:
        return "no messages"
    centres = [12 + COLUMN // 2 + COLUMN * at for at in range(len(ladder.columns))]
    lines = [_placed(dict(zip(centres, ladder.columns, strict=True)), centres[-1] + COLUMN)]
    for rung in ladder.rungs:
        lines.append(_rung(rung, centres))
    return "\n".join(line.rstrip() for line in lines)


def _placed(texts: dict[int, str], width: int) -> str:
    line = [" "] * width
    for centre, text in texts.items():
        start = max(0, centre - len(text) // 2)
        line[start : start + len(text)] = text
    return "".join(line[:width])


def _rung(rung: Rung, centres: list[int]) -> str:
    line = [" "] * (centres[-1] + COLUMN)
    time = f"{rung.at_ms:9.1f} ms"
    line[: len(time)] = time
    for centre in centres:
        line[centre] = "|"
    left, right = sorted((centres[rung.source], centres[rung.target]))
    line[left + 1 : right] = "-" * (right - left - 1)
    room = right - left - 5
    label = f" {rung.label[: room - 2]} "
    start = left + 1 + (right - left - len(label)) // 2
    line[start : start + len(label)] = label
    if rung.source < rung.target:
        line[right - 1] = ">"
    else:
        line[left + 1] = "<"
    return "".join(line)
