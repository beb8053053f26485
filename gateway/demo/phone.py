"""A built-in telephone for `crosspoint demo`: registers, calls, answers. Its sound is `singing.py`'s."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from gateway.calls.destinations import Destination
from gateway.calls.leg import Leg
from gateway.calls.telephones import Telephones
from sip.digest import Credentials
from sip.endpoint import Endpoint, ServerRequest, Session
from sip.headers import Address
from sip.message import Request
from sip.resolve import Resolver
from sip.stack import Accept, Admission
from sip.transport import Flow, Hop
from sip.uri import Uri


class Phone:
    """One user of the gateway, with a SIP endpoint of its own; *telephones* brings the engine that it may share."""

    def __init__(
        self, user: str, password: str, gateway: tuple[str, int], telephones: Callable[[Endpoint], Telephones]
    ) -> None:
        self.user = user
        self._password = password
        self._host, self._port = gateway
        self._endpoint = Endpoint(
            ["udp://127.0.0.1:0"],
            admit=_admit,
            on_invite=self._on_invite,
            on_request=self._on_request,
            resolver=Resolver(),
            user_agent="Crosspoint demo phone",
        )
        self._telephones = telephones(self._endpoint)
        self.answered: asyncio.Queue[Leg] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        await self._endpoint.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._endpoint.__aexit__(kind, error, trace)

    @property
    def peer(self) -> str:
        """How the gateway's trace names this telephone."""
        return self._endpoint.addresses[0].replace("://", ":")

    async def register(self) -> int:
        """The registrar's final status."""
        address = self._address(self.user)
        contact = f"<sip:{self.user}@{self._endpoint.addresses[0].partition('://')[2]}>"
        response = await self._endpoint.request(
            "REGISTER",
            Uri("sip", None, None, self._host, None, (), ()),
            from_=address,
            to=address,
            headers=[("Contact", contact), ("Expires", "300")],
            next_hops=[self._hop],
            credentials=self._credentials,
        )
        return response.status

    async def call(self, user: str) -> Leg:
        """Call somebody by way of the gateway."""
        uri = self._address(user).uri
        return await self._telephones.place(
            Destination(uri=uri, from_=self._address(self.user), next_hops=(self._hop,), credentials=self._credentials)
        )

    async def _on_invite(self, session: Session) -> None:
        leg = await self._telephones.inbound(session)
        if leg is None:
            return
        leg.ring()
        await asyncio.sleep(0.5)  # a person needs a moment to pick up
        await leg.answer()
        self.answered.put_nowait(leg)
        await asyncio.shield(leg.ended)

    async def _on_request(self, request: ServerRequest) -> None:
        request.reply(200 if request.request.method == "OPTIONS" else 405)

    def _address(self, user: str) -> Address:
        return Address("", Uri("sip", user, None, self._host, None, (), ()))

    @property
    def _hop(self) -> Hop:
        return Hop("udp", self._host, self._port)

    @property
    def _credentials(self) -> Credentials:
        return Credentials(username=self.user, password=self._password)


def _admit(_request: Request, _flow: Flow, _now: float) -> Admission:
    return Accept()
