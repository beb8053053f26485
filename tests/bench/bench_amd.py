"""Detection on labelled calls: `python -m tests.bench.bench_amd FOLDER [silero|webrtc]`.

FOLDER holds 8 kHz WAV files (PCM or mu-law) and `labels.csv` with the columns file, category, expected, accept, end_expected, hard,
first_utt_end_ms, beep_end_ms. Prints who was taken for whom, when, the beeps found, and each call that went wrong.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from media.amd import Detector, Verdict
from media.clips import decoded
from media.commands import Detect
from media.streams import FRAME, Slot
from media.voicing import Models, best, voicing

Floats = NDArray[np.float32]
Row = dict[str, str]
CLASSES = ("human", "machine", "fax", "unknown")
SLOT = Slot(row=0, generation=1)
AFTERWARDS_S = 32
"""Silence after the end of a file, so that every time-out is reached."""


@dataclass
class Report:
    """Counts over all calls."""

    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    late_ms: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    frames: int = 0
    spent_s: float = 0.0

    def count(self, name: str, right: bool) -> None:
        self.total[name] += 1
        self.right[name] += right


def judge(sound: Floats, report: Report, kind: str, *, message_end: bool) -> Verdict:
    """One call through a detector of its own."""
    detector = Detector(Detect(slot=SLOT, message_end=message_end), voicing(kind))
    begun = time.process_time()
    for at in range(0, len(sound) - FRAME + 1, FRAME):
        report.frames += 1
        if (verdict := detector.hear(sound[at : at + FRAME])) is not None:
            report.spent_s += time.process_time() - begun
            return verdict
    raise AssertionError("every detection ends by its time-out")


def start(row: Row, verdict: Verdict, report: Report) -> None:
    """Judge a verdict of the mode Enable."""
    got = "machine" if verdict.answered_by == "machine_start" else verdict.answered_by.value
    right = got in row["accept"].split("|")
    report.confusion[row["expected"], got] += 1
    if row["expected"] in ("human", "machine"):
        report.count("human + machine, all", right)
        if row["hard"] == "0":
            report.count("human + machine, not hard", right)
    else:
        report.count(row["expected"], right)
    if got == "human" and row["first_utt_end_ms"]:
        report.late_ms.append(verdict.ms - float(row["first_utt_end_ms"]) - 1200)
    if not right:
        hard = " (hard)" if row["hard"] == "1" else ""
        report.wrong.append(f"{row['file']} {row['category']}{hard}: {got} after {verdict.ms} ms")


def end(row: Row, verdict: Verdict, report: Report) -> None:
    """Judge a verdict of the mode DetectMessageEnd."""
    got = verdict.answered_by.value
    if row["expected"] == "human":
        report.count("no beep for a person", got != "machine_end_beep")
    elif row["expected"] == "machine" and row["beep_end_ms"]:
        after = verdict.ms - float(row["beep_end_ms"])
        right = got == "machine_end_beep" and 0 <= after <= 700
        report.count("beep within 700 ms of its end", right)
        if not right:
            report.wrong.append(f"{row['file']} {row['category']}: {got} {after:+.0f} ms after the beep")
    elif row["expected"] == "machine":
        right = got in row["end_expected"].split("|")
        report.count("greeting without a beep", right)
        if not right:
            report.wrong.append(f"{row['file']} {row['category']}: {got} after {verdict.ms} ms")


def show(report: Report) -> None:
    print(f"{'expected':<12}" + "".join(f"{got:>10}" for got in CLASSES))
    for expected in CLASSES:
        print(f"{expected:<12}" + "".join(f"{report.confusion[expected, got]:>10}" for got in CLASSES))
    print()
    for name in sorted(report.total):
        share = 100 * report.right[name] / report.total[name]
        print(f"{name:<32}{report.right[name]:>5} of {report.total[name]:<5}{share:6.1f} %")
    if report.late_ms:
        p50, p95 = np.percentile(report.late_ms, [50, 95])
        print(f"a person's verdict after utterance + end threshold: p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    print(f"CPU: {1e6 * report.spent_s / report.frames:.0f} us a frame and call")
    for line in report.wrong:
        print("  wrong:", line)


def main(arguments: list[str]) -> int:
    folder, kind = Path(arguments[0]), arguments[1] if len(arguments) > 1 else ""
    if best().__name__ == "Silero" and kind != "webrtc":
        models = Models.shared()
        while (model := models.take()) is None:  # a file is judged faster than a network is loaded
            time.sleep(0.05)
        models.give_back(model)
    report = Report()
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        sound = np.concatenate([*decoded(str(folder / row["file"])), np.zeros(AFTERWARDS_S * 8000, dtype=np.float32)])
        start(row, judge(sound, report, kind, message_end=False), report)
        end(row, judge(sound, report, kind, message_end=True), report)
    show(report)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
