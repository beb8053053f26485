"""`crosspoint call`: what it shows of a call, how it follows one, and what it says when it can't."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from rich.console import Console

from gateway.follow import Api, NoAnswer, events, origin, place_and_follow
from gateway.follow_view import LegLine, Lines, Screen, Story, meter, picture, story_of
from gateway.ladder import Ladder, Rung

SID = "CA" + "1" * 32
ACCOUNT = "AC" + "0" * 32
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def told(status: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    leg = {"sid": SID, "from": "+1", "to": "client:bob", "status": status, "answered_at": None, "ended_at": None}
    rungs = [[0.0, 1, 0, "INVITE"], [3.5, 0, 1, "200 OK (INVITE)"]]
    return {
        "sid": SID, "status": status, "sip_response_code": None, "duration": None, "answered_by": None, "legs": [leg],
        "ladder": {"columns": ["bob", "crosspoint"], "rungs": rungs}, "recordings": [], "notifications": [],
    } | more  # fmt: skip


@dataclass
class Fake:
    """A gateway that plays a call's states one after another, with the console's stream or without."""

    states: list[dict[str, Any]]
    has_console: bool = True
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    at: int = 0

    def move(self) -> None:
        self.at = min(self.at + 1, len(self.states) - 1)
        self.moved.set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append((request.method, request.path, form))
        if request.path.startswith("/console"):
            if not self.has_console:
                return web.Response(status=404, text="no")
            if request.path.endswith("/stream"):
                return await self.stream(request)
            return web.json_response(self.states[self.at])
        if request.method == "POST" and request.path.endswith("Calls.json"):
            return web.json_response({"sid": SID}, status=201)
        if request.method == "POST":
            self.states.append(told("completed", duration=1))
            self.move()
        elif not self.has_console:
            self.move()
        state = self.states[self.at]
        return web.json_response(
            {**{k: state[k] for k in ("sid", "status", "duration")}, "from": "+1", "to": "client:bob"}
        )

    async def stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"retry: 1\nevent: hello\ndata: x\n\n: a comment\n\n")
        await response.write(f'event: levels\ndata: {{"{SID}":[-20,-30]}}\n\n'.encode())
        while self.states[self.at]["status"] != "completed":
            await asyncio.sleep(0.02)
            if len(self.states) > self.at + 1:
                self.move()
                await response.write(b"event: changed\ndata: 1\n\n")
        return response


@asynccontextmanager
async def serving(fake: Fake) -> AsyncIterator[Api]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield Api(url=f"http://127.0.0.1:{runner.addresses[0][1]}", account_sid=ACCOUNT, auth_token="t")
    finally:
        await runner.cleanup()


@dataclass
class Eye:
    seen: list[tuple[str, Mapping[str, tuple[int, int]]]] = field(default_factory=list)

    def see(self, story: Story, levels: Mapping[str, tuple[int, int]]) -> None:
        self.seen.append((story.status, dict(levels)))


async def follow(fake: Fake, eye: Eye, stop: asyncio.Event | None = None) -> str:
    async with serving(fake) as api, asyncio.timeout(10):
        return await place_and_follow(
            api, to="client:bob", from_="+1", url="http://app/x", see=eye.see, stop=stop or asyncio.Event()
        )


async def test_a_call_is_followed_by_the_stream_with_its_levels() -> None:
    fake, eye = Fake([told("queued"), told("ringing"), told("in-progress"), told("completed", duration=3)]), Eye()
    assert await follow(fake, eye) == "completed"
    assert [status for status, _ in eye.seen][-1] == "completed"
    assert any(levels == {SID: (-20, -30)} for _, levels in eye.seen)
    assert eye.seen[-1][1] == {}, "nobody says anything any more"
    assert fake.asked[0][2] == {"To": "client:bob", "From": "+1", "Url": "http://app/x"}


async def test_without_a_console_the_rest_api_is_asked_again_and_again() -> None:
    fake, eye = Fake([told("queued"), told("in-progress"), told("busy")], has_console=False), Eye()
    assert await follow(fake, eye) == "busy"
    assert [status for status, _ in eye.seen][-1] == "busy"


async def test_stopping_hangs_up_and_waits_for_the_end() -> None:
    fake, eye, stop = Fake([told("in-progress")]), Eye(), asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, stop.set)
    assert await follow(fake, eye, stop) == "completed"
    assert ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{SID}.json", {"Status": "completed"}) in fake.asked


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, '{"code": 21211, "message": "Invalid To"}', "21211: Invalid To"),
        (401, '{"code": 20003, "message": "Authenticate"}', f"does not know {ACCOUNT}"),
        (404, "<html>", "is no Crosspoint gateway"),
        (200, "[]", "is no Crosspoint gateway"),
        (503, '{"code": 20503, "message": "The storage does not answer"}', "20503: The storage does not answer"),
    ],
)
async def test_a_refusal_says_what_to_do(status: int, body: str, words: str) -> None:
    class Refusing(Fake):
        async def serve(self, request: web.Request) -> web.StreamResponse:
            return web.Response(status=status, text=body, content_type="application/json")

    with pytest.raises(NoAnswer, match=words):
        await follow(Refusing([]), Eye())


async def test_nobody_there_is_said_with_the_address() -> None:
    api = Api(url="http://127.0.0.1:9", account_sid=ACCOUNT, auth_token="t")
    with pytest.raises(NoAnswer, match=r"http://127.0.0.1:9 does not answer: .*crosspoint serve"):
        await place_and_follow(api, to="a", from_="b", url="c", see=Eye().see, stop=asyncio.Event())


async def test_events_are_read_over_comments_and_broken_ends() -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(b": hi\n\nretry: 5\nevent: a\ndata: 1\n\nevent: b\r\ndata: 2\r\n\r\ndata: 3\n\nevent: c\ndata: 4")
    stream.feed_eof()
    assert [one async for one in events(stream)] == [("a", "1"), ("b", "2")]  # type: ignore[arg-type]  # as aiohttp's


def test_a_pipe_gets_a_line_for_each_change_and_each_once() -> None:
    lines: list[str] = []
    one = Lines(lines.append, lambda: 2.0)
    for state in (told("queued"), told("queued"), told("busy", sip_response_code=486)):
        one.see(story_of(state), {})
    one.see(
        story_of(
            told(
                "busy",
                notifications=[{"code": 1, "message": "a\x1b[2Jb"}],
                recordings=[{"sid": "RE1", "status": "completed", "duration": 4}],
            )
        ),
        {},
    )
    assert lines == [
        f"   0.0 s  {SID}  queued",
        f"   0.0 s  {SID}  busy (SIP 486)",
        "   0.0 s  RE1  recording completed, 4 s",
        "   0.0 s  1  a·[2Jb",
    ]


def shown(story: Story, levels: Mapping[str, tuple[int, int]], *, lines: int | None = None, width: int = 110) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(picture(story, levels, NOW, lines=lines))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_picture_has_legs_levels_and_the_ladders_last_lines() -> None:
    leg = LegLine(
        sid="a", from_="+1\x1b", to="[bold]bob[/]", status="in-progress", answered_at=NOW - timedelta(seconds=75)
    )
    ladder = Ladder(("bob", "crosspoint"), tuple(Rung(at * 1000.0, 1, 0, f"OPTIONS{at}") for at in range(50)))
    story = Story(sid=SID, status="in-progress", legs=[leg], ladder=ladder, notifications=[(12200, "schema")])
    text = shown(story, {"a": (-20, -127)}, lines=5)
    assert "+1· → [bold]bob[/]" in text, "neither control characters nor markup"
    assert "1:15" in text
    assert "-20 dB" in text
    assert "quiet" in text
    assert "OPTIONS49" in text
    assert "OPTIONS44" not in text
    assert "12200  schema" in text
    assert "says" not in shown(story, {})
    assert all(len(line) <= 40 for line in shown(story, {"a": (-20, -20)}, width=40).splitlines())


def test_a_meter_is_full_at_the_top_and_empty_at_the_bottom() -> None:
    assert [meter(level).plain.count("▇") for level in (-127, -60, -33, -6, 0)] == [0, 0, 8, 16, 16]


def test_the_screen_draws_before_anything_is_known_and_after_the_end() -> None:
    console = Console(file=io.StringIO(), width=100, height=20, force_terminal=True)
    screen = Screen(console)
    with screen.live:
        screen.live.refresh()
        screen.see(story_of(told("in-progress")), {SID: (-10, -20)})
        screen.live.refresh()
        screen.is_hanging_up = True
        screen.live.refresh()
        screen.see(story_of(json.loads(json.dumps(told("completed", duration=3)))), {})
    screen.finish()
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for words in ("placing the call", "Ctrl-C hangs up", "hanging up", "200 OK (INVITE)"):
        assert words in text


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://127.0.0.1:1/x?y", "http://127.0.0.1:1"),
        ("https://localhost", "https://localhost"),
        ("http://[::1]:8/", "http://[::1]:8"),
        ("https://example.com/voice", ""),
        ("http://127.0.0.1.example.com/", ""),
        ("bin:echo", ""),
        ("", ""),
        ("ftp://127.0.0.1/y", ""),
    ],
)
def test_a_gateways_address_is_read_off_a_url_of_this_machine_and_of_no_other(url: str, found: str) -> None:
    assert origin(url) == found
