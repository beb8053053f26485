"""Errors that cross the gateway's parts.

GatewayError
├── TwimlFault          a document can't be used: code, message, url
└── WebhookFault        a request to an application failed: code, message, url, status
"""

from __future__ import annotations


class GatewayError(Exception):
    """Carries the code of Twilio's error dictionary that the application is told."""

    def __init__(self, code: int, message: str, *, url: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.url = int(code), message, url


class TwimlFault(GatewayError):
    """A document can't be used: unparsable, wrong root, too deep, of a wrong type."""


class WebhookFault(GatewayError):
    """A request failed: no connection, too slow, too long, or answered with something else than 2xx."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        url: str = "",
        status: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
    ) -> None:
        """*status*, *headers*, *body*: of an answer that was none to go on with."""
        super().__init__(code, message, url=url)
        self.status, self.headers, self.body = status, headers, body
