"""`/Keys` and `/SigningKeys`: API keys. A secret is shown once, when its key is made."""

from __future__ import annotations

import secrets
from typing import ClassVar

from aiohttp import web

from gateway.api.forms import Form
from gateway.api.pages import Json
from gateway.api.render import date
from gateway.api.shelf import Shelf
from gateway.api.voiced import Name64
from gateway.storage.resources import KeyRow


class KeyForm(Form):
    """`POST Keys.json`, `POST Keys/SK….json`."""

    friendly_name: Name64 = ""


class Keys(Shelf[KeyRow]):
    """The resource."""

    path: ClassVar[str] = "/Keys"
    key: ClassVar[str] = "keys"
    what, prefix, kind = "These keys", "SK", KeyRow
    form = KeyForm

    def shown(self, row: KeyRow) -> Json:
        return {
            "sid": row.sid,
            "friendly_name": row.friendly_name,
            "date_created": date(row.created_at),
            "date_updated": date(row.updated_at),
        }

    def once(self, row: KeyRow) -> Json:
        return {"secret": row.secret}

    def made(self, request: web.Request, form: dict[str, str]) -> KeyRow:
        return self.new(request, secret=secrets.token_urlsafe(24), **KeyForm.changes(form))

    def changed(self, request: web.Request, row: KeyRow, form: dict[str, str]) -> KeyRow:
        return self.renewed(row, **KeyForm.changes(form))


class SigningKeys(Keys):
    """The same by its other name."""

    path: ClassVar[str] = "/SigningKeys"
    key: ClassVar[str] = "signing_keys"
