"""A baresip that sings a tone, keeps what it hears and is driven by its JSON control socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.peers.audio import seconds_of, tones_of_file, write_tone
from tests.peers.ports import LOOPBACK, free_ports
from tests.peers.process import PeerFailed, Program

MODULES = Path("/usr/lib/baresip/modules")
RTP_PORTS = 20
SINGS_S = 90.0
"""baresip plays a file once and then ends the call, so the song is longer than any test."""


CONFIG = """\
poll_method epoll
sip_listen {address}:{sip_port}
net_interface {address}
call_local_timeout 120
call_max_calls 8
audio_player aubridge,{name}
audio_source aufile,{tone}
audio_alert aubridge,{name}-alert
ausrc_srate {rate}
auplay_srate {rate}
ausrc_channels 1
auplay_channels 1
rtp_ports {rtp_low}-{rtp_high}
rtp_stats yes
statmode_default off
ctrl_tcp_listen {address}:{control_port}
snd_path {home}
module_path {modules}
module g711.so
module g722.so
module opus.so
module l16.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    type: str
    direction: str = ""
    peer: str = ""
    call_id: str = ""
    param: str = ""


class Phone:
    """One baresip: account, tone, events. Its clock is real, so tests that use it are marked `peers`."""

    def __init__(
        self,
        name: str,
        home: Path,
        *,
        tone: float,
        proxy: str = "",
        password: str = "secret",
        domain: str = LOOPBACK,
        answers: str = "auto",
        codec: str = "PCMU/8000/1",
        transport: str = "udp",
        register: bool = True,
        params: str = "",
    ) -> None:
        self.name, self.home, self.tone, self.domain = name, home, tone, domain
        self.sip_port, self.control_port = free_ports(4), free_ports(1)
        self._register = register and bool(proxy)
        rtp_low = free_ports(RTP_PORTS)
        rate = 48000 if codec.startswith("opus") else 16000 if codec.startswith(("G722", "L16/16000")) else 8000
        home.mkdir(parents=True, exist_ok=True)
        outbound = f';outbound="sip:{proxy};transport={transport}"' if proxy else ""
        (home / "accounts").write_text(
            f"<sip:{name}@{domain};transport={transport}>;auth_user={name};auth_pass={password}{outbound}"
            f";regint={60 if self._register else 0};answermode={answers};audio_codecs={codec};ptime=20{params}\n"
        )
        (home / "config").write_text(
            CONFIG.format(
                address=LOOPBACK,
                name=name,
                home=home,
                tone=write_tone(home / "tone.wav", tone, seconds=SINGS_S, rate_hz=rate),
                rate=rate,
                sip_port=self.sip_port,
                control_port=self.control_port,
                rtp_low=rtp_low,
                rtp_high=rtp_low + RTP_PORTS - 1,
                modules=MODULES,
            )
        )
        (home / "contacts").write_text("")
        self.program = Program(f"baresip {name}", ["baresip", "-f", str(home)], home)
        self.events: list[Event] = []
        self._arrived = asyncio.Condition()
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tokens = 0

    @property
    def uri(self) -> str:
        """Where this phone is without any registrar."""
        return f"sip:{self.name}@{LOOPBACK}:{self.sip_port}"

    async def __aenter__(self) -> Self:
        await self.program.start()
        try:
            async with asyncio.timeout(30):
                while self._writer is None:
                    self.program.check_alive()
                    try:
                        reader, self._writer = await asyncio.open_connection(LOOPBACK, self.control_port)
                    except OSError:
                        await asyncio.sleep(0.05)
            self._reader = asyncio.create_task(self._read(reader))
            if self._register:
                await self.program.wait_for_log(
                    f"{self.name}@{self.domain}: {{0/"
                )  # its event may precede our connection
        except (TimeoutError, PeerFailed) as error:
            await self.__aexit__(None, None, None)
            raise self.program.failed(f"did not come up: {error}") from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            with suppress(OSError, TimeoutError, PeerFailed):
                await self.command("quit", within_s=1.0)
            self._writer.close()
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader
        with suppress(TimeoutError):
            async with asyncio.timeout(3):
                await self.program.process.wait()
        await self.program.stop()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                size = int((await reader.readuntil(b":"))[:-1])
                message = json.loads((await reader.readexactly(size + 1))[:size])
                await self._take(message)

    async def _take(self, message: dict[str, Any]) -> None:
        if message.get("response"):
            waiting = self._answers.pop(message.get("token", ""), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
            return
        event = Event(
            type=message.get("type", ""),
            direction=message.get("direction", ""),
            peer=message.get("peeruri", ""),
            call_id=message.get("id", ""),
            param=message.get("param", ""),
        )
        async with self._arrived:
            self.events.append(event)
            self._arrived.notify_all()

    async def command(self, name: str, params: str = "", *, within_s: float = 30.0) -> str:
        """Run a command of baresip's menu; gives what it printed."""
        assert self._writer is not None
        self._tokens += 1
        token = str(self._tokens)
        answer = self._answers[token] = asyncio.get_running_loop().create_future()
        data = json.dumps({"command": name, "params": params, "token": token}).encode()
        self._writer.write(b"%d:%b," % (len(data), data))
        try:
            async with asyncio.timeout(within_s):
                message = await answer
        except TimeoutError:
            raise self.program.failed(f"did not answer the command {name}") from None
        return str(message.get("data", ""))

    async def wait_for(self, type_: str, *, within_s: float = 30.0, after: int = 0) -> Event:
        """The first event of *type_* from number *after* on, which may already have come."""
        async with self._arrived:
            try:
                async with asyncio.timeout(within_s):
                    await self._arrived.wait_for(lambda: any(e.type == type_ for e in self.events[after:]))
            except TimeoutError:
                seen = [(e.type, e.param) for e in self.events]
                raise self.program.failed(f"saw no {type_} within {within_s} s, but {seen}") from None
        return next(e for e in self.events[after:] if e.type == type_)

    def saw(self, type_: str) -> bool:
        return any(e.type == type_ for e in self.events)

    async def dial(self, target: str) -> None:
        """A user or number at the phone's domain, or a whole URI."""
        await self.command("dial", target if target.startswith("sip:") else f"sip:{target}@{self.domain}")

    async def answer(self) -> None:
        await self.command("accept")

    async def hang_up(self) -> None:
        await self.command("hangup")

    async def hold(self) -> None:
        await self.command("hold")

    async def resume(self) -> None:
        await self.command("resume")

    async def press(self, digits: str) -> None:
        for digit in digits:
            await self.command("sndcode", digit)

    async def transfer(self, uri: str) -> None:
        await self.command("transfer", uri)

    def seconds(self, hertz: float) -> float:
        """How long the tone was heard, once baresip has ended (it keeps what it heard in memory)."""
        return sum(seconds_of(path, hertz) for path in self.kept())

    def kept(self) -> list[Path]:
        """What was heard, one file for each stream of each call, oldest first."""
        return sorted(self.home.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime_ns)

    def tones(self, candidates: Iterable[float]) -> set[float]:
        wanted = tuple(candidates)
        return set().union(*(tones_of_file(path, wanted) for path in self.kept()))
