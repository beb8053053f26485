"""What applications, numbers and SIP domains have in common: the URLs that answer a call."""

from __future__ import annotations

from typing import Annotated, Any

from gateway.api.errors import ApiError
from gateway.api.forms import Flag, Form, KeptMethod, KeptUrl, at_most
from gateway.api.pages import Json
from gateway.api.render import API_VERSION, date, or_none
from gateway.storage.resources import Voiced

Name64 = Annotated[str, at_most(64, 20001, "FriendlyName (at most 64 characters)")]


class VoiceForm(Form):
    """`VoiceUrl` and what goes with it."""

    friendly_name: Name64 = ""
    api_version: str = API_VERSION
    voice_url: KeptUrl = ""
    voice_method: KeptMethod = "POST"
    voice_fallback_url: KeptUrl = ""
    voice_fallback_method: KeptMethod = "POST"
    status_callback: KeptUrl = ""
    status_callback_method: KeptMethod = "POST"
    voice_caller_id_lookup: Flag = False
    sms_url: KeptUrl = ""
    sms_method: KeptMethod = "POST"
    sms_fallback_url: KeptUrl = ""
    sms_fallback_method: KeptMethod = "POST"
    sms_status_callback: KeptUrl = ""
    message_status_callback: KeptUrl = ""


VOICE_COLUMNS = frozenset(
    {
        "friendly_name",
        "voice_url",
        "voice_method",
        "voice_fallback_url",
        "voice_fallback_method",
        "status_callback",
        "status_callback_method",
    }
)


def sorted_out(changes: dict[str, Any], more: dict[str, object], columns: frozenset[str]) -> dict[str, Any]:
    """Columns as they are, everything else on top of *more*."""
    rest = {name: value for name, value in changes.items() if name not in columns}
    return {name: value for name, value in changes.items() if name in columns} | {"more": more | rest}


def check_fallbacks(row: Voiced) -> None:
    """Raises `ApiError`: a fallback of nothing."""
    if row.voice_fallback_url and not row.voice_url:
        raise ApiError(21405, "Cannot set VoiceFallbackUrl without setting VoiceUrl")
    if row.more.get("sms_fallback_url") and not row.more.get("sms_url"):
        raise ApiError(21406, "Cannot set SmsFallbackUrl without setting SmsUrl")


def voice_json(row: Voiced) -> Json:
    more = row.more
    return {
        "sid": row.sid,
        "account_sid": row.account_sid,
        "api_version": more.get("api_version") or API_VERSION,
        "date_created": date(row.created_at),
        "date_updated": date(row.updated_at),
        "voice_url": or_none(row.voice_url),
        "voice_method": row.voice_method,
        "voice_fallback_url": or_none(row.voice_fallback_url),
        "voice_fallback_method": row.voice_fallback_method,
        "voice_caller_id_lookup": bool(more.get("voice_caller_id_lookup")),
        "status_callback": or_none(row.status_callback),
        "status_callback_method": row.status_callback_method,
        "sms_url": more.get("sms_url") or None,
        "sms_method": more.get("sms_method") or "POST",
        "sms_fallback_url": more.get("sms_fallback_url") or None,
        "sms_fallback_method": more.get("sms_fallback_method") or "POST",
    }
