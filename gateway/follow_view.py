"""A call that is followed, as a terminal shows it: its legs with their levels, its ladder growing; or a line for each change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gateway.ladder import Ladder, Rung, draw_text, printable

FINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
COLOURS = {"in-progress": "bold green", "completed": "green", "queued": "yellow", "ringing": "bold yellow"}
METER = 16
"""Characters of a level: from -60 dBov to -6."""

FIXED_LINES = 9
"""Of the terminal's height, around the ladder."""

NOTHING = Ladder((), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class LegLine:
    """One leg. Times are moments."""

    sid: str
    from_: str
    to: str
    status: str
    answered_at: datetime | None = None
    ended_at: datetime | None = None

    def seconds(self, now: datetime) -> int | None:
        """How long it has talked."""
        return int(((self.ended_at or now) - self.answered_at).total_seconds()) if self.answered_at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that is known of a call at one moment."""

    sid: str
    status: str
    sip_code: int | None = None
    duration_s: int | None = None
    answered_by: str = ""
    legs: Sequence[LegLine] = ()
    ladder: Ladder = NOTHING
    recordings: Sequence[tuple[str, str, int]] = ()
    """SID, status, seconds."""

    notifications: Sequence[tuple[int, str]] = ()

    @property
    def is_whole(self) -> bool:
        """Over, and nothing of it still under way."""
        return self.status in FINAL and all(status != "in-progress" for _, status, _ in self.recordings)


def story_of(found: Mapping[str, Any]) -> Story:
    """From the console's JSON, or from the REST API's where that is all there is."""
    ladder = found.get("ladder") or {"columns": (), "rungs": ()}
    legs = found.get("legs")
    if legs is None:
        legs = [{"sid": found["sid"], "from": found.get("from"), "to": found.get("to"), "status": found["status"]}]
    return Story(
        sid=found["sid"],
        status=found["status"],
        sip_code=found.get("sip_response_code"),
        duration_s=int(found["duration"]) if found.get("duration") is not None else None,
        answered_by=found.get("answered_by") or "",
        legs=[
            LegLine(
                sid=leg["sid"],
                from_=leg.get("from") or "",
                to=leg.get("to") or "",
                status=leg["status"],
                answered_at=_moment(leg.get("answered_at")),
                ended_at=_moment(leg.get("ended_at")),
            )
            for leg in legs
        ],
        ladder=Ladder(tuple(ladder["columns"]), tuple(Rung(*rung) for rung in ladder["rungs"])),
        recordings=[(one["sid"], one["status"], one["duration"]) for one in found.get("recordings", ())],
        notifications=[(one["code"], one["message"]) for one in found.get("notifications", ())],
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


class Lines:
    """For a file or a pipe: a line for each change, and nothing that moves."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._say, self._clock, self._began = say, clock, clock()
        self._told: set[tuple[str, ...]] = set()

    def see(self, story: Story, levels: Mapping[str, tuple[int, int]]) -> None:
        tail = f", {story.duration_s} s" if story.status in FINAL and story.duration_s else ""
        code = f" (SIP {story.sip_code})" if story.status in ("failed", "busy", "no-answer") and story.sip_code else ""
        self._once((story.sid, story.status), f"{story.sid}  {story.status}{code}{tail}")
        for leg in story.legs:
            if leg.sid != story.sid:
                self._once((leg.sid, leg.status), f"{leg.sid}  {leg.status}  {leg.from_} -> {leg.to}")
        for sid, status, seconds in story.recordings:
            self._once((sid, status), f"{sid}  recording {status}{f', {seconds} s' if seconds else ''}")
        for code_, message in story.notifications:
            self._once((str(code_), message), f"{code_}  {message}")

    def _once(self, key: tuple[str, ...], text: str) -> None:
        if key not in self._told:
            self._told.add(key)
            self._say(f"{self._clock() - self._began:6.1f} s  {printable(text)}")


class Screen:
    """For a terminal: one picture, drawn again as the call goes on, and left standing at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._story: Story | None = None
        self._levels: Mapping[str, tuple[int, int]] = {}
        self.is_hanging_up = False
        self.live = Live(get_renderable=self._draw, console=console, refresh_per_second=8, transient=True)

    def see(self, story: Story, levels: Mapping[str, tuple[int, int]]) -> None:
        self._story, self._levels = story, levels

    def finish(self) -> None:
        """Print it all once more, whole, below where it moved."""
        if self._story is not None:
            self._console.print(picture(self._story, {}, datetime.now(UTC)), soft_wrap=True)

    def _draw(self) -> RenderableType:
        if self._story is None:
            return Text("placing the call …", style="dim")
        room = max(4, self._console.size.height - FIXED_LINES - len(self._story.legs))
        hint = "hanging up …" if self.is_hanging_up else "Ctrl-C hangs up"
        return Group(picture(self._story, self._levels, datetime.now(UTC), lines=room), Text(hint, style="dim"))


def picture(
    story: Story, levels: Mapping[str, tuple[int, int]], now: datetime, *, lines: int | None = None
) -> RenderableType:
    """The call at this moment; of the ladder the last *lines*."""
    parts: list[RenderableType] = [_heading(story), _legs(story, levels, now)]
    if story.ladder.rungs:
        heading, *rungs = draw_text(story.ladder).splitlines()
        shown = rungs if lines is None else rungs[-lines:]
        text = Text("\n".join([heading, *shown]), no_wrap=True, overflow="ellipsis")
        text.highlight_regex(r"[A-Z]{3,}(?= |$)", "cyan")
        text.highlight_regex(r"\b[456]\d\d [^|<>-]+", "red")
        parts.append(Padding(text, (1, 0, 0, 0)))
    for sid, status, seconds in story.recordings:
        parts.append(Text(f"recording {sid}  {status}{f', {seconds} s' if seconds else ''}"))
    for code, message in story.notifications:
        parts.append(Text(f"{code}  {printable(message)}", style="yellow"))
    return Group(*parts)


def _heading(story: Story) -> Text:
    text = Text(f"{story.sid}  ")
    text.append(story.status, style=COLOURS.get(story.status, "bold red"))
    if story.status in FINAL and story.sip_code:
        text.append(f"  SIP {story.sip_code}", style="dim")
    if story.status in FINAL and story.duration_s:
        text.append(f"  {story.duration_s} s")
    if story.answered_by:
        text.append(f"  answered by {story.answered_by}")
    return text


def _legs(story: Story, levels: Mapping[str, tuple[int, int]], now: datetime) -> Table:
    table = Table(
        box=None, pad_edge=False, show_header=any(leg.sid in levels for leg in story.legs), header_style="dim"
    )
    for title in ("", "", "", "says", "hears"):
        table.add_column(title)
    for at, leg in enumerate(story.legs):
        branch = "└ " if at else ""
        seconds = leg.seconds(now)
        heard, said = levels.get(leg.sid, (-127, -127))
        is_live = leg.sid in levels and leg.status == "in-progress"
        table.add_row(
            Text(printable(f"{branch}{leg.from_} → {leg.to}")),
            Text(leg.status, style=COLOURS.get(leg.status, "red")),
            f"{seconds // 60}:{seconds % 60:02}" if seconds is not None else "",
            meter(heard) if is_live else Text(""),
            meter(said) if is_live else Text(""),
        )
    return table


def meter(level_dbov: int) -> Text:
    """`▇▇▇▇▇▇······ -23 dB`."""
    full = min(METER, max(0, round((level_dbov + 60) / 54 * METER)))
    text = Text("▇" * full, style="green" if level_dbov < -9 else "red")
    text.append("·" * (METER - full), style="dim")
    return text.append(f" {level_dbov} dB" if level_dbov > -100 else " quiet", style="dim")
