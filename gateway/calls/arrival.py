"""A call that came in: who calls whom in Twilio's words, and the document that answers (callbacks.md, twiml.md section 3)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.calls.call import Call
from gateway.config import Config, NumberConfig
from gateway.ids import AccountSid, new_call_sid
from gateway.routing.inbound import OWN_HEADER, OwnPrincipal, PhonePrincipal, TrunkPrincipal
from gateway.routing.numbers import normalize
from gateway.twiml.control import StatusCallback
from gateway.twiml.interpreter import DocumentRequest
from sip.endpoint import Session
from sip.errors import RemoteError
from sip.headers import Address
from sip.uri import Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A new call and what is asked for it."""

    call: Call
    first: DocumentRequest


def arrival(session: Session, config: Config) -> Arrival:
    """Read a session that admission let in. Raises `RemoteError` where nobody answers for it."""
    match session.principal:
        case PhonePrincipal(username):
            return _from_phone(session, config, username)
        case TrunkPrincipal(_, number) | OwnPrincipal(number) if number is not None:
            return _to_number(session, config, number)
        case _:
            raise RemoteError(404, "Nobody Answers Here")


def _from_phone(session: Session, config: Config, username: str) -> Arrival:
    """As Twilio asks a SIP domain's VoiceUrl."""
    request = session.request
    extras = (
        ("SipDomain", config.sip.domain),
        ("SipDomainSid", sip_domain_sid(config)),
        ("SipUsername", username),
        ("SipCallId", session.call_id),
        ("SipSourceIp", session.flow.remote[0]),
        *sip_headers(session),
    )
    call = Call(
        sid=new_call_sid(),
        account_sid=AccountSid(config.account.sid),
        direction="inbound",
        from_=f"sip:{_user(request.from_.uri)}@{config.sip.domain}",
        to=f"sip:{_user(request.request_uri)}@{config.sip.domain}",
        sip_call_id=session.call_id,
        caller_name=request.from_.display[:200],
        status_callback=_callback(config.sip.status_callback),
        extras=extras,
    )
    sip = config.sip
    first = DocumentRequest(url=sip.voice_url, method=sip.voice_method, fallback_url=sip.voice_fallback_url)
    return Arrival(call=call, first=first)


def _to_number(session: Session, config: Config, number: NumberConfig) -> Arrival:
    request = session.request
    call = Call(
        sid=new_call_sid(),
        account_sid=AccountSid(config.account.sid),
        direction="inbound",
        from_=_caller(request.from_),
        to=number.number,
        sip_call_id=session.call_id,
        forwarded_from=_diversion(session),
        caller_name=request.from_.display[:200],
        status_callback=_callback(number.status_callback),
        extras=(("SipCallId", session.call_id), ("SipSourceIp", session.flow.remote[0]), *sip_headers(session)),
    )
    first = DocumentRequest(url=number.voice_url, method=number.voice_method, fallback_url=number.voice_fallback_url)
    return Arrival(call=call, first=first)


def sip_headers(session: Session) -> tuple[tuple[str, str], ...]:
    """`SipHeader_X-…` for each X- header of the INVITE, and User-to-User; the name's case is kept."""
    return tuple(
        (f"SipHeader_{name}", value)
        for name, value in session.request.headers
        if (name.lower().startswith("x-") or name.lower() == "user-to-user") and name.lower() != OWN_HEADER.lower()
    )


def sip_domain_sid(config: Config) -> str:
    """The one SIP domain of this gateway, as a stable SID of its account."""
    return "SD" + config.account.sid[2:]


def _callback(url: str) -> StatusCallback | None:
    return StatusCallback(url=url) if url else None


def _user(uri: Uri) -> str:
    return uri.user or ""


def _caller(address: Address) -> str:
    """A number where it is one, `anonymous` where it is withheld, else the user."""
    return normalize(address.uri.user or "anonymous")


def _diversion(session: Session) -> str:
    """ForwardedFrom: the last to divert (RFC 5806)."""
    value = session.request.headers.get("Diversion")
    if value is None:
        return ""
    try:
        return normalize(Address.parse_many(value)[0].uri.user or "")
    except (RemoteError, IndexError):
        return ""
