"""URLs in documents: relative to the document that they stand in."""

from __future__ import annotations

from urllib.parse import urljoin

from gateway.twilio_codes import Code
from gateway.twiml.control import DocumentFault


def absolute(base: str, url: str) -> str:
    """*url* against that of its document, `""` being the document itself. Raises `DocumentFault` (11100)."""
    try:
        found = urljoin(base, url.strip())
    except ValueError as fault:  # brackets that hold no IPv6 address
        raise DocumentFault(Code.BAD_URL, f"{url[:200]!r} is no URL: {fault}", url=url) from fault
    if not found.lower().startswith(("http://", "https://", "bin:")):
        raise DocumentFault(Code.BAD_URL, f"{url[:200]!r} is no absolute http or https URL", url=url)
    return found
