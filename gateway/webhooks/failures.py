"""Why a request failed, in Twilio's codes, and whether trying again is worth it."""

from __future__ import annotations

import ssl

import aiohttp

from gateway.errors import WebhookFault
from gateway.twilio_codes import Code
from gateway.webhooks.guard import Denied

_EXPIRED = frozenset({9, 10})
"""X509_V_ERR_CERT_NOT_YET_VALID and CERT_HAS_EXPIRED."""

_WRONG_NAME = frozenset({62, 64})


def fault_of(error: BaseException, url: str) -> tuple[WebhookFault, str]:
    """The fault, and the name that retry policies have for it: `ct` no connection, `rt` too slow, `""` neither."""
    code, kind, message = _judge(error)
    return WebhookFault(code, message, url=url), kind


def _judge(error: BaseException) -> tuple[Code, str, str]:
    match error:
        case aiohttp.ConnectionTimeoutError():
            return Code.TCP_FAILED, "ct", "no connection in time"
        case TimeoutError():  # aiohttp's own among them
            return Code.HTTP_RETRIEVAL, "rt", "no answer in time"
        case aiohttp.ClientConnectorCertificateError():
            return _certificate(error.certificate_error), "", f"certificate: {error.certificate_error}"
        case aiohttp.ClientSSLError():
            return Code.TLS_FAILED, "", f"TLS: {error.os_error}"
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, Denied):
            return Code.HTTP_RETRIEVAL, "", str(error.os_error)
        case aiohttp.ClientConnectorDNSError():
            return Code.HOST_NOT_FOUND, "", f"the host name does not resolve: {error.os_error}"
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, ConnectionRefusedError):
            return Code.TCP_REFUSED, "ct", "connection refused"
        case aiohttp.ClientConnectorError():
            return Code.TCP_FAILED, "ct", f"no connection: {error.os_error}"
        case aiohttp.InvalidURL():
            return Code.BAD_URL, "", "not a URL that can be asked"
        case aiohttp.ServerDisconnectedError():
            return Code.HTTP_PROTOCOL, "", "the server closed the connection without an answer"
        case aiohttp.ClientOSError():
            return Code.HTTP_PROTOCOL, "", f"the connection broke: {error}"
        case _:
            return Code.HTTP_PROTOCOL, "", f"no proper HTTP: {str(error)[:200]}"


def _certificate(error: Exception) -> Code:
    number = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    if number in _EXPIRED:
        return Code.CERTIFICATE_NOT_YET_OR_EXPIRED
    return Code.CERTIFICATE_WRONG_NAME if number in _WRONG_NAME else Code.CERTIFICATE_NOT_TRUSTED
