"""From verdicts to figures: who was taken for whom, when, the beeps, and each figure beside its goal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from tests.amd.corpus import MadeCall

CLASSES = ("human", "machine", "fax", "unknown")
BEEP_MS = 700
"""How soon after its end a beep must be told."""
EARLY_MS = 20
LATE_MS = 150
END_MS = 1200
"""The end threshold's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One call's verdict in each of the two modes."""

    call: MadeCall
    got: str
    ms: int
    end: str = ""
    end_ms: int = 0

    @property
    def kind(self) -> str:
        return "machine" if self.got.startswith("machine") else self.got

    @property
    def right(self) -> bool:
        return self.kind in self.call.accept

    @property
    def beep_found(self) -> bool:
        """In time: a double beep may be told of between its halves."""
        first = self.call.beep_from_ms if "double" in self.call.beep_about else self.call.beep_until_ms - EARLY_MS
        return self.end == "machine_end_beep" and first <= self.end_ms <= self.call.beep_until_ms + BEEP_MS

    @property
    def end_right(self) -> bool:
        if self.call.expected != "machine":
            return True
        return self.beep_found if self.call.beep_until_ms else self.end in self.call.ends


@dataclass(frozen=True, slots=True)
class Figure:
    """A share of calls and its goal, both in percent."""

    name: str
    share: float
    of: int
    goal: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        return not self.of or (self.share <= self.goal if self.at_most else self.share >= self.goal)


@dataclass
class Score:
    """Owns the counts over a set."""

    judged: list[Judged] = field(default_factory=list)

    def confusion(self) -> Counter[tuple[str, str]]:
        return Counter((one.call.expected, one.kind) for one in self.judged)

    def wrong(self) -> list[Judged]:
        return [one for one in self.judged if not one.right or not one.end_right]

    def late_ms(self) -> list[float]:
        """How long after the first utterance and the end threshold a person was told."""
        return [
            one.ms - one.call.first_end_ms - END_MS
            for one in self.judged
            if one.call.expected == one.kind == "human" and one.call.first_end_ms and not one.call.hard
        ]

    def figures(self) -> list[Figure]:
        people = [one for one in self.judged if one.call.expected in ("human", "machine")]
        easy = [one for one in people if not one.call.hard]
        human = [one for one in easy if one.call.expected == "human"]
        machine = [one for one in easy if one.call.expected == "machine"]
        fax = [one for one in self.judged if one.call.expected == "fax"]
        others = [one for one in self.judged if one.call.expected != "fax"]
        nobody = [one for one in self.judged if one.call.expected == "unknown" and not one.call.hard]
        beeps = [one for one in self.judged if one.call.beep_until_ms and one.end]
        silent = [one for one in people if one.call.expected == "machine" and not one.call.beep_until_ms and one.end]
        humans = [one for one in self.judged if one.call.expected == "human" and one.end]
        late = self.late_ms()
        return [
            figure("human and machine right, all", (one.right for one in people), 92),
            figure("human and machine right, not hard", (one.right for one in easy), 97),
            figure("human called machine, not hard", (one.kind == "machine" for one in human), 3, at_most=True),
            figure("machine called human, not hard", (one.kind == "human" for one in machine), 3, at_most=True),
            figure("fax right", (one.right for one in fax), 95),
            figure("called fax without being one", (one.kind == "fax" for one in others), 0, at_most=True),
            figure("silence, noise, ringing, busy: unknown", (one.right for one in nobody), 95),
            figure(f"beep told within {BEEP_MS} ms of its end", (one.beep_found for one in beeps), 92),
            figure("greeting without a beep ends rightly", (one.end_right for one in silent), 92),
            figure("beep told of a person", (one.end == "machine_end_beep" for one in humans), 1, at_most=True),
            figure(f"person told within end threshold + {LATE_MS} ms", (ms <= LATE_MS for ms in late), 95),
        ]


def figure(name: str, hits: Iterable[bool], goal: float, *, at_most: bool = False) -> Figure:
    some = list(hits)
    return Figure(name, 100.0 * sum(some) / max(1, len(some)), len(some), goal, at_most)


def table(score: Score) -> str:
    """The figures and the confusion matrix as Markdown."""
    confusion = score.confusion()
    lines = ["| figure | reached | goal | calls |", "| --- | ---: | ---: | ---: |"]
    for one in score.figures():
        sign = "≤" if one.at_most else "≥"
        lines.append(
            f"| {one.name} | {one.share:.1f} % {'' if one.met else '**missed**'} | {sign} {one.goal:g} % | {one.of} |"
        )
    lines += ["", "| was \\ taken for | " + " | ".join(CLASSES) + " |", "| --- |" + " ---: |" * len(CLASSES)]
    lines += [f"| {was} | " + " | ".join(str(confusion[was, got]) for got in CLASSES) + " |" for was in CLASSES]
    lines += ["", "| verdict | p5 | p50 | p95 ms after the answer |", "| --- | ---: | ---: | ---: |"]
    for got in CLASSES:
        times = [one.ms for one in score.judged if one.kind == got]
        if times:
            p5, p50, p95 = np.percentile(times, [5, 50, 95])
            lines.append(f"| {got} | {p5:.0f} | {p50:.0f} | {p95:.0f} |")
    return "\n".join(lines)
