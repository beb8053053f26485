"""`/Applications`: URLs under one name, for calls that the REST API creates, for numbers and for browser clients."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from gateway.api.errors import ApiError
from gateway.api.forms import Flag
from gateway.api.pages import Json
from gateway.api.render import account_uri
from gateway.api.shelf import Shelf, has
from gateway.api.voiced import VOICE_COLUMNS, VoiceForm, check_fallbacks, sorted_out, voice_json
from gateway.storage.resources import ApplicationRow


class ApplicationForm(VoiceForm):
    """`POST Applications.json`, `POST Applications/AP….json`."""

    public_application_connect_enabled: Flag = False


class Applications(Shelf[ApplicationRow]):
    """The resource."""

    path, key, what, prefix, kind = "/Applications", "applications", "Applications", "AP", ApplicationRow
    form = ApplicationForm

    def shown(self, row: ApplicationRow) -> Json:
        return voice_json(row) | {
            "friendly_name": row.friendly_name,
            "message_status_callback": row.more.get("message_status_callback") or None,
            "sms_status_callback": row.more.get("sms_status_callback") or None,
            "public_application_connect_enabled": bool(row.more.get("public_application_connect_enabled")),
            "uri": f"{account_uri(row.account_sid)}/Applications/{row.sid}.json",
        }

    def made(self, request: web.Request, form: dict[str, str]) -> ApplicationRow:
        values = sorted_out(ApplicationForm.changes(form), {}, VOICE_COLUMNS)
        row = self.new(request, **values)
        check_fallbacks(row)
        if not row.friendly_name:
            raise ApiError(20001, "FriendlyName is required")
        return row

    def changed(self, request: web.Request, row: ApplicationRow, form: dict[str, str]) -> ApplicationRow:
        changes = ApplicationForm.changes(form)
        if not changes.get("friendly_name", "kept"):
            del changes["friendly_name"]
        row = self.renewed(row, **sorted_out(changes, row.more, VOICE_COLUMNS))
        check_fallbacks(row)
        return row

    def is_wanted(self, query: Mapping[str, str], item: Json) -> bool:
        return has(query, item, ("FriendlyName", "friendly_name"))
