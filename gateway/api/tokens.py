"""`/Tokens`: what a telephone in a browser asks for before ICE. There is no relay here: media comes to the gateway's own address."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from aiohttp import web

from gateway.api.forms import Form, between, form_of
from gateway.api.pages import Json
from gateway.api.render import date
from gateway.api.services import ACCOUNT, Services


class TokenForm(Form):
    """`POST Tokens.json`."""

    ttl: Annotated[int, between(1, 86_400, 20001, "Ttl")] = 86_400


class Tokens:
    """The resource."""

    forms: ClassVar[dict[str, type[Form]]] = {"create": TokenForm}

    def __init__(self, services: Services) -> None:
        self._s = services

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/Tokens.json", self.create)]

    async def create(self, request: web.Request) -> web.Response:
        form = TokenForm.read(await form_of(request))
        now = date(datetime.now(UTC))
        answer: Json = {
            "account_sid": request[ACCOUNT],
            "username": secrets.token_hex(32),
            "password": secrets.token_urlsafe(32),
            "ttl": str(form.ttl),
            "ice_servers": [],
            "date_created": now,
            "date_updated": now,
        }
        return web.json_response(answer, status=201)
