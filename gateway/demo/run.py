"""The demonstration itself: place a call, bridge it, record both channels, judge and show what came of it."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from rich.console import Console

from gateway.app import App
from gateway.calls.telephones import Telephones
from gateway.config import Config, parse
from gateway.demo.phone import Phone
from gateway.demo.singing import Ear, read_wav, singing, tones
from gateway.ladder import build, draw_text
from gateway.ladder_svg import draw_svg
from media.client import EngineClient, EngineConfig
from media.waveform import draw

ALICE_HZ, BOB_HZ = 440.0, 700.0
TALK_S = 4.0
SID, TOKEN = "AC" + "0" * 32, "demo"
FOLDER = Path("crosspoint-demo")


class Application:
    """A small TwiML application: dials whoever was dialled, records both sides, remembers what it was told."""

    def __init__(self) -> None:
        self.told: dict[str, dict[str, str]] = {}
        self.done = asyncio.Event()
        self.app = web.Application()
        self.app.add_routes([web.post("/voice", self._voice), web.post("/{name}", self._note)])

    async def _voice(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.told["voice"] = {name: str(value) for name, value in form.items()}
        user = str(form["To"]).removeprefix("sip:").partition("@")[0]
        document = (
            "<Response><Dial action='/done' record='record-from-answer-dual' recordingStatusCallback='/recorded'>"
            f"<Client>{user}</Client></Dial></Response>"
        )
        return web.Response(text=document, content_type="text/xml")

    async def _note(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.told[request.match_info["name"]] = {name: str(value) for name, value in form.items()}
        if "recorded" in self.told and "done" in self.told:
            self.done.set()
        return web.Response(text="<Response/>", content_type="text/xml")


@dataclass(frozen=True, slots=True)
class Heard:
    """The tones that each telephone heard."""

    alice: set[float]
    bob: set[float]

    @property
    def fine(self) -> bool:
        return self.alice == {BOB_HZ} and self.bob == {ALICE_HZ}


async def run(folder: Path = FOLDER) -> int:
    """Run it all on free loopback ports. 0: each telephone heard the other, and the recording holds both."""
    console = Console()
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    application = Application()
    runner = web.AppRunner(application.app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        with tempfile.TemporaryDirectory(prefix="crosspoint-demo-") as scratch:
            return await _call(_config(port, Path(scratch), folder), application, folder, Path(scratch), console)
    finally:
        await runner.cleanup()


def _config(port: int, scratch: Path, folder: Path) -> Config:
    rtp = free_ports()
    return parse(
        {
            "sip": {"listen": ["udp://127.0.0.1:0"], "voice_url": f"http://127.0.0.1:{port}/voice"},
            "rtp": {"ports": [rtp, rtp + 39]},
            "http": {"listen": "127.0.0.1:0"},
            "account": {"sid": SID, "auth_token": TOKEN},
            "storage": {"database": f"sqlite:///{scratch}/demo.db", "recordings": str(folder)},
            "phone": [{"username": "alice", "password": "a"}, {"username": "bob", "password": "b"}],
        },
        {},
    )


def free_ports() -> int:
    """An even port of the dynamic range that is free now; the engine passes over neighbours that are not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return min(int(probe.getsockname()[1]) & ~1, 65_400)


async def _call(config: Config, application: Application, folder: Path, scratch: Path, console: Console) -> int:
    phones_rtp = free_ports()
    phones_engine = EngineClient(
        EngineConfig(first_port=phones_rtp, last_port=phones_rtp + 39, port_rest_s=0.0, name="demo phones")
    )
    async with App(config) as app, phones_engine as engine:
        host, _, port = app.endpoint.addresses[0].partition("://")[2].rpartition(":")
        console.print(f"gateway on udp {host}:{port}, application on {config.sip.voice_url}")
        alice = Phone("alice", "a", (host, int(port)), lambda endpoint: Telephones(endpoint, engine, "127.0.0.1"))
        bob = Phone("bob", "b", (host, int(port)), lambda endpoint: Telephones(endpoint, engine, "127.0.0.1"))
        async with alice, bob:
            for phone in (alice, bob):
                console.print(f"{phone.user} registers: {await phone.register()}")
            heard, call_ids = await _talk(alice, bob, engine, scratch, console)
            async with asyncio.timeout(10.0):
                await application.done.wait()
            names = {alice.peer: "alice", bob.peer: "bob"}
            ladder = build(app.trace.of(call_ids), names)
    return _report(
        application,
        ladder_text=draw_text(ladder),
        ladder_svg=draw_svg(ladder, "crosspoint demo"),
        heard=heard,
        folder=folder,
        console=console,
    )


async def _talk(
    alice: Phone, bob: Phone, engine: EngineClient, scratch: Path, console: Console
) -> tuple[Heard, list[str]]:
    leg = await alice.call("bob")
    async with asyncio.timeout(10.0):
        answered = await leg.answered
        other = await bob.answered.get()
    console.print(f"alice calls bob: {'answered' if answered else 'refused'}")
    ears = [Ear(engine, leg.slot, scratch / "alice.wav"), Ear(engine, other.slot, scratch / "bob.wav")]
    with singing(engine, leg.slot, ALICE_HZ), singing(engine, other.slot, BOB_HZ):
        await asyncio.sleep(0.5)
        for ear in ears:
            ear.start()
        await asyncio.sleep(TALK_S)
        files = [await ear.heard() for ear in ears]
    leg.hang_up()
    await asyncio.wait([other.ended], timeout=5.0)
    found = []
    for file in files:
        rate, samples = await asyncio.to_thread(read_wav, file)
        found.append(tones(rate, samples[:, 0], (ALICE_HZ, BOB_HZ)))
    return Heard(*found), [leg.call_id, other.call_id]


def _report(
    application: Application, *, ladder_text: str, ladder_svg: str, heard: Heard, folder: Path, console: Console
) -> int:
    recorded, done = application.told["recorded"], application.told["done"]
    recording = next(folder.rglob(f"{recorded['RecordingSid']}.wav"))
    rate, samples = read_wav(recording)
    channels = [tones(rate, samples[:, at], (ALICE_HZ, BOB_HZ)) for at in range(samples.shape[1])]
    picture = folder / "recording.svg"
    length_s = len(samples) / rate
    picture.write_text(
        draw(
            str(recording),
            events=[(0.0, "answered"), (max(0.0, length_s - 0.05), "alice hangs up")],
            title=f"alice (above) and bob (below), {length_s:.1f} s",
            names=("alice", "bob"),
            speech=True,
        ),
        encoding="utf-8",
    )
    ladder = folder / "ladder.svg"
    ladder.write_text(ladder_svg, encoding="utf-8")
    console.print(ladder_text, markup=False, highlight=False, soft_wrap=True)
    fine = heard.fine and channels == [{ALICE_HZ}, {BOB_HZ}] and done["DialCallStatus"] == "completed"
    console.print(f"alice heard {_hz(heard.alice)}, bob heard {_hz(heard.bob)}")
    console.print(f"the application was told: {done['DialCallStatus']}, {done['DialCallDuration']} s")
    console.print(f"recording: {recording}  ({', '.join(_hz(found) for found in channels)} by channel)", soft_wrap=True)
    console.print(f"pictures:  {picture}  {ladder}", soft_wrap=True)
    console.print("each heard the other" if fine else "something is wrong: see above")
    return 0 if fine else 1


def _hz(found: set[float]) -> str:
    return " and ".join(f"{hz:.0f} Hz" for hz in sorted(found)) or "nothing"
