"""The SIP ladder as a picture, legible on light and dark ground."""

from __future__ import annotations

from html import escape

from gateway.ladder import US, Ladder, Rung, clock, printable

COLUMN_PX, ROW_PX, TOP_PX, LEFT_PX = 260, 30, 64, 130
_STYLE = """
svg{font:13px system-ui,sans-serif;background:#fff}
text{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}
.ink{fill:#1c2430}.soft{fill:#66707f}.line{stroke:#c3cad4}.request{stroke:#1f6feb;fill:#1f6feb}
.good{stroke:#1a7f4b;fill:#1a7f4b}.bad{stroke:#c2352b;fill:#c2352b}.wait{stroke:#8a6d1b;fill:#8a6d1b}
@media(prefers-color-scheme:dark){svg{background:#14181f}text{stroke:#14181f}.ink{fill:#e6eaf0}.soft{fill:#97a1b0}.line{stroke:#3a434f}
.request{stroke:#6ea8ff;fill:#6ea8ff}.good{stroke:#56c98b;fill:#56c98b}.bad{stroke:#ff7b70;fill:#ff7b70}
.wait{stroke:#d9b54a;fill:#d9b54a}}
"""


def draw_svg(ladder: Ladder, title: str = "", *, anchors: str = "") -> str:
    """An SVG document; every text from outside is escaped. With *anchors* it is part of a page that has the styles, and each
    arrow a link to `#<anchors>0`, `#<anchors>1` …"""
    width = LEFT_PX + COLUMN_PX * max(1, len(ladder.columns) - 1) + 130
    height = TOP_PX + ROW_PX * (len(ladder.rungs) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        f"<title>{escape(printable(title or 'SIP ladder'))}</title>{'' if anchors else f'<style>{_STYLE}</style>'}",
    ]
    if anchors:
        parts[0] = parts[0].replace('role="img"', 'class="ladder"')
    if title:
        parts.append(f'<text class="soft" x="12" y="20">{escape(printable(title))}</text>')
    for at, name in enumerate(ladder.columns):
        x = _x(at)
        weight = ' font-weight="600"' if name == US else ""
        parts.append(f'<text class="ink" x="{x}" y="46" text-anchor="middle"{weight}>{escape(printable(name))}</text>')
        parts.append(f'<line class="line" x1="{x}" y1="54" x2="{x}" y2="{height - 8}"/>')
    for at, rung in enumerate(ladder.rungs):
        arrow = _arrow(rung, at)
        parts.append(_linked(arrow, rung, at, f"{anchors}{at}", width) if anchors else arrow)
    parts.append("</svg>\n")
    return "\n".join(parts)


def _linked(arrow: str, rung: Rung, row: int, target: str, width: int) -> str:
    """The whole line is there to be pressed."""
    y = TOP_PX + ROW_PX * row
    label = escape(printable(rung.label))
    return (
        f'<a href="#{target}" aria-label="{clock(rung.at_ms)}: {label}">'
        f'<rect class="hit" x="4" y="{y}" width="{width - 8}" height="{ROW_PX}" rx="4"/>{arrow}</a>'
    )


def _x(column: int) -> int:
    return LEFT_PX + COLUMN_PX * column


def _arrow(rung: Rung, row: int) -> str:
    y = TOP_PX + ROW_PX * (row + 1) - 8
    start, end = _x(rung.source), _x(rung.target)
    side = 1 if end > start else -1
    tip = f"{end},{y} {end - 9 * side},{y - 4} {end - 9 * side},{y + 4}"
    middle = (start + end) // 2
    kind = _kind(rung.label)
    return (
        f'<text class="soft" x="{LEFT_PX - 118}" y="{y + 4}" font-size="11">{clock(rung.at_ms)}</text>'
        f'<g class="{kind}"><line x1="{start}" y1="{y}" x2="{end - 6 * side}" y2="{y}" stroke-width="1.6"/>'
        f'<polygon points="{tip}" stroke="none"/></g>'
        f'<text class="ink" x="{middle}" y="{y - 5}" text-anchor="middle" font-size="12">{escape(printable(rung.label))}</text>'
    )


def _kind(label: str) -> str:
    """Colour by what it is: request, provisional, success, failure."""
    return {"1": "wait", "2": "good"}.get(label[:1], "bad" if label[:1].isdigit() else "request")
