"""Trunks kept alive: our registrations with those that want one, and OPTIONS, so that an operator sees who answers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from types import TracebackType
from typing import Protocol, Self

import structlog

from gateway.config import Config, TrunkConfig
from sip.digest import Credentials
from sip.headers import Address
from sip.message import Response
from sip.registration import Registration
from sip.uri import Uri

log = structlog.get_logger(__name__)

LEAVE_S = 2.0
"""How long our leaving may take."""

CSEQ_STEP = 100
"""Challenges and other servers of the same trunk take the numbers between."""


class Requester(Protocol):
    """What is needed of the endpoint."""

    @property
    def addresses(self) -> list[str]: ...

    async def request(
        self,
        method: str,
        uri: Uri,
        *,
        from_: Address,
        to: Address | None = None,
        headers: Sequence[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        call_id: str | None = None,
        cseq: int = 1,
    ) -> Response: ...


class Enrolment:
    """Our registration with one trunk: one Call-ID, rising CSeq. When it is renewed, `sip/registration.py` decides."""

    def __init__(self, trunk: TrunkConfig, contact: Uri, endpoint: Requester, random: Callable[[], float]) -> None:
        self._endpoint = endpoint
        base = trunk_uri(trunk)
        self._registrar = Uri(base.scheme, None, None, base.host, base.port, base.params)
        self._address = Address("", Uri("sip", trunk.username, None, base.host))
        self._credentials = Credentials(username=trunk.username, password=trunk.password)
        self._registration = Registration(contact, random=random)
        self._call_id = secrets.token_hex(12)
        self._cseq = 0
        self.status = 0

    @property
    def is_registered(self) -> bool:
        return self._registration.is_registered

    async def renew(self) -> float:
        """REGISTER; the seconds until it is due again."""
        response = await self._send(self._registration.wanted_s)
        self.status = response.status
        return self._registration.answered(response)

    async def leave(self) -> None:
        """Take our Contact back, so that the trunk calls somebody who is there."""
        if self.is_registered:
            await self._send(0)

    async def _send(self, expires_s: int) -> Response:
        self._cseq += CSEQ_STEP
        return await self._endpoint.request(
            "REGISTER",
            self._registrar,
            from_=self._address,
            to=self._address,
            headers=[("Contact", f"<{self._registration.contact}>"), ("Expires", str(expires_s))],
            credentials=self._credentials,
            call_id=self._call_id,
            cseq=self._cseq,
        )


class TrunkKeeper:
    """Owns the tasks that keep trunks: one for a registration, one for OPTIONS. Leaving it takes registrations back."""

    def __init__(
        self,
        config: Config,
        endpoint: Requester,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = lambda: secrets.randbelow(1000) / 1000,
    ) -> None:
        self._config = config
        self._endpoint = endpoint
        self._sleep = sleep
        self._random = random
        self._tasks: list[asyncio.Task[None]] = []
        self._enrolments: list[Enrolment] = []
        self._signs: dict[str, dict[str, bool]] = {}

    @property
    def up(self) -> dict[str, bool]:
        """Trunks that we register with or ask, and whether all of that went well the last time."""
        return {name: all(signs.values()) for name, signs in self._signs.items()}

    async def __aenter__(self) -> Self:
        for trunk in self._config.trunks:
            if trunk.register_:
                enrolment = Enrolment(trunk, self._contact(trunk), self._endpoint, self._random)
                self._enrolments.append(enrolment)
                self._spawn(self._register(trunk, enrolment), f"register with {trunk.name}")
            if trunk.keep_alive_s:
                self._spawn(self._watch(trunk), f"ask {trunk.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(LEAVE_S):
                await asyncio.gather(*(enrolment.leave() for enrolment in self._enrolments))
        except TimeoutError:
            log.warning("a trunk did not hear that we leave")

    def _spawn(self, work: Awaitable[None], name: str) -> None:
        task = asyncio.ensure_future(work)
        task.set_name(name)
        self._tasks.append(task)

    async def _watch(self, trunk: TrunkConfig) -> None:
        """OPTIONS every `keep_alive_s`: any final response is a sign of life, but 503 and our own 408."""
        from_ = Address("", Uri("sip", "crosspoint", None, self._config.sip.domain))
        while True:
            response = await self._endpoint.request("OPTIONS", trunk_uri(trunk), from_=from_)
            self._note(trunk, "options", response.status not in (408, 503), response.status)
            await self._sleep(trunk.keep_alive_s)

    async def _register(self, trunk: TrunkConfig, enrolment: Enrolment) -> None:
        while True:
            wait_s = await enrolment.renew()
            self._note(trunk, "register", enrolment.is_registered, enrolment.status)
            await self._sleep(wait_s)

    def _contact(self, trunk: TrunkConfig) -> Uri:
        """Where the trunk reaches us: what we listen on for its transport."""
        wanted = (trunk_uri(trunk).param("transport") or "udp").lower()
        found = [address.partition("://") for address in self._endpoint.addresses]
        name, _, address = next((item for item in found if item[0] == wanted), found[0])
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if ip_address(host).is_unspecified:
            host = self._config.rtp.address
        params = () if name == "udp" else (("transport", name),)
        return Uri("sip", trunk.username, None, f"[{host}]" if ":" in host else host, int(port), params)

    def _note(self, trunk: TrunkConfig, by: str, up: bool, status: int) -> None:
        signs = self._signs.setdefault(trunk.name, {})
        if signs.get(by) is not up:
            (log.info if up else log.warning)("trunk", trunk=trunk.name, by=by, up=up, status=status)
        signs[by] = up


def trunk_uri(trunk: TrunkConfig) -> Uri:
    """The trunk's `host` as a URI; it may be written as one, with a transport."""
    return Uri.parse(trunk.host if trunk.host.startswith(("sip:", "sips:")) else f"sip:{trunk.host}")
