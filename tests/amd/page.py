"""The report as one page: every figure beside its goal, set by set, the curves, and the pictures of what went wrong."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.amd.score import Score

STYLE = """
body { font: 15px/1.45 sans-serif; max-width: 1150px; margin: 2em auto; color: #222 }
table { border-collapse: collapse; margin: 1em 0 } td, th { padding: .25em .8em; border-bottom: 1px solid #ddd; text-align: right }
td:first-child, th:first-child { text-align: left } .no { background: #fbd9d3; font-weight: bold }
img { max-width: 100%; border: 1px solid #eee } figure { margin: 1.2em 0 } pre { white-space: pre-wrap }
.curve { display: inline-block; width: 48% }
"""
MOST_PICTURES = 40
COST = "CPU a frame and call"
RTP = "Through a running gateway"
THRESHOLDS = {"speech_ms": "MachineDetectionSpeechThreshold", "speech_end_ms": "MachineDetectionSpeechEndThreshold"}


def summary(scores: Mapping[str, Score]) -> list[str]:
    """Markdown: a row for each figure, a column for each set; what misses its goal is bold."""
    columns = {name: {one.name: one for one in score.figures()} for name, score in scores.items()}
    first = next(iter(columns.values()))
    lines = ["| % | goal | " + " | ".join(columns) + " |", "| --- | ---: |" + " ---: |" * len(columns)]
    for name, one in first.items():
        cells = [_cell(column[name].share, column[name].of, met=column[name].met) for column in columns.values()]
        lines.append(f"| {name} | {'≤' if one.at_most else '≥'} {one.goal:g} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _cell(share: float, of: int, *, met: bool) -> str:
    if not of:
        return "–"
    return f"{share:.1f}" if met else f"**{share:.1f}**"


def write(out: Path, scores: Mapping[str, Score], sections: Sequence[str]) -> Path:
    """The page, from the report's Markdown and its pictures; answers where it is."""
    parts = [f"<!doctype html><meta charset=utf-8><title>Who answered</title><style>{STYLE}</style>"]
    parts += ["<h1>Who answered: measured</h1>", _table(summary(scores))]
    parts += [f"<p>{html.escape(line)}</p>" for line in sections[0].splitlines() if line.startswith(COST)]
    for name, section in zip(scores, sections, strict=True):
        facts = [line for line in section.splitlines() if line.startswith(RTP)]
        parts += [f"<p><b>{name}</b>: {html.escape(fact)}</p>" for fact in facts]
        parts += [_table(part.splitlines()) for part in section.split("\n\n") if part.lstrip().startswith("| path |")]
    parts.append("<h2>Thresholds</h2>")
    parts += [_curve(one) for one in sorted(out.glob("roc-*.svg"))]
    parts.append("<h2>What went wrong</h2>")
    wrong = [(name, one) for name, score in scores.items() for one in score.wrong()]
    for name, one in sorted(wrong, key=lambda pair: pair[1].call.hard)[:MOST_PICTURES]:
        hard = " (hard)" if one.call.hard else ""
        said = (
            f"{name}: {one.call.name}{hard} was {one.call.expected}, taken for {one.got}; {one.end} at {one.end_ms} ms"
        )
        picture = f"missed/{one.call.name.replace(' ', '-')}.svg"
        parts.append(f"<figure><figcaption>{html.escape(said)}</figcaption><img src='{picture}'></figure>")
    parts += ["<h2>All tables</h2>", *(_section(one) for one in sections)]
    path = out / "report.html"
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def _curve(picture: Path) -> str:
    """Which set, and which of Twilio's parameters is tried (ms beside the points), the others at their defaults."""
    _, name, threshold = picture.stem.split("-", 2)
    said = f"{name}: {THRESHOLDS.get(threshold, threshold)}, ms"
    return f"<figure class=curve><figcaption>{html.escape(said)}</figcaption><img src='{picture.name}'></figure>"


def _section(markdown: str) -> str:
    """Tables as tables, the rest as it stands."""
    made: list[str] = []
    table: list[str] = []
    for line in [*markdown.splitlines(), ""]:
        if line.startswith("|"):
            table.append(line)
            continue
        if table:
            made.append(_table(table))
            table = []
        if line.startswith("#"):
            made.append(f"<h3>{html.escape(line.lstrip('# '))}</h3>")
        elif line and not line.startswith("!["):
            made.append(f"<p>{html.escape(line)}</p>")
    return "\n".join(made)


def _table(lines: Sequence[str]) -> str:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    body = [row for row in rows if not all(set(cell) <= set("-: ") for cell in row)]
    made = ["<table>"]
    for number, row in enumerate(body):
        tag = "td" if number else "th"
        cells = [
            f"<{tag}{' class=no' if '**' in cell else ''}>{html.escape(cell.replace('**', ''))}</{tag}>" for cell in row
        ]
        made.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*made, "</table>"])
