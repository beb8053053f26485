"""A recording as a picture: each channel's peaks and loudness over time, and what happened when, as SVG for light and dark pages."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from media.trim import CLOSE_S, spoken

Floats = NDArray[np.float32]
Events = Sequence[tuple[float, str]]

WIDTH = 1000
LEFT, RIGHT = 92, 24
PLOT = WIDTH - LEFT - RIGHT
LANE = 120
"""Height of one channel."""
GAP = 16
HEAD = 44
AXIS = 34
LETTER = 6.6
"""Width of a letter of a label; a little too much, so that labels stay apart."""
LINE = 18
BAR = 4
"""Height of the bars that mark speech."""
STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
COLOURS = 4

STYLE = """
svg { color-scheme: light dark; font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
.page { fill: #ffffff; } .lane { fill: #f4f6f8; } .grid { stroke: #dde2e8; } .zero { stroke: #b9c1cb; }
.text { fill: #48515c; } .title { fill: #14181d; font-size: 15px; font-weight: 600; } .name { fill: #14181d; font-weight: 600; }
.mark { stroke: #7a4b00; stroke-dasharray: 3 3; } .dot, .label { fill: #7a4b00; } .tag { fill: #fdf3df; stroke: #e3c78f; }
.peak { fill-opacity: .38; } .rms { fill-opacity: 1; }
.c0 { fill: #1565c0; } .c1 { fill: #00796b; } .c2 { fill: #8e24aa; } .c3 { fill: #b23c17; }
@media (prefers-color-scheme: dark) {
.page { fill: #14181d; } .lane { fill: #1c2229; } .grid { stroke: #2c343d; } .zero { stroke: #4a5561; }
.text { fill: #aab4c0; } .title, .name { fill: #eef2f6; }
.mark { stroke: #f0b74a; } .dot, .label { fill: #f5c873; } .tag { fill: #33290f; stroke: #6b5525; }
.c0 { fill: #64b5f6; } .c1 { fill: #4db6ac; } .c2 { fill: #ce93d8; } .c3 { fill: #ff8a65; }
}
"""


Spans = list[tuple[float, float]]
"""(from, to) in seconds."""
PIECE_S = 60
"""Speech is looked for in pieces of so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One channel by columns of the picture: greatest magnitude and root mean square, of full scale 1."""

    peak: Floats
    rms: Floats


def draw(
    path: Path | str, events: Events = (), *, title: str = "", names: Sequence[str] = (), speech: bool = False
) -> str:
    """The picture of a 16-bit WAV file. *events* are (seconds from its beginning, label); *names* the channels'; *speech* is marked."""
    envelopes, seconds = measure(Path(path))
    spans = speech_of(Path(path)) if speech else None
    return _Picture(envelopes, seconds, events, title or Path(path).name, names, spans).svg()


def speech_of(path: Path) -> list[Spans]:
    """Where each channel speaks. Raises `wave.Error` for another file."""
    with wave.open(str(path), "rb") as file:
        channels, rate_hz = file.getnchannels(), file.getframerate()
        found: list[Spans] = [[] for _ in range(channels)]
        at_s = 0
        while pcm := file.readframes(PIECE_S * rate_hz):
            samples = np.frombuffer(pcm, dtype="<i2").reshape(-1, channels)
            for spans, channel in zip(found, samples.T, strict=True):
                for begin, end in spoken(channel):
                    if spans and begin + at_s - spans[-1][1] < CLOSE_S:
                        spans[-1] = (spans[-1][0], end + at_s)
                    else:
                        spans.append((begin + at_s, end + at_s))
            at_s += PIECE_S
    return found


def measure(path: Path) -> tuple[list[Envelope], float]:
    """Each channel's envelope and the length in seconds, read a second at a time. Raises `wave.Error` for another file."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise wave.Error("samples of 16 bits are drawn, no others")
        frames, channels = file.getnframes(), file.getnchannels()
        columns = max(1, min(PLOT, frames))
        edges = np.linspace(0, frames, columns + 1).astype(np.int64)
        peak = np.zeros((channels, columns), dtype=np.float32)
        rms = np.zeros((channels, columns), dtype=np.float32)
        for column in range(columns):
            pcm = np.frombuffer(file.readframes(int(edges[column + 1] - edges[column])), dtype="<i2")
            if len(pcm):
                part = pcm.reshape(-1, channels).astype(np.float32) / 32768.0
                peak[:, column] = np.abs(part).max(axis=0)
                rms[:, column] = np.sqrt(np.mean(part * part, axis=0))
        seconds = frames / file.getframerate()
    return [Envelope(peak=peak[i], rms=rms[i]) for i in range(channels)], seconds


def clock(seconds: float, step_s: float) -> str:
    """A moment as people write it: 0.5 s, 12 s, 1:05, 1:02:03."""
    if step_s < 1:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60 and step_s < 60:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


class _Picture:
    """Lays the parts out from top to bottom: title, labels, channels, axis."""

    def __init__(
        self,
        envelopes: list[Envelope],
        seconds: float,
        events: Events,
        title: str,
        names: Sequence[str],
        spans: list[Spans] | None,
    ) -> None:
        self._envelopes = envelopes
        self._spans = spans
        self._seconds = max(seconds, 1e-3)
        self._title = title
        default = ("left", "right") if len(envelopes) == 2 else ("sound",)
        self._names = [*names, *default[len(names) :], *(f"channel {i + 1}" for i in range(len(envelopes)))]
        self._scale = _scale(envelopes)
        self._tags = _place([(self._x(at), label) for at, label in sorted(events)])
        self._top = HEAD + LINE * (1 + max((line for _, _, _, line in self._tags), default=-1)) + (8 if events else 0)
        self._bottom = self._top + len(envelopes) * (LANE + GAP) - GAP

    def svg(self) -> str:
        height = self._bottom + AXIS + 8
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
            f"<title>{escape(self._title)}</title><style>{STYLE}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
            f'<text class="title" x="20" y="28">{escape(self._title)}</text>',
            f'<text class="text" x="{WIDTH - RIGHT}" y="28" text-anchor="end">{self._facts()}</text>',
        ]
        for index, envelope in enumerate(self._envelopes):
            parts += self._lane(index, envelope, self._top + index * (LANE + GAP))
        parts += self._axis()
        parts += self._marks()
        return "\n".join([*parts, "</svg>", ""])

    def _x(self, seconds: float) -> float:
        return LEFT + PLOT * min(max(seconds / self._seconds, 0.0), 1.0)

    def _facts(self) -> str:
        loudest = max((float(one.peak.max(initial=0.0)) for one in self._envelopes), default=0.0)
        level = f"peak {20 * np.log10(loudest):.1f} dBFS" if loudest > 0 else "silence"
        kind = {1: "one channel", 2: "two channels"}.get(len(self._envelopes), f"{len(self._envelopes)} channels")
        length = f"{self._seconds:.2f} s" if self._seconds < 60 else clock(self._seconds, 60)
        return f"{length}, {kind}, {level}"

    def _lane(self, index: int, envelope: Envelope, top: float) -> list[str]:
        middle, colour = top + LANE / 2, f"c{index % COLOURS}"
        lines = [f'<rect class="lane" x="{LEFT}" y="{top}" width="{PLOT}" height="{LANE}" rx="4"/>']
        for share in (0.5, 1.0):
            for sign in (-1, 1):
                y = middle + sign * share * (LANE / 2 - 6)
                lines.append(f'<line class="grid" x1="{LEFT}" x2="{LEFT + PLOT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        full = 20 * np.log10(self._scale)
        for level, up in ((full, LANE / 2 - 6), (full - 12, LANE / 4 - 3)):
            lines.append(
                f'<text class="text" x="{LEFT - 6}" y="{middle - up + 4:.1f}" text-anchor="end" font-size="10">{level:.0f} dB</text>'
            )
        return [
            *lines,
            f'<path class="peak {colour}" d="{self._shape(envelope.peak, middle)}"/>',
            f'<path class="rms {colour}" d="{self._shape(envelope.rms, middle)}"/>',
            f'<line class="zero" x1="{LEFT}" x2="{LEFT + PLOT}" y1="{middle}" y2="{middle}"/>',
            f'<text class="name" x="20" y="{middle + 4}">{escape(self._names[index])}</text>',
            f'<text class="text" x="20" y="{middle + 20}">{self._share(envelope)}</text>',
            *self._talk(index, top),
        ]

    def _talk(self, index: int, top: float) -> list[str]:
        """Bars below the channel where it speaks, and for how long altogether."""
        if self._spans is None:
            return []
        spans, y = self._spans[index], top + LANE - BAR - 2
        seconds = sum(end - begin for begin, end in spans)
        return [
            *(
                f'<rect class="c{index % COLOURS}" x="{self._x(begin):.1f}" y="{y}" height="{BAR}" rx="1.5" '
                f'width="{max(1.0, self._x(end) - self._x(begin)):.1f}"/>'
                for begin, end in spans
            ),
            f'<text class="text" x="20" y="{y + BAR}" font-size="10">{seconds:.1f} s heard</text>',
        ]

    def _share(self, envelope: Envelope) -> str:
        power = float(np.mean(envelope.rms**2)) if len(envelope.rms) else 0.0
        return f"{10 * np.log10(power):.0f} dB" if power > 1e-9 else "silent"

    def _shape(self, values: Floats, middle: float) -> str:
        """An outline, mirrored at the middle line; thinned where neighbours look alike."""
        tall = np.sqrt(np.minimum(values / self._scale, 1.0)) * (LANE / 2 - 6)  # quiet voices are seen too
        x = LEFT + (np.arange(len(tall)) + 0.5) * PLOT / max(1, len(tall))
        upper = [f"{a:.1f} {middle - b:.1f}" for a, b in zip(x, tall, strict=True)]
        lower = [f"{a:.1f} {middle + b:.1f}" for a, b in zip(x[::-1], tall[::-1], strict=True)]
        return f"M{LEFT} {middle}L{' '.join(upper)} {LEFT + PLOT} {middle} {' '.join(lower)}Z"

    def _axis(self) -> list[str]:
        step = next((s for s in STEPS_S if self._seconds / s <= 12), STEPS_S[-1])
        lines = []
        for i in range(int(self._seconds / step + 1e-6) + 1):
            x, text = self._x(i * step), clock(i * step, step)
            lines += [
                f'<line class="zero" x1="{x:.1f}" x2="{x:.1f}" y1="{self._bottom + 3}" y2="{self._bottom + 9}"/>',
                f'<text class="text" x="{x:.1f}" y="{self._bottom + 24}" text-anchor="middle">{text}</text>',
            ]
        return lines

    def _marks(self) -> list[str]:
        lines = []
        for x, left, label, line in self._tags:
            y, wide = HEAD + LINE * line, len(label) * LETTER + 10
            lines += [
                f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{y + LINE - 3}" y2="{self._bottom}"/>',
                f'<rect class="tag" x="{left:.1f}" y="{y}" width="{wide:.1f}" height="{LINE - 3}" rx="3"/>',
                f'<text class="label" x="{left + 5:.1f}" y="{y + 11.5}" font-size="11">{escape(label)}</text>',
                f'<circle class="dot" cx="{x:.1f}" cy="{self._bottom}" r="2.5"/>',
            ]
        return lines


def _scale(envelopes: list[Envelope]) -> float:
    """What fills a lane: the loudest peak of all channels, in steps of 6 dB, so that pictures can be compared."""
    loudest = max((float(one.peak.max(initial=0.0)) for one in envelopes), default=0.0)
    scale = 1.0
    while scale / 2 >= loudest and scale > 1 / 32:
        scale /= 2
    return scale


def _place(events: list[tuple[float, str]]) -> list[tuple[float, float, str, int]]:
    """(x of the event, x of its label, label, line): each label on the lowest line where it touches no other."""
    taken: list[float] = []
    placed = []
    for x, label in events:
        short = label if len(label) <= 40 else label[:39] + "…"
        wide = len(short) * LETTER + 10
        left = min(max(x - 4, LEFT), WIDTH - RIGHT - wide)
        line = next((i for i, end in enumerate(taken) if left >= end + 4), len(taken))
        if line == len(taken):
            taken.append(0.0)
        taken[line] = left + wide
        placed.append((x, left, short, line))
    return placed
