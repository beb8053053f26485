"""A call that came in: who calls whom in Twilio's words, and the document that answers (callbacks.md, twiml.md section 3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.calls.call import Call
from gateway.calls.call_token import call_token
from gateway.directory.directory import Directory
from gateway.directory.voice import callback_of, document_of
from gateway.ids import AccountSid, new_call_sid
from gateway.routing.inbound import OWN_HEADER, DomainPrincipal, OwnPrincipal, PhonePrincipal, TrunkPrincipal
from gateway.routing.numbers import normalize
from gateway.storage.resources import DomainRow, NumberRow
from gateway.twiml.interpreter import DocumentRequest
from sip.endpoint import Session
from sip.errors import RemoteError
from sip.headers import Address
from sip.message import Request
from sip.uri import Uri

_VERSTAT = re.compile(
    r";verstat=((?:TN-Validation-(?:Passed|Failed)(?:-[ABC])?(?:-(?:Diverted|Passthrough))*|No-TN-Validation))(?=[;>@?\s]|$)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A new call and what is asked for it."""

    call: Call
    first: DocumentRequest


def arrival(session: Session, directory: Directory) -> Arrival:
    """Read a session that admission let in. Raises `RemoteError` where nobody answers for it."""
    match session.principal:
        case PhonePrincipal(username, name):
            domain = directory.domain(name) if name else directory.own_domain
            if domain is not None:
                return _to_domain(session, directory, domain, username)
        case DomainPrincipal(name):
            domain = directory.domain(name)
            if domain is not None:
                return _to_domain(session, directory, domain, "")
        case TrunkPrincipal(_, number) | OwnPrincipal(number) if number is not None:
            return _to_number(session, directory, number)
    raise RemoteError(404, "Nobody Answers Here")


def _to_domain(session: Session, directory: Directory, domain: DomainRow, username: str) -> Arrival:
    """As Twilio asks a SIP domain's VoiceUrl."""
    request = session.request
    caller = request.from_.uri
    # a telephone of ours is at its domain, by whatever name of the gateway it calls
    is_ours = bool(username) and (domain.sid == directory.own_domain_sid or directory.user(domain, _user(caller)))
    extras = (
        ("SipDomain", domain.domain_name),
        ("SipDomainSid", domain.sid),
        *((("SipUsername", username),) if username else ()),
        ("SipCallId", session.call_id),
        ("SipSourceIp", session.flow.remote[0]),
        *sip_headers(session),
    )
    call = Call(
        sid=new_call_sid(),
        account_sid=AccountSid(domain.account_sid),
        direction="inbound",
        from_=f"sip:{_user(caller)}@{domain.domain_name if is_ours else caller.host}",
        to=f"sip:{_user(request.request_uri)}@{domain.domain_name}",
        sip_call_id=session.call_id,
        hops=_hops(request),
        caller_name=request.from_.display[:200],
        tells_caller_name=False,
        status_callback=callback_of(domain),
        extras=extras,
    )
    return Arrival(call=call, first=document_of(domain))


def _to_number(session: Session, directory: Directory, number: NumberRow) -> Arrival:
    request = session.request
    answering = directory.answering(number)
    sid, caller = new_call_sid(), _caller(request.from_)
    token = call_token(
        directory.token_of(number.account_sid),
        call_sid=sid,
        from_=caller,
        to=number.number,
        at=datetime.now(UTC),
        identities=[value for name, value in request.headers if name.lower() == "identity"],
    )
    call = Call(
        sid=sid,
        account_sid=AccountSid(number.account_sid),
        direction="inbound",
        from_=caller,
        to=number.number,
        sip_call_id=session.call_id,
        hops=_hops(request),
        forwarded_from=_diversion(session),
        caller_name=request.from_.display[:200],
        application_sid="" if answering is number else answering.sid,
        status_callback=callback_of(answering),
        extras=(
            ("SipCallId", session.call_id),
            ("SipSourceIp", session.flow.remote[0]),
            ("CallToken", token),
            *_attested(session),
            *sip_headers(session),
        ),
    )
    return Arrival(call=call, first=document_of(answering))


def sip_headers(session: Session) -> tuple[tuple[str, str], ...]:
    """`SipHeader_X-…` for each X- header of the INVITE, and User-to-User; the name's case is kept."""
    return tuple(
        (f"SipHeader_{name}", value)
        for name, value in session.request.headers
        if (name.lower().startswith("x-") or name.lower() == "user-to-user") and name.lower() != OWN_HEADER.lower()
    )


def attestation(identities: Iterable[str]) -> str:
    """`verstat` as the carrier has put it into who is calling (3GPP TS 24.229 7.2A.20), if it is one that Twilio has; else `""`."""
    found = (_VERSTAT.search(identity) for identity in identities)
    return next((one[1] for one in found if one is not None), "")


def _attested(session: Session) -> tuple[tuple[str, str], ...]:
    """StirVerstat, where the carrier says so."""
    wanted = {"p-asserted-identity", "from"}
    values = [(name.lower(), value) for name, value in session.request.headers if name.lower() in wanted]
    found = attestation(value for _, value in sorted(values, reverse=True))
    return (("StirVerstat", found),) if found else ()


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


def _hops(request: Request) -> int:
    """Max-Forwards; 70 where it does not say."""
    return int(request.headers.get("Max-Forwards") or 70)
