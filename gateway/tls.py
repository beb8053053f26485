"""The certificate of a listening socket, HTTP's or SIP's."""

from __future__ import annotations

import ssl
from collections.abc import Iterable


def server_context(table: str, certificate: str, private_key: str) -> ssl.SSLContext:
    """Raises `OSError` (of which `ssl.SSLError` is one), the key of the configuration named."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, private_key)
    except OSError as fault:
        raise OSError(f"{table}.certificate: {certificate} and {private_key} are no pair: {fault}") from fault
    return context


def of_sip(listen: Iterable[str], certificate: str, private_key: str) -> ssl.SSLContext | None:
    """For `tls://` among the addresses of `sip.listen`; None: there is none."""
    if not any(address.startswith("tls://") for address in listen):
        return None
    return server_context("sip", certificate, private_key)
