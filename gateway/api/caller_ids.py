"""`/OutgoingCallerIds`: numbers of others that calls may show, each validated by a call to it."""

from __future__ import annotations

import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from aiohttp import web

from gateway.api.calls import queued_row
from gateway.api.errors import ApiError, not_found
from gateway.api.forms import CallbackUrl, Form, Method, between, form_of, matching
from gateway.api.pages import Json
from gateway.api.ports import CallRequest
from gateway.api.render import account_uri, date, formatted
from gateway.api.services import ACCOUNT, Services
from gateway.api.shelf import Shelf, has
from gateway.api.voiced import Name64
from gateway.ids import AccountSid, CallSid, new_call_sid
from gateway.routing.numbers import normalize
from gateway.storage.resources import CallerIdRow, NumberRow
from gateway.twiml.control import StatusCallback
from gateway.twiml.interpreter import DocumentRequest
from gateway.webhooks.signature import HEADER, sign

MOST_WAITING = 1_000
VALIDATION = "validation"
"""Name of the route that the validating call asks: it is signed like any request of a call, and shows no credentials."""

_NUMBER = r"\+[1-9][0-9]{1,19}"
_ASK = (
    '<Response><Pause length="{delay}"/><Gather numDigits="6" timeout="15" action="{action}"><Say>This call validates'
    " a caller ID. Please enter the six digits of the validation code.</Say></Gather></Response>"
)


class ValidationForm(Form):
    """`POST OutgoingCallerIds.json`."""

    phone_number: str = ""
    friendly_name: Name64 = ""
    call_delay: Annotated[int, between(0, 60, 21454, "CallDelay")] = 0
    extension: Annotated[str, matching("[0-9*#wW]{1,32}", 21206, "Extension")] = ""
    status_callback: CallbackUrl = ""
    status_callback_method: Method = "POST"


class ChangeForm(Form):
    """`POST OutgoingCallerIds/PN….json`."""

    friendly_name: Name64 = ""


class CallerIds(Shelf[CallerIdRow]):
    """The resource. A number is there once somebody who answers it has entered the code. Codes live as long as this process."""

    path, key, what, prefix, kind = "/OutgoingCallerIds", "outgoing_caller_ids", "Caller IDs", "PN", CallerIdRow
    forms: ClassVar[dict[str, type[Form]]] = {"create": ValidationForm, "update": ChangeForm}

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._waiting: OrderedDict[CallSid, tuple[str, CallerIdRow]] = OrderedDict()

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.post(f"{self.path}/Validation", self.validate, name=VALIDATION)]

    def shown(self, row: CallerIdRow) -> Json:
        return {
            "sid": row.sid,
            "account_sid": row.account_sid,
            "friendly_name": row.friendly_name,
            "phone_number": row.number,
            "date_created": date(row.created_at),
            "date_updated": date(row.updated_at),
            "uri": f"{account_uri(row.account_sid)}/OutgoingCallerIds/{row.sid}.json",
        }

    def made(self, request: web.Request, form: dict[str, str]) -> CallerIdRow:
        """Nothing is kept of it until its code has been entered."""
        asked = ValidationForm.read(form)
        number = normalize(asked.phone_number)
        if not re.fullmatch(_NUMBER, number):
            raise ApiError(21421, f"PhoneNumber {asked.phone_number[:100]!r} is invalid")
        if any(row.number == number for row in self.rows(request)):
            raise ApiError(21450, f"{number} is already verified for your account")
        return self.new(request, number=number, friendly_name=asked.friendly_name or formatted(number))

    async def create(self, request: web.Request) -> web.Response:
        """Calls the number; what is answered is the code that has to be entered there."""
        form = await form_of(request)
        row = self.made(request, form)
        code = f"{secrets.randbelow(900_000) + 100_000}"
        call = self._call(request, ValidationForm.read(form), row.number)
        self._waiting[call.sid] = (code, row)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)
        await self._s.departures.add(call, queued_row(call))
        answer = {
            "account_sid": request[ACCOUNT],
            "call_sid": call.sid,
            "friendly_name": row.friendly_name,
            "phone_number": row.number,
            "validation_code": code,
        }
        return web.json_response(answer)

    def _call(self, request: web.Request, asked: ValidationForm, number: str) -> CallRequest:
        ours = next((row.number for row in self._directory.all(NumberRow, request[ACCOUNT])), number)
        url = asked.status_callback
        return CallRequest(
            sid=new_call_sid(),
            account_sid=AccountSid(request[ACCOUNT]),
            to=number,
            from_=ours,
            first=DocumentRequest(twiml=_ASK.format(delay=asked.call_delay or 1, action=self._url(request[ACCOUNT]))),
            created_at=datetime.now(UTC),
            send_digits=asked.extension,
            status_callback=StatusCallback(url=url, method=asked.status_callback_method) if url else None,
            extras=(("VerificationStatus", "failed"),),
        )

    async def validate(self, request: web.Request) -> web.Response:
        """The validating call has digits. A wrong code is the end of it, as no answer is."""
        form = await form_of(request)
        pairs = sign(self._directory.token_of(request[ACCOUNT]), self._url(request[ACCOUNT]), form.items())
        if not hmac.compare_digest(pairs, request.headers.get(HEADER, "")):
            raise not_found(request)
        sid = CallSid(form.get("CallSid", ""))
        code, row = self._waiting.pop(sid, ("", None))
        is_right = row is not None and hmac.compare_digest(code, form.get("Digits", "")[:32])
        if is_right and row is not None:
            await self._s.keeper.save(row)
            told = (("VerificationStatus", "success"), ("OutgoingCallerIdSid", row.sid))
            self._s.calls.annotate(sid, told)
        words = "Thank you. The number is validated." if is_right else "That is not the code. Good bye."
        return web.Response(text=f"<Response><Say>{words}</Say></Response>", content_type="text/xml")

    def _url(self, account: str) -> str:
        return f"{self._s.config.http.public_url.rstrip('/')}{account_uri(account)}{self.path}/Validation"

    def changed(self, request: web.Request, row: CallerIdRow, form: dict[str, str]) -> CallerIdRow:
        name = ChangeForm.read(form).friendly_name
        return self.renewed(row, friendly_name=name or row.friendly_name)

    def is_wanted(self, query: Mapping[str, str], item: Json) -> bool:
        return has(query, item, ("PhoneNumber", "phone_number"), ("FriendlyName", "friendly_name"))
