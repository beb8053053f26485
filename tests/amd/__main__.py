"""`make bench-amd`: the made calls, for development and held out, through the detector; a report with tables and pictures.

    python -m tests.amd [--out FOLDER] [--sets dev,held,fresh,new] [--labelled FOLDER] [--voice silero|webrtc]
                        [--every N] [--rtp EVERY] [--paths EVERY] [--roc EVERY]

`fresh` is the held-out set by another seed; `new` has voices and noises that nothing was tuned on, nor looked at.
--every: only each so many-th call of a set. --rtp: each so many-th of those also goes through a running gateway (1: all,
0: none). --paths: the same by codecs, and with loss and jitter. --roc: thresholds are tried on each so many-th call.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from media.commands import Detect
from tests.amd import app_amd, corpus, labelled, over_rtp, page, pictures
from tests.amd.corpus import MadeCall
from tests.amd.offline import SLOT, judge
from tests.amd.score import Judged, Score, table
from tests.amd.voices import Split
from tests.bench import bench_detection

SETS = {
    "dev": (Split.DEV, corpus.SEED),
    "held": (Split.HELD, corpus.SEED),
    "fresh": (Split.HELD, 11),
    "new": (Split.NEW, 23),
}
SPEECH_MS = (1000, 1500, 2000, 2400, 3000, 4000, 6000)
END_MS = (500, 800, 1200, 1600, 2500, 4000)
PATHS: dict[str, dict[str, object]] = {
    "PCMU": {},
    "PCMA": {"codec": "PCMA"},
    "G.722": {"codec": "G722"},
    "Opus": {"codec": "OPUS"},
    "3 % loss, 60 ms jitter": {"loss": 0.03, "jitter_ms": 60},
}
AGREE_MS = 250


def offline(calls: Sequence[MadeCall], kind: str = "") -> Score:
    """Each call in both modes."""
    score = Score()
    for call in calls:
        start, end = judge(call, kind=kind), judge(call, kind=kind, message_end=True)
        score.judged.append(
            Judged(call=call, got=start.answered_by.value, ms=start.ms, end=end.answered_by.value, end_ms=end.ms)
        )
    return score


def compared(calls: Sequence[MadeCall]) -> list[str]:
    """app_amd on the same calls."""
    lines = [
        "",
        "| Asterisk's app_amd | human and machine, all | not hard | human called machine | machine called human |",
    ]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for name, settings in (("its defaults", app_amd.ASTERISK), ("VICIdial's", app_amd.VICIDIAL)):
        score = Score()
        for call in calls:
            got, ms = app_amd.judge(call.sound, settings)
            score.judged.append(Judged(call=call, got=got, ms=ms))
        shares = " | ".join(f"{one.share:.1f} %" for one in score.figures()[:4])
        lines.append(f"| {name} | {shares} |")
    return lines


def roc(calls: Sequence[MadeCall], out: Path, name: str) -> list[str]:
    """People taken for machines, and machines for people, over the two thresholds."""
    some = [call for call in calls if call.expected in ("human", "machine")]
    lines: list[str] = []
    for what, values in (("speech_ms", SPEECH_MS), ("speech_end_ms", END_MS)):
        points: list[tuple[float, float, str]] = []
        for value in values:
            asked = (
                Detect(slot=SLOT, speech_ms=value) if what == "speech_ms" else Detect(slot=SLOT, speech_end_ms=value)
            )
            got = [(call.expected, judge(call, asked=asked).answered_by.value.split("_")[0]) for call in some]
            people, machines = [g for e, g in got if e == "human"], [g for e, g in got if e == "machine"]
            points.append(
                (
                    100 * sum(g == "machine" for g in people) / max(1, len(people)),
                    100 * sum(g == "human" for g in machines) / max(1, len(machines)),
                    str(value),
                )
            )
        file = f"roc-{name}-{what}.svg"
        (out / file).write_text(pictures.curve(points, "people called machine, %", "machines called people, %"))
        lines += ["", f"| {what} | people called machine | machines called people |", "| ---: | ---: | ---: |"]
        lines += [f"| {value} | {a:.1f} % | {b:.1f} % |" for a, b, value in points]
        lines += ["", f"![]({file})"]
    return lines


def missed(score: Score, out: Path) -> list[str]:
    """Pictures of what went wrong."""
    lines = ["", "| call | was | said | picture |", "| --- | --- | --- | --- |"]
    for one in score.wrong():
        file = f"missed/{one.call.name.replace(' ', '-')}.svg"
        (out / "missed").mkdir(exist_ok=True)
        (out / file).write_text(pictures.call(one))
        hard = " (hard)" if one.call.hard else ""
        said = f"{one.got} {one.ms} ms, {one.end} {one.end_ms} ms"
        lines.append(f"| {one.call.name} | {one.call.expected}{hard} | {said} | [{file}]({file}) |")
    return lines


def through_gateway(score: Score, every: int) -> list[str]:
    """The same calls over RTP, by both modes."""
    some = score.judged[::every]
    told: list[list[over_rtp.Told]] = []
    late = ""
    for message_end in (False, True):
        with tempfile.TemporaryDirectory() as home:
            got, metrics = asyncio.run(over_rtp.judge_all(Path(home), [j.call for j in some], message_end=message_end))
        told.append(got)
        late = next((line for line in metrics.splitlines() if 'figure="late_ticks"' in line), "")
    real = Score(
        [
            Judged(call=j.call, got=a.answered_by, ms=a.ms, end=b.answered_by, end_ms=b.ms)
            for j, a, b in zip(some, *told, strict=True)
        ]
    )
    same = sum(a.kind == b.kind and a.end == b.end for a, b in zip(some, real.judged, strict=True))
    apart = np.percentile([abs(a.end_ms - b.end_ms) for a, b in zip(some, real.judged, strict=True)], [50, 95])
    once = sum(one.times == 1 for one in told[0] + told[1])
    differs = [
        f"- {a.call.name}: {a.got}, {a.end}; over RTP {b.got} {b.ms} ms, {b.end} {b.end_ms} ms"
        for a, b in zip(some, real.judged, strict=True)
        if a.kind != b.kind or a.end != b.end
    ]
    return [
        "",
        f"Through a running gateway over RTP: {same} of {len(some)} calls have the same verdicts in both modes; "
        f"the end's differs by p50 {apart[0]:.0f}, p95 {apart[1]:.0f} ms; {once} of {2 * len(some)} callbacks came once. "
        f"{over_rtp.AT_ONCE} at once; {late}",
        "",
        table(real),
        "",
        *differs,
    ]


def paths(calls: Sequence[MadeCall]) -> list[str]:
    """By codec, and over a bad network, all through a running gateway."""
    lines = ["", "| path | human and machine right | not hard | fax | calls |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, how in PATHS.items():
        with tempfile.TemporaryDirectory() as home:
            told, _ = asyncio.run(over_rtp.judge_all(Path(home), calls, how=how))
        score = Score([Judged(call=c, got=t.answered_by, ms=t.ms) for c, t in zip(calls, told, strict=True)])
        figures = score.figures()
        shares = " | ".join(f"{figures[at].share:.1f} %" for at in (0, 1, 4))
        lines.append(f"| {name} | {shares} | {len(calls)} |")
    return lines


def cost() -> str:
    """CPU of a frame, by how many calls are listened to at once."""
    figures = [f"{micros:.0f} µs of {at_once} at once" for at_once, micros in bench_detection.costs()]
    return f"CPU a frame and call: {', '.join(figures)}."


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.amd")
    parser.add_argument("--out", type=Path, default=Path("build/amd"))
    parser.add_argument("--sets", default="dev,held,fresh,new")
    parser.add_argument("--labelled", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--voice", default="")
    parser.add_argument("--rtp", type=int, default=4)
    parser.add_argument("--paths", type=int, default=3)
    parser.add_argument("--roc", type=int, default=2)
    asked = parser.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    sets = {
        name: corpus.kept(split=SETS[name][0], seed=SETS[name][1]) for name in asked.sets.split(",") if name in SETS
    }
    if asked.labelled:
        sets["labelled"] = labelled.read(asked.labelled)
    report: list[str] = []
    scores: dict[str, Score] = {}
    spent = cost()
    for name, every_call in sets.items():
        calls = every_call[:: asked.every]
        print(f"{name}: {len(calls)} calls", flush=True)
        score = scores[name] = offline(calls, asked.voice)
        lines = [f"## {name}: {len(calls)} calls", "", table(score), *compared(calls), "", spent]
        print("\n".join(lines), flush=True)
        if asked.rtp:
            lines += through_gateway(score, asked.rtp)
        if asked.paths and name == "held":
            lines += paths(calls[:: asked.paths])
        if asked.roc and name != "fresh":
            lines += roc(calls[:: asked.roc], asked.out, name)
        report.append("\n".join([*lines, *missed(score, asked.out), ""]))
        head = ["# Answering-machine detection, measured", "", *page.summary(scores)]
        (asked.out / "report.md").write_text("\n".join([*head, *report]), encoding="utf-8")
        page.write(asked.out, scores, report)
    print("\n".join(page.summary(scores)))
    print(f"report and pictures: {asked.out}/report.html (and report.md)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
