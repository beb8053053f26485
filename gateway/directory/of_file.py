"""What the configuration file sets up, as the rows that the REST API shows and calls ask: only the file changes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from gateway.config import ApplicationConfig, Config, NumberConfig
from gateway.ids import made_sid
from gateway.storage.models import Row
from gateway.storage.resources import (
    AccessListRow,
    AccountRow,
    AddressRow,
    ApplicationRow,
    CredentialListRow,
    CredentialRow,
    DomainRow,
    KeyRow,
    MappingRow,
    NumberRow,
)

PHONES = "Phones"
"""The name of the credential list of `[[phone]]`."""

CALLS, REGISTRATIONS = "calls", "registrations"


def domain_sid(config: Config) -> str:
    """The gateway's own SIP domain, as a stable SID of its account."""
    return "SD" + config.account.sid[2:]


def phones_sid(config: Config) -> str:
    return made_sid("CL", config.account.sid, PHONES)


def rows_of(config: Config) -> Iterator[Row]:
    """Trunks with source addresses are shown as access control lists: they may call, as the domain's phones may."""
    account = config.account.sid
    now = datetime.now(UTC)
    common: dict[str, Any] = {"account_sid": account, "created_at": now, "updated_at": now}
    yield AccountRow(sid=account, friendly_name=config.sip.domain, auth_token=config.account.auth_token, **common)
    for key in config.api_keys:
        yield KeyRow(sid=key.sid, friendly_name=key.sid, secret=key.secret, **common)
    for application in config.applications:
        yield ApplicationRow(
            sid=application.sid, friendly_name=application.sid, more={}, **common, **_voice(application)
        )
    for number in config.numbers:
        sid = made_sid("PN", account, number.number)
        yield NumberRow(sid=sid, number=number.number, friendly_name="", more={}, **common, **_voice(number))
    yield from _domain(config, common)


def _voice(item: NumberConfig | ApplicationConfig) -> dict[str, Any]:
    return {
        "voice_url": item.voice_url,
        "voice_method": item.voice_method,
        "voice_fallback_url": item.voice_fallback_url,
        "status_callback": item.status_callback,
    }


def _domain(config: Config, common: dict[str, Any]) -> Iterator[Row]:
    account, sip = config.account.sid, config.sip
    domain, phones = domain_sid(config), phones_sid(config)
    yield DomainRow(
        sid=domain,
        domain_name=sip.domain,
        friendly_name=sip.domain,
        voice_url=sip.voice_url,
        voice_method=sip.voice_method,
        voice_fallback_url=sip.voice_fallback_url,
        status_callback=sip.status_callback,
        sip_registration=True,
        more={"secure": config.rtp.srtp == "required"},
        **common,
    )
    yield CredentialListRow(sid=phones, friendly_name=PHONES, **common)
    for phone in config.phones:
        sid = made_sid("CR", account, phone.username)
        yield CredentialRow(sid=sid, list_sid=phones, username=phone.username, password=phone.password, **common)
    lists = [(phones, CALLS), (phones, REGISTRATIONS)]
    for trunk in config.trunks:
        if not trunk.allow:
            continue
        sid = made_sid("AL", account, trunk.name)
        lists.append((sid, CALLS))
        yield AccessListRow(sid=sid, friendly_name=trunk.name, **common)
        for text in trunk.allow:
            network = ip_network(text, strict=False)
            yield AddressRow(
                sid=made_sid("IP", account, trunk.name, text),
                list_sid=sid,
                friendly_name=text,
                ip_address=str(network.network_address),
                prefix_length=network.prefixlen,
                **common,
            )
    for sid, use in lists:
        yield MappingRow(domain_sid=domain, use=use, list_sid=sid, account_sid=account, created_at=common["created_at"])
