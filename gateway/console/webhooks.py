"""Requests to the application as a page tells them: what was asked, what came back, and in a word what that meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from gateway.storage.models import EventRow

MOST_VERBS = 12
_USUAL = frozenset({"AccountSid", "ApiVersion", "CallSid"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request of a call."""

    number: int
    call_sid: str
    at: datetime
    kind: str
    """document, callback"""

    method: str
    url: str
    parameters: Sequence[tuple[str, str]]
    status: int | None
    duration_ms: int
    content_type: str
    body: str
    fault: str
    verbs: Sequence[str]
    """What the document says, verb by verb: `Say`, `Dial Client bob`."""

    gist: str
    """What the request was about: its CallStatus, the digits that were pressed."""

    @property
    def is_good(self) -> bool:
        return not self.fault and (self.status is None or self.status < 400)


def asked(row: EventRow) -> Asked:
    """A row of the journal, whatever is in it."""
    request, response = row.request, row.response
    found = request.get("parameters")
    parameters = dict(found) if isinstance(found, Mapping) else {}
    body = str(response.get("response_body") or "")
    is_callback = "CallbackSource" in parameters or "RecordingStatus" in parameters or "SequenceNumber" in parameters
    code = response.get("error_code")
    status = response.get("response_code")
    return Asked(
        number=row.id,
        call_sid=row.call_sid,
        at=row.created_at,
        kind="callback" if is_callback else "document",
        method=str(request.get("method") or ""),
        url=str(request.get("url") or ""),
        parameters=sorted(
            ((str(name), str(value)) for name, value in parameters.items()),
            key=lambda item: (item[0] in _USUAL, item[0]),
        ),
        status=status if isinstance(status, int) else None,
        duration_ms=int(str(response.get("request_duration") or 0)),
        content_type=str(response.get("content_type") or ""),
        body=body,
        fault=f"{code}: {response.get('error_message') or ''}" if code else "",
        verbs=() if is_callback else tuple(_verbs(body)),
        gist=_gist(parameters),
    )


def _gist(parameters: Mapping[str, object]) -> str:
    names = (
        "RecordingStatus",
        "DialCallStatus",
        "Digits",
        "SpeechResult",
        "QueueResult",
        "StatusCallbackEvent",
        "CallStatus",
    )
    name = next((name for name in names if parameters.get(name)), "")
    return f"{name} {str(parameters[name])[:60]}" if name else ""


def _verbs(body: str) -> Iterator[str]:
    """The verbs of a document; nothing for what is none."""
    if not body.lstrip().startswith("<"):
        return
    try:
        root = ElementTree.fromstring(body)
    except (ParseError, DefusedXmlException, ValueError):
        return
    for at, element in enumerate(root):
        if at == MOST_VERBS:
            yield "…"
            return
        yield _verb(element)


def _verb(element: Element) -> str:
    """`Dial Client bob`, `Play hello.mp3`."""
    inner = [f"{child.tag} {(child.text or '').strip()}".strip() for child in element][:3]
    words = " ".join([str(element.tag), *(inner or [" ".join((element.text or "").split())])]).strip()
    return words if len(words) <= 60 else f"{words[:59]}…"
