"""Detection on calls that its rules were not tuned on: `python -m tests.bench.bench_greetings [COUNT] [SEED]`.

Prints who was taken for whom by default parameters, the beeps found, how long a verdict took, and each call that went wrong.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from media.amd import Detector, Verdict
from media.commands import Detect
from media.streams import FRAME, Slot
from media.voicing import Models, Silero, best, voicing
from tests.media.greetings import Greeting, calls

CLASSES = ("human", "machine", "fax", "unknown")
SLOT = Slot(row=0, generation=1)
BEEP_MS = 700
"""How soon after its end a beep must be told."""


@dataclass
class Outcome:
    """Counts over all calls."""

    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    beeps: int = 0
    beeps_found: int = 0
    verdicts_ms: dict[str, list[int]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def right(self, *expected: str) -> tuple[int, int]:
        """How many of these are right, and how many there are."""
        total = sum(count for (kind, _), count in self.confusion.items() if kind in expected)
        return sum(self.confusion[kind, kind] for kind in expected), total


def ready() -> None:
    """Wait until a network is loaded: sound is heard faster here than one loads."""
    if best() is Silero:
        models = Models.shared()
        while (model := models.take()) is None:
            time.sleep(0.02)
        models.give_back(model)


def judge(greeting: Greeting, *, message_end: bool = False) -> Verdict:
    ready()
    detector = Detector(Detect(slot=SLOT, message_end=message_end), voicing())
    silence = np.zeros(FRAME, dtype=np.float32)
    for at in range(0, 31_000 * 8, FRAME):
        frame = greeting.sound[at : at + FRAME]
        if (verdict := detector.hear(frame if len(frame) == FRAME else silence)) is not None:
            return verdict
    raise AssertionError("every detection ends by its time-out")


def run(seed: int, count: int) -> Outcome:
    outcome = Outcome()
    for greeting in calls(seed, count):
        verdict = judge(greeting)
        got = verdict.answered_by.value.removesuffix("_start")
        outcome.confusion[greeting.expected, got] += 1
        outcome.verdicts_ms.setdefault(got, []).append(verdict.ms)
        if got != greeting.expected:
            outcome.wrong.append(f"{greeting.name}: {got} after {verdict.ms} ms")
        if greeting.beep_end_ms:
            outcome.beeps += 1
            end = judge(greeting, message_end=True)
            after_ms = end.ms - greeting.beep_end_ms
            found = end.answered_by == "machine_end_beep" and -20 <= after_ms <= BEEP_MS
            outcome.beeps_found += found
            if not found:
                outcome.wrong.append(f"{greeting.name}: {end.answered_by} {after_ms:+d} ms after the beep")
    return outcome


def show(outcome: Outcome) -> None:
    print(f"{'expected':<12}" + "".join(f"{got:>10}" for got in CLASSES))
    for expected in CLASSES:
        print(f"{expected:<12}" + "".join(f"{outcome.confusion[expected, got]:>10}" for got in CLASSES))
    right, total = outcome.right("human", "machine")
    print(f"\nhuman + machine right: {right} of {total}, {100 * right / max(1, total):.1f} %")
    print(f"beep told within {BEEP_MS} ms of its end: {outcome.beeps_found} of {outcome.beeps}")
    for got, times in sorted(outcome.verdicts_ms.items()):
        p50, p95 = np.percentile(times, [50, 95])
        print(f"{got}: after p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    for line in outcome.wrong:
        print("  wrong:", line)


def main(arguments: list[str]) -> int:
    count, seed = (int(arguments[0]) if arguments else 200), (int(arguments[1]) if len(arguments) > 1 else 1)
    show(run(seed, count))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
