"""A number, an application or a SIP domain as calls ask it: its first document and its status callback."""

from __future__ import annotations

from gateway.storage.resources import Voiced
from gateway.twiml.control import StatusCallback
from gateway.twiml.interpreter import DocumentRequest


def document_of(row: Voiced) -> DocumentRequest:
    """What is asked first; nothing but a hang-up where nothing is set up to be asked."""
    if not row.voice_url:
        return DocumentRequest(twiml="<Response><Hangup/></Response>")
    return DocumentRequest(
        url=row.voice_url,
        method=row.voice_method,
        fallback_url=row.voice_fallback_url,
        fallback_method=row.voice_fallback_method,
    )


def callback_of(row: Voiced) -> StatusCallback | None:
    url = row.status_callback
    return StatusCallback(url=url, method=row.status_callback_method) if url else None
