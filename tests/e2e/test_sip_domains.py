"""SIP domains, lists and numbers that the REST API sets up, with real telephones: in force at once, and gone at once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.e2e.gateway import Gateway
from tests.e2e.test_rest_calls import library
from tests.peers.baresip import Phone
from tests.peers.ports import LOOPBACK
from tests.peers.process import PeerFailed
from tests.peers.sipp import play

PASSWORD = "Wonderland2026"
HANG_UP = "<Response><Say>Hello</Say></Response>"


def _create(client: Client, **parameters: str) -> None:
    client.calls.create(**parameters)


@pytest.mark.peers("baresip")
async def test_a_telephone_of_a_new_domain_registers_calls_is_called_and_is_turned_away(
    gateway: Gateway, tmp_path: Path
) -> None:
    application = gateway.application
    application.answers("/acme", '<Response><Say>Hello</Say><Pause length="1"/></Response>')
    application.answers("/next", HANG_UP)
    async with library(gateway) as ask:
        domain = await ask(
            lambda client: client.sip.domains.create(
                domain_name="acme.example", voice_url=f"{application.url}/acme", sip_registration=True
            )
        )
        users = await ask(lambda client: client.sip.credential_lists.create(friendly_name="users"))
        dave = await ask(
            lambda client: client.sip.credential_lists(users.sid).credentials.create(username="dave", password=PASSWORD)
        )

        def auth(client: Client) -> Any:  # noqa: ANN401 - the library's
            return client.sip.domains(domain.sid).auth

        with pytest.raises(PeerFailed):
            async with Phone("dave", tmp_path / "0", tone=440, proxy=gateway.sip, domain="acme.example"):
                pass
        await ask(lambda client: auth(client).registrations.credential_list_mappings.create(users.sid))
        await ask(lambda client: auth(client).calls.credential_list_mappings.create(users.sid))
        phone = Phone("dave", tmp_path / "d", tone=440, proxy=gateway.sip, domain="acme.example", password=PASSWORD)
        async with phone:
            await phone.dial("100")
            asked = await application.wait_for("/acme")
            assert (asked["From"], asked["To"]) == ("sip:dave@acme.example", "sip:100@acme.example")
            assert (asked["SipDomain"], asked["SipDomainSid"], asked["SipUsername"]) == (
                "acme.example",
                domain.sid,
                "dave",
            )
            await phone.wait_for("CALL_CLOSED")
            heard = len(phone.events)
            told = {"from_": "+15550100", "url": f"{application.url}/next"}
            for to in ("sip:dave@acme.example", "client:dave"):
                await ask(partial(_create, to=to, **told))
                await phone.wait_for("CALL_ESTABLISHED", after=heard)
                await phone.wait_for("CALL_CLOSED", after=heard)
                heard = len(phone.events)
            await ask(lambda client: client.sip.credential_lists(users.sid).credentials(dave.sid).delete())
            failed = await ask(
                lambda client: client.calls.create(
                    to="sip:dave@acme.example",
                    from_="+15550100",
                    url=f"{application.url}/next",
                    status_callback=f"{application.url}/events",
                )
            )
            told = await application.wait_for("/events")
            assert (told["CallSid"], told["CallStatus"]) == (failed.sid, "failed")
            heard = len(phone.events)
            await phone.dial("100")
            await phone.wait_for("CALL_CLOSED", after=heard)
        assert len(application.all("/acme")) == 1, "nobody of that name calls any more"


@pytest.mark.peers("sipp")
async def test_a_subaccounts_number_and_an_address_that_may_call(gateway: Gateway, tmp_path: Path) -> None:
    """The trunk of the file brings calls for a number of a subaccount; its requests are signed with its own token."""
    application = gateway.application
    async with library(gateway) as ask:
        sub = await ask(lambda client: client.api.accounts.create(friendly_name="branch"))
        theirs = RequestValidator(sub.auth_token)
        application.answers("/branch", HANG_UP)
        number = await ask(
            lambda client: client.api.accounts(sub.sid).incoming_phone_numbers.create(
                phone_number="+15550177", voice_url=f"{application.url}/branch"
            )
        )
        await play("uac_until_bye", tmp_path / "1", gateway.sip, service=number.phone_number)
        asked = application.last("/branch")
        assert (asked["AccountSid"], asked["To"]) == (sub.sid, "+15550177")
        one = next(one for one in application.received if one.path == "/branch")
        assert not one.is_signed, "not with the first account's token"
        assert theirs.validate(f"{application.url}/branch", one.params, one.signature)
        listed = await ask(lambda client: client.api.accounts(sub.sid).calls.list())
        assert [call.sid for call in listed] == [asked["CallSid"]]
        assert await ask(lambda client: client.calls.list()) == []
        await ask(lambda client: client.api.accounts(sub.sid).update(status="suspended"))
        with pytest.raises(PeerFailed):
            await play("uac_until_bye", tmp_path / "2", gateway.sip, service=number.phone_number)
        await ask(lambda client: client.api.accounts(sub.sid).update(status="active"))
        await ask(
            lambda client: client.api.accounts(sub.sid).incoming_phone_numbers(number.sid).update(voice_url="bin:none")
        )

        application.answers("/lan", HANG_UP)
        domain = await ask(
            lambda client: client.sip.domains.create(domain_name="lan.example", voice_url=f"{application.url}/lan")
        )
        acl = await ask(lambda client: client.sip.ip_access_control_lists.create(friendly_name="lan"))

        def allow(client: Client, address: str) -> None:
            client.sip.ip_access_control_lists(acl.sid).ip_addresses.create(address, address)

        await ask(
            lambda client: client.sip.domains(domain.sid).auth.calls.ip_access_control_list_mappings.create(acl.sid)
        )
        await ask(lambda client: allow(client, "192.0.2.1"))
        with pytest.raises(PeerFailed):
            await play("uac_until_bye", tmp_path / "3", gateway.sip, service="100", values={"TARGET": "lan.example"})
        await ask(lambda client: allow(client, LOOPBACK))
        await play("uac_until_bye", tmp_path / "4", gateway.sip, service="100", values={"TARGET": "lan.example"})
        asked = application.last("/lan")
        assert (asked["To"], asked["SipDomain"]) == ("sip:100@lan.example", "lan.example")
        assert "SipUsername" not in asked
    application.received.clear()  # signed with two tokens, and checked above
