"""Why a request failed, as a table.

| failure | code | retried as |
|---|---|---|
| no connection in time, refused, unreachable | 11205, 11202, 11205 | ct |
| no answer in time | 11200 | rt |
| denied address | 11200 | |
| no such host | 11210 | |
| TLS; certificate expired, of another name, not trusted | 11220; 11235, 11236, 11237 | |
| no HTTP, broken off | 11206 | |
"""

from __future__ import annotations

import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from gateway.webhooks.failures import fault_of
from gateway.webhooks.guard import Denied

KEY = ConnectionKey("h", 443, True, True, None, None, None)


def certificate(number: int) -> aiohttp.ClientConnectorCertificateError:
    error = ssl.SSLCertVerificationError("bad")
    error.verify_code = number
    return aiohttp.ClientConnectorCertificateError(KEY, error)


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (aiohttp.ConnectionTimeoutError(), 11205, "ct"),
        (aiohttp.ClientConnectorError(KEY, ConnectionRefusedError()), 11202, "ct"),
        (aiohttp.ClientConnectorError(KEY, OSError("unreachable")), 11205, "ct"),
        (aiohttp.SocketTimeoutError(), 11200, "rt"),
        (TimeoutError(), 11200, "rt"),
        (aiohttp.ClientConnectorDNSError(KEY, Denied("private")), 11200, ""),
        (aiohttp.ClientConnectorDNSError(KEY, OSError("no such host")), 11210, ""),
        (aiohttp.ClientConnectorSSLError(KEY, OSError("handshake")), 11220, ""),
        (certificate(10), 11235, ""),
        (certificate(9), 11235, ""),
        (certificate(62), 11236, ""),
        (certificate(64), 11236, ""),
        (certificate(18), 11237, ""),
        (aiohttp.ClientConnectorCertificateError(KEY, ValueError("old")), 11237, ""),
        (aiohttp.InvalidURL("x"), 11100, ""),
        (aiohttp.ServerDisconnectedError(), 11206, ""),
        (aiohttp.ClientOSError("reset"), 11206, ""),
        (aiohttp.ClientPayloadError("cut"), 11206, ""),
        (ValueError("a header of two lines"), 11206, ""),
    ],
)
def test_every_failure_has_its_code(error: Exception, code: int, kind: str) -> None:
    fault, found = fault_of(error, "http://h/")
    assert (fault.code, found, fault.url) == (code, kind, "http://h/")
