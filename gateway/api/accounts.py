"""The account, its subaccounts, and its balance. What belongs to one account is not there for another."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from aiohttp import web
from sqlalchemy import select

from gateway.api.calls import UNFINISHED, end_call
from gateway.api.errors import ApiError, not_found, of_the_file
from gateway.api.forms import Form, form_of
from gateway.api.pages import Json, paged
from gateway.api.render import account_uri, date
from gateway.api.services import ACCOUNT, BY_KEY, CALLER, Services
from gateway.api.voiced import Name64
from gateway.ids import new_sid
from gateway.storage.models import CallRow
from gateway.storage.resources import AccountRow
from gateway.storage.writing import copy_of

SUBACCOUNTS = 1_000
_PARTS = {
    "applications": "Applications",
    "calls": "Calls",
    "conferences": "Conferences",
    "incoming_phone_numbers": "IncomingPhoneNumbers",
    "keys": "Keys",
    "notifications": "Notifications",
    "outgoing_caller_ids": "OutgoingCallerIds",
    "queues": "Queues",
    "recordings": "Recordings",
    "sip": "SIP",
}


class AccountForm(Form):
    """`POST Accounts.json`, `POST Accounts/AC….json`."""

    friendly_name: Name64 = ""
    status_: str = ""


class Accounts:
    """The resource. Its routes are the only ones that stand beside an account's path, not below it."""

    form = AccountForm

    def __init__(self, services: Services) -> None:
        self._s = services
        self._directory = services.directory

    def top_routes(self) -> list[web.RouteDef]:
        return [
            web.get("/Accounts.json", self.index),
            web.post("/Accounts.json", self.create),
            web.get("/Accounts/{account_sid}.json", self.fetch),
            web.post("/Accounts/{account_sid}.json", self.update),
        ]

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/Balance.json", self.balance)]

    def _json(self, request: web.Request, row: AccountRow) -> Json:
        is_key = request.get(BY_KEY, False)
        return {
            "sid": row.sid,
            "friendly_name": row.friendly_name,
            "status": row.status,
            "type": "Full",
            "auth_token": None if is_key else row.auth_token,
            "owner_account_sid": row.account_sid,
            "date_created": date(row.created_at),
            "date_updated": date(row.updated_at),
            "uri": f"{account_uri(row.sid)}.json",
            "subresource_uris": {name: f"{account_uri(row.sid)}/{part}.json" for name, part in _PARTS.items()},
        }

    async def index(self, request: web.Request) -> web.Response:
        rows = sorted(self._directory.accounts_of(request[CALLER]), key=lambda row: row.created_at, reverse=True)
        name, status = request.query.get("FriendlyName", ""), request.query.get("Status", "")
        wanted = [row for row in rows if name in ("", row.friendly_name) and status in ("", row.status)]
        return paged(request, "accounts", [self._json(request, row) for row in wanted])

    async def create(self, request: web.Request) -> web.Response:
        form = AccountForm.read(await form_of(request))
        async with self._s.keeper.lock:
            owner = self._directory.account(request[CALLER])
            if owner is None or owner.sid != owner.account_sid:
                raise ApiError(20003, "A subaccount has no subaccounts", status=403)
            if len(self._directory.accounts_of(owner.sid)) > SUBACCOUNTS:
                raise ApiError(21480, f"An account has at most {SUBACCOUNTS} subaccounts")
            now = datetime.now(UTC)
            row = AccountRow(
                sid=new_sid("AC"),
                account_sid=owner.sid,
                friendly_name=form.friendly_name or f"SubAccount Created at {now:%Y-%m-%d %I:%M %p}",
                auth_token=secrets.token_hex(16),
                created_at=now,
                updated_at=now,
            )
            await self._s.keeper.save(row)
        return web.json_response(self._json(request, row), status=201)

    async def fetch(self, request: web.Request) -> web.Response:
        return web.json_response(self._json(request, self._row(request)))

    async def update(self, request: web.Request) -> web.Response:
        form = AccountForm.read(await form_of(request))
        async with self._s.keeper.lock:
            row = self._row(request)
            if form.status_:
                self._check_status(request, row, form.status_)
            if self._directory.is_fixed(row):
                raise of_the_file("The first account's name")
            row = copy_of(
                row,
                friendly_name=form.friendly_name or row.friendly_name,
                status=form.status_ or row.status,
                updated_at=datetime.now(UTC),
            )
            await self._s.keeper.save(row)
        if form.status_ in ("suspended", "closed"):
            await self._end_calls(row.sid, live=form.status_ == "closed")
        return web.json_response(self._json(request, row))

    async def balance(self, request: web.Request) -> web.Response:
        """Nothing is charged here."""
        return web.json_response({"account_sid": request[ACCOUNT], "balance": "0.00", "currency": "USD"})

    def _row(self, request: web.Request) -> AccountRow:
        row = self._directory.account(request[ACCOUNT])
        if row is None:
            raise not_found(request)
        return row

    def _check_status(self, request: web.Request, row: AccountRow, status: str) -> None:
        if status not in ("active", "suspended", "closed"):
            raise ApiError(21475, f"Unable to update Status, invalid Status: {status[:100]!r}")
        if row.sid == row.account_sid:
            raise ApiError(21477, "Unable to update Status for parent accounts")
        if request[CALLER] == row.sid:
            raise ApiError(20003, "Only the account that owns a subaccount may change its Status", status=403)
        if row.status == "closed":
            raise ApiError(21479, "Unable to update Status for subaccount, subaccount has been closed")

    async def _end_calls(self, account: str, *, live: bool) -> None:
        """What waits never leaves; what goes on ends where the account is closed for good."""
        query = select(CallRow).where(CallRow.account_sid == account, CallRow.status.in_(UNFINISHED))
        for row in await self._s.store.all(query):
            if live or row.status == "queued":
                await end_call(self._s, row, "completed" if live else "canceled")
