"""Trunks kept alive: our registrations with those that want one, and OPTIONS, so that an operator sees who answers."""

from __future__ import annotations

import asyncio
import secrets
from types import TracebackType
from typing import Self

import structlog

from gateway.config import Config, TrunkConfig
from sip.digest import Credentials
from sip.endpoint import Endpoint
from sip.headers import Address
from sip.registration import Registration
from sip.uri import Uri

log = structlog.get_logger(__name__)


class TrunkKeeper:
    """Owns one task a trunk. `up` tells who answered last."""

    def __init__(self, config: Config, endpoint: Endpoint) -> None:
        self._config = config
        self._endpoint = endpoint
        self._tasks: list[asyncio.Task[None]] = []
        self.up: dict[str, bool] = {}

    async def __aenter__(self) -> Self:
        for trunk in self._config.trunks:
            for wanted, work in ((trunk.register_, self._register), (trunk.keep_alive_s, self._watch)):
                if wanted:
                    self._tasks.append(asyncio.create_task(work(trunk), name=f"trunk {trunk.name}"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self, trunk: TrunkConfig) -> None:
        """OPTIONS every `keep_alive_s` (any final response is a sign of life)."""
        uri = trunk_uri(trunk)
        from_ = Address("", Uri("sip", "crosspoint", None, self._config.sip.domain, None, (), ()))
        while True:
            response = await self._endpoint.request("OPTIONS", uri, from_=from_)
            self._note(trunk, response.status not in (408, 503))
            await asyncio.sleep(trunk.keep_alive_s)

    async def _register(self, trunk: TrunkConfig) -> None:
        """REGISTER, refresh, back off (sip/registration.py decides when)."""
        uri = trunk_uri(trunk)
        address = Address("", Uri("sip", trunk.username, None, uri.host, uri.port, (), ()))
        credentials = Credentials(username=trunk.username, password=trunk.password)
        registration = Registration(random=lambda: secrets.randbelow(1000) / 1000)
        call_id = secrets.token_hex(12)
        cseq = 0
        while True:
            cseq += 2  # a challenged request takes one more
            contact = self._contact(trunk)
            response = await self._endpoint.request(
                "REGISTER",
                Uri("sip", None, None, uri.host, uri.port, uri.params, ()),
                from_=address,
                to=address,
                headers=[("Contact", contact), ("Expires", str(registration.wanted_s))],
                credentials=credentials,
                call_id=call_id,
                cseq=cseq,
            )
            wait_s = registration.answered(response)
            self._note(trunk, registration.is_registered)
            await asyncio.sleep(wait_s)

    def _contact(self, trunk: TrunkConfig) -> str:
        name, _, address = self._endpoint.addresses[0].partition("://")
        transport = "" if name == "udp" else f";transport={name}"
        return f"<sip:{trunk.username}@{address}{transport}>"

    def _note(self, trunk: TrunkConfig, up: bool) -> None:
        if self.up.get(trunk.name) is not up:
            (log.info if up else log.warning)("trunk", trunk=trunk.name, up=up)
        self.up[trunk.name] = up


def trunk_uri(trunk: TrunkConfig) -> Uri:
    """The trunk's `host` as a URI; it may be written as one, with a transport."""
    return Uri.parse(trunk.host if trunk.host.startswith(("sip:", "sips:")) else f"sip:{trunk.host}")
