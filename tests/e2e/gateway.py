"""A gateway as an operator runs it: `crosspoint serve` with a file of its own, ended by SIGTERM."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from tests.e2e.application import Application
from tests.peers.ports import LOOPBACK, free_ports
from tests.peers.process import Program

ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "a-token-that-only-the-tests-know"
NUMBER = "+15550100"
RTP_PORTS = 60
PHONES = {"alice": "secret", "bob": "secret", "carol": "secret"}
READY_S = 60.0

CONFIG = """\
[sip]
domain = "{host}"
listen = ["udp://{host}:{sip}", "tcp://{host}:{sip}"]
voice_url = "{application}/voice"
voice_fallback_url = "{application}/fallback"
status_callback = "{application}/status"
{sip_more}
[rtp]
address = "{host}"
ports = [{rtp}, {rtp_last}]
{rtp_more}
[http]
listen = "{host}:{http}"
public_url = "http://{host}:{http}"

[account]
sid = "{account}"
auth_token = "{token}"

[storage]
database = "sqlite:///{home}/crosspoint.db"
{storage_more}
[limits]
drain_seconds = {drain_s}
calls_per_second = {calls_per_second}

[[number]]
number = "{number}"
voice_url = "{application}/number"
voice_fallback_url = "{application}/fallback"
status_callback = "{number_status}"

[[trunk]]
name = "carrier"
host = "{host}:{trunk}"
allow = ["127.0.0.1/32"]

[[route]]
prefix = "+"
trunk = "carrier"
"""


class Gateway:
    """One running gateway and the application that it asks. `trunk_port`: where its only trunk, which is a sipp, must listen."""

    def __init__(
        self,
        home: Path,
        *,
        phones: Mapping[str, str] = PHONES,
        more: str = "",
        sip_more: str = "",
        rtp_more: str = "",
        drain_s: int = 5,
        rtp_ports: tuple[int, int] | None = None,
        records: bool = True,
        calls_per_second: float = 1,
        storage_more: str = "",
        within: Sequence[str] = (),
    ) -> None:
        """*within*: a command that starts the one that follows it, in a room of its own."""
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.config_path = home, home / "gateway.toml"
        self.application = Application(AUTH_TOKEN, records=records)
        self.sip_port, self.http_port, self.trunk_port = free_ports(2), free_ports(1), free_ports(2)
        first = rtp_ports[0] if rtp_ports else free_ports(RTP_PORTS)
        text = CONFIG.format(
            host=LOOPBACK,
            sip=self.sip_port,
            http=self.http_port,
            rtp=first,
            rtp_last=rtp_ports[1] if rtp_ports else first + RTP_PORTS - 1,
            application=self.application.url,
            number_status=f"{self.application.url}/number-status" if records else "",
            account=ACCOUNT_SID,
            token=AUTH_TOKEN,
            home=home,
            storage_more=storage_more or f'recordings = "{home}/recordings"\n',
            number=NUMBER,
            trunk=self.trunk_port,
            drain_s=drain_s,
            calls_per_second=calls_per_second,
            sip_more=sip_more,
            rtp_more=rtp_more,
        )
        for name, password in phones.items():
            text += f'\n[[phone]]\nusername = "{name}"\npassword = "{password}"\n'
        self.config_path.write_text(text + more, encoding="utf-8")
        self._starts = 0
        self._within = tuple(within)
        self.program = self._make_program()

    def _make_program(self) -> Program:
        self._starts += 1
        command = [*self._within, sys.executable, "-m", "gateway", "serve", "--config", str(self.config_path)]
        return Program("crosspoint", command, self.home / f"run-{self._starts}")

    @property
    def sip(self) -> str:
        """Host and port to which phones and trunks send."""
        return f"{LOOPBACK}:{self.sip_port}"

    @property
    def public_url(self) -> str:
        return f"http://{LOOPBACK}:{self.http_port}"

    def uri(self, user: str) -> str:
        return f"sip:{user}@{LOOPBACK}"

    async def start(self) -> None:
        await self.program.start()
        await self.program.wait_for_log("crosspoint ready", within_s=READY_S)

    async def restart(self) -> None:
        """End it as an operator does and start it again on the same file."""
        await self.program.stop()
        self.program = self._make_program()
        await self.start()

    async def crash(self) -> None:
        """kill -9 of all its processes at one moment."""
        pid = self.program.process.pid
        for one in (pid, *_children(pid)):
            os.kill(one, signal.SIGKILL)
        await self.program.process.wait()

    def kill_engine(self) -> None:
        """kill -9 of the media engine alone."""
        for child in _children(self.program.process.pid):
            if b"media.driver" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(child, signal.SIGKILL)

    async def start_anew(self) -> None:
        """After a crash, on the same file."""
        self.program = self._make_program()
        await self.start()

    def signal(self, number: signal.Signals) -> None:
        self.program.process.send_signal(number)

    async def exit_code(self, *, within_s: float = 40.0) -> int:
        try:
            async with asyncio.timeout(within_s):
                return await self.program.process.wait()
        except TimeoutError:
            raise self.program.failed(f"did not end within {within_s} s") from None

    async def get(self, path: str) -> tuple[int, str]:
        """Status and text of one of the gateway's own pages."""
        async with aiohttp.ClientSession() as session, session.get(self.public_url + path) as response:
            return response.status, await response.text()

    async def fetch(self, url: str, user: str = ACCOUNT_SID, password: str = AUTH_TOKEN) -> bytes:
        """What lies at a URL of the REST API; anything but 200 fails."""
        headers = {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as response:
            assert response.status == 200, (url, response.status, await response.text())
            return await response.read()

    async def __aenter__(self) -> Self:
        await self.application.__aenter__()
        try:
            await self.start()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.program.stop()
        await self.application.__aexit__(kind, error, trace)

    def logs(self) -> str:
        return "".join(
            path.read_text(encoding="utf-8", errors="replace") for path in sorted(self.home.glob("run-*/log.txt"))
        )


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
