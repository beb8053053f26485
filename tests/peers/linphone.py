"""A linphonec that plays a tone file, records what it hears and is driven by its standard input."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.audio import tones_of_file, write_tone
from tests.peers.ports import LOOPBACK, free_ports
from tests.peers.process import PeerFailed, Program

CONFIG = """\
[sip]
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port=0
bind_address={address}
use_ipv6=0
guess_hostname=0
contact="{name}" <sip:{name}@{address}>
media_encryption={encryption}
register_only_when_network_is_up=0
inc_timeout=60
use_info={info}
use_rfc2833={events}
default_proxy={default}
[rtp]
audio_rtp_port={rtp}-{rtp_last}
symmetric=1
[sound]
remote_ring=
local_ring=
echocancellation=0
playback_dev_id=none
capture_dev_id=none
[video]
enabled=0
capture=0
display=0
[misc]
hide_empty_chat_rooms=0
[lime]
enabled=0
"""
ACCOUNT = """\
[proxy_0]
reg_proxy=<sip:{proxy};transport={transport}>
reg_route=<sip:{proxy};transport={transport};lr>
reg_identity=<sip:{name}@{domain}>
reg_expires=600
reg_sendregister=1
publish=0
[auth_info_0]
username={name}
passwd={password}
realm={domain}
"""
NO_EVENTS = """\
[audio_codec_0]
mime=PCMU
rate=8000
channels=1
enabled=1
[audio_codec_1]
mime=telephone-event
rate=8000
channels=1
enabled=0
[audio_codec_2]
mime=telephone-event
rate=48000
channels=1
enabled=0
"""
RTP_PORTS = 20
SINGS_S = 90.0


class Linphone:
    """One linphonec with a home of its own. `answers=False`: it rings until told to answer."""

    def __init__(
        self,
        name: str,
        home: Path,
        *,
        tone: float,
        proxy: str = "",
        password: str = "secret",
        domain: str = LOOPBACK,
        answers: bool = True,
        encryption: str = "none",
        transport: str = "udp",
        keys: str = "rtp",
    ) -> None:
        """*keys*: how they are sent: `rtp` (RFC 4733), `info` (SIP INFO) or `tones` (in the audio, where no events are agreed)."""
        self.name, self.home, self.domain = name, home, domain
        self._registers = bool(proxy)
        self.sip_port = free_ports(2)
        rtp = free_ports(RTP_PORTS)
        home.mkdir(parents=True, exist_ok=True)
        (home / ".local/share/linphone").mkdir(
            parents=True, exist_ok=True
        )  # without its database the core stays silent
        self.heard_path = home / "heard.wav"
        self._tone_path = write_tone(home / "tone.wav", tone, seconds=SINGS_S)
        config = home / "linphonerc"
        config.write_text(
            CONFIG.format(
                name=name,
                address=LOOPBACK,
                udp=self.sip_port if transport == "udp" else 0,
                tcp=self.sip_port if transport == "tcp" else 0,
                rtp=rtp,
                rtp_last=rtp + RTP_PORTS - 1,
                encryption=encryption,
                default=0 if proxy else -1,
                info=int(keys == "info"),
                events=int(keys != "info"),
            )
            + (NO_EVENTS if keys == "tones" else "")
            + (
                ACCOUNT.format(proxy=proxy, transport=transport, name=name, domain=domain, password=password)
                if proxy
                else ""
            )
        )
        command = [
            "linphonec",
            "-c",
            str(config),
            "-d",
            "5",
            "-l",
            str(home / "trace.txt"),
            *(["-a"] if answers else []),
        ]
        environment = {"HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home), "TERM": "dumb"}
        self.program = Program(f"linphonec {name}", command, home, environment=environment)

    @property
    def uri(self) -> str:
        return f"sip:{self.name}@{LOOPBACK}:{self.sip_port}"

    def trace(self) -> str:
        path = self.home / "trace.txt"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    async def __aenter__(self) -> Self:
        await self.program.start()
        try:
            await self.wait_for_trace("ms_factory_init_voip() done")
            await self.command("soundcard use files")
            await self.command(f"play {self._tone_path}")
            await self.command(f"record {self.heard_path}")
            await self.program.wait_for_log("Using wav files")
            if self._registers:
                await self.wait_for_trace(
                    "[LinphoneRegistrationOk]",
                    "moving from state LinphoneRegistrationProgress to LinphoneRegistrationOk",
                )
        except PeerFailed:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError, AssertionError):
            await self.command("quit")
        with suppress(TimeoutError):
            async with asyncio.timeout(4):
                await self.program.process.wait()
        await self.program.stop()

    async def command(self, line: str) -> None:
        await self.program.say(line)

    async def wait_for_trace(self, *texts: str, within_s: float = 30.0) -> None:
        """Wait until one of *texts* stands in the SIP trace."""
        try:
            async with asyncio.timeout(within_s):
                while not any(text in self.trace() for text in texts):
                    self.program.check_alive()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise self.failed(f"never traced {texts}") from None

    def failed(self, what: str) -> PeerFailed:
        return PeerFailed(f"{self.program.failed(what)}\n--- end of the trace:\n{self.trace()[-4000:]}")

    async def dial(self, target: str) -> None:
        await self.command(f"call {target if target.startswith('sip:') else f'sip:{target}@{self.domain}'}")

    async def answer(self) -> None:
        await self.command("answer")

    async def hang_up(self) -> None:
        await self.command("terminate")

    async def hold(self) -> None:
        await self.command("pause")

    async def resume(self) -> None:
        await self.command("resume")

    async def press(self, digits: str) -> None:
        for digit in digits:
            await self.command(digit)
            await asyncio.sleep(0.2)  # linphonec sends a digit while it reads its input

    async def wait_for_established(self, *, within_s: float = 30.0) -> None:
        await self._wait_for_log("established", within_s)

    async def wait_for_incoming(self, *, within_s: float = 30.0) -> None:
        await self._wait_for_log("is contacting you", within_s)

    async def wait_for_end(self, *, within_s: float = 30.0) -> None:
        await self._wait_for_log(" ended", within_s)

    async def _wait_for_log(self, text: str, within_s: float) -> None:
        try:
            await self.program.wait_for_log(text, within_s=within_s)
        except PeerFailed as error:
            raise self.failed(str(error).splitlines()[0]) from None

    def tones(self, candidates: Iterable[float]) -> set[float]:
        return tones_of_file(self.heard_path, candidates) if self.heard_path.exists() else set()
