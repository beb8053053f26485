"""Pictures of calls to look at: waveform, how likely speech, tones, what is true and what was said; and curves. Plain SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from media.sines import Tones
from media.streams import FRAME
from tests.amd.offline import frame_of, known
from tests.amd.score import Judged

WIDTH, WAVE, LINE = 1100, 110, 50
LEFT, TOP = 90, 34
COLOURS = {"speech": "#2a7", "tone": "#c60", "greeting": "#9cf", "beep": "#f9c", "verdict": "#d00", "end": "#06c"}


def call(judged: Judged) -> str:
    """One call and both its verdicts."""
    made = judged.call
    last_ms = max(len(made.sound) // 8, judged.ms, judged.end_ms) + 300
    scale = WIDTH / last_ms

    def x(ms: float) -> float:
        return LEFT + ms * scale

    parts = [_wave(made.sound, scale)]
    rows = {"speech": TOP + WAVE + 8, "tones": TOP + WAVE + LINE + 16, "truth": TOP + WAVE + 2 * LINE + 24}
    parts.append(_speech(judged, rows["speech"], x))
    parts += _tones(judged, rows["tones"], x)
    for begin, end in made.spans:
        parts.append(_bar(x(begin), x(end), rows["truth"], 16, COLOURS["greeting"]))
    if made.beep_until_ms:
        parts.append(_bar(x(made.beep_from_ms), x(made.beep_until_ms), rows["truth"] + 18, 12, COLOURS["beep"]))
    for ms, text, colour in (
        (judged.ms, judged.got, COLOURS["verdict"]),
        (judged.end_ms, judged.end, COLOURS["end"]),
    ):
        if text:
            parts.append(
                f'<line x1="{x(ms):.1f}" x2="{x(ms):.1f}" y1="{TOP}" y2="{rows["truth"] + 34}" stroke="{colour}"/>'
            )
            parts.append(_text(x(ms) + 3, TOP + (10 if ms == judged.ms else 24), f"{text} {ms} ms", colour))
    for name, y in rows.items():
        parts.append(_text(4, y + 14, name, "#555"))
    for second in range(last_ms // 1000 + 1):
        parts.append(_text(x(second * 1000), rows["truth"] + 50, f"{second} s", "#555"))
    title = (
        f"{made.name}: {made.expected}{' (hard)' if made.hard else ''} | {made.voices} | {made.about} {made.beep_about}"
    )
    parts.append(_text(4, 16, title, "#000", 13))
    return _svg(LEFT + WIDTH + 10, rows["truth"] + 60, parts)


def _wave(sound: NDArray[np.float32], scale: float) -> str:
    step = max(80, int(8 / scale))
    blocks = sound[: len(sound) // step * step].reshape(-1, step)
    middle, height = TOP + WAVE / 2, WAVE / 2 / max(0.1, float(np.abs(sound).max()))
    points = [
        f"M{LEFT + at * step / 8 * scale:.1f} {middle - high * height:.1f}V{middle - low * height:.1f}"
        for at, (low, high) in enumerate(zip(blocks.min(axis=1), blocks.max(axis=1), strict=True))
    ]
    return f'<path d="{"".join(points)}" stroke="#446" stroke-width="1" fill="none"/>'


def _speech(judged: Judged, y: float, x: Callable[[float], float]) -> str:
    points = " ".join(
        f"{x(number * 20):.1f},{y + LINE - LINE * likely:.1f}" for number, likely in enumerate(known(judged.call))
    )
    return f'<polyline points="{points}" fill="none" stroke="{COLOURS["speech"]}"/>'


def _tones(judged: Judged, y: float, x: Callable[[float], float]) -> list[str]:
    tones, made = Tones(), judged.call
    parts: list[str] = []
    for number in range(len(made.sound) // FRAME + 10):
        _, run = tones.hear(frame_of(made.sound, number))
        if run is None or run.ms < 40:
            continue
        left, right = x(run.began * 20), x(run.ended_ms)
        top = y + LINE - LINE * min(run.hz[0], 2500) / 2500
        parts.append(_bar(left, right, top, 3, COLOURS["tone"]))
        parts.append(_text(left, top - 2, "+".join(f"{hz:.0f}" for hz in run.hz if hz), COLOURS["tone"], 8))
    return parts


def curve(points: Sequence[tuple[float, float, str]], across: str, up: str) -> str:
    """Points in percent, joined, each with its name."""
    size, most = 420, max(5.0, *(max(a, b) for a, b, _ in points)) * 1.05

    def place(a: float, b: float) -> tuple[float, float]:
        return 50 + a / most * size, 20 + size - b / most * size

    line = " ".join(f"{px:.1f},{py:.1f}" for px, py in (place(a, b) for a, b, _ in points))
    parts = [f'<rect x="50" y="20" width="{size}" height="{size}" fill="none" stroke="#999"/>']
    parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS["end"]}"/>')
    for a, b, name in points:
        px, py = place(a, b)
        parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{COLOURS["verdict"]}"/>')
        parts.append(_text(px + 5, py - 4, name, "#333", 10))
    for tick in range(0, int(most) + 1, max(1, int(most / 8))):
        px, py = place(tick, tick)
        parts += [_text(px, size + 34, f"{tick}", "#555"), _text(28, py, f"{tick}", "#555")]
    parts += [_text(50, size + 50, across, "#000"), _text(54, 14, up, "#000")]
    return _svg(size + 120, size + 60, parts)


def _bar(left: float, right: float, y: float, height: float, colour: str) -> str:
    return f'<rect x="{left:.1f}" y="{y:.1f}" width="{max(1.0, right - left):.1f}" height="{height}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, colour: str, size: int = 11) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}">{escape(text)}</text>'


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" font-family="sans-serif">'
    )
    return head + '<rect width="100%" height="100%" fill="#fff"/>' + "\n".join(parts) + "</svg>\n"
