"""SIP domains, credential lists, access control lists and what is in force where, by the genuine library (rest.md section 7)."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.rest import Client

from gateway.directory.of_file import CALLS, REGISTRATIONS
from gateway.ids import made_sid
from tests.gateway.api.conftest import Gateway
from tests.gateway.api.test_setup import again, fault_of
from tests.gateway.rows import ACCOUNT

OWN, PHONES = "SD" + "0" * 32, made_sid("CL", ACCOUNT, "Phones")
ALICE, CARRIER = made_sid("CR", ACCOUNT, "alice"), made_sid("AL", ACCOUNT, "carrier")
PASSWORD = "Wonderland2026"
Made = Any
"""What the library gives."""


@pytest.fixture
async def domain(gateway: Gateway) -> Made:
    return await gateway.ask(
        lambda client: client.sip.domains.create(
            domain_name="acme.example",
            friendly_name="Acme",
            voice_url="http://127.0.0.1:9000/acme",
            voice_method="GET",
            voice_status_callback_url="http://127.0.0.1:9000/as",
            sip_registration=True,
            secure=True,
        )
    )


@pytest.fixture
async def users(gateway: Gateway) -> Made:
    made = await gateway.ask(lambda client: client.sip.credential_lists.create(friendly_name="users"))
    await gateway.ask(
        lambda client: client.sip.credential_lists(made.sid).credentials.create(username="dave", password=PASSWORD)
    )
    return made


async def test_a_domain_with_its_lists_is_in_force_at_once_and_after_a_restart(
    gateway: Gateway, domain: Made, users: Made
) -> None:
    assert (domain.sip_registration, domain.secure, domain.auth_type) == (True, True, "")
    row = gateway.directory.domain("ACME.example.")
    assert row is not None
    assert gateway.directory.users(row, CALLS) is None

    def here(client: Client) -> Made:
        return client.sip.domains(domain.sid)

    await gateway.ask(lambda client: here(client).auth.calls.credential_list_mappings.create(users.sid))
    await gateway.ask(lambda client: here(client).auth.registrations.credential_list_mappings.create(users.sid))
    acl = await gateway.ask(lambda client: client.sip.ip_access_control_lists.create(friendly_name="office"))
    await gateway.ask(
        lambda client: client.sip.ip_access_control_lists(acl.sid).ip_addresses.create(
            friendly_name="lan", ip_address="192.0.2.7", cidr_prefix_length=24
        )
    )
    await gateway.ask(lambda client: here(client).auth.calls.ip_access_control_list_mappings.create(acl.sid))
    fetched = await gateway.ask(lambda client: here(client).fetch())
    assert fetched.auth_type == "IP_ACL,CREDENTIAL_LIST"
    for directory in (gateway.directory, await again(gateway)):
        row = directory.domain("acme.example")
        assert row is not None
        assert {name: user.password for name, user in (directory.users(row, CALLS) or {}).items()} == {"dave": PASSWORD}
        assert set(directory.users(row, REGISTRATIONS) or {}) == {"dave"}
        assert [directory.is_allowed(row, source) for source in ("192.0.2.200", "198.51.100.1")] == [True, False]
        assert directory.registrable() >= {"dave@acme.example", "alice"}


async def test_who_may_no_longer_register_is_named(gateway: Gateway, domain: Made, users: Made) -> None:
    gone: list[str] = []
    gateway.directory.on_leave = gone.append

    def here(client: Client) -> Made:
        return client.sip.domains(domain.sid)

    def mapping(client: Client) -> Made:
        return here(client).auth.registrations.credential_list_mappings

    await gateway.ask(lambda client: mapping(client).create(users.sid))
    assert gone == []
    await gateway.ask(lambda client: mapping(client)(users.sid).delete())
    assert gone == ["dave@acme.example"]
    await gateway.ask(lambda client: mapping(client).create(users.sid))
    listed = await gateway.ask(lambda client: client.sip.credential_lists(users.sid).credentials.list())
    await gateway.ask(lambda client: client.sip.credential_lists(users.sid).credentials(listed[0].sid).delete())
    assert gone == ["dave@acme.example"] * 2
    assert (await again(gateway)).registrable() == {"alice", "bob"}


async def test_a_password_is_changed_and_never_shown(gateway: Gateway, users: Made) -> None:
    listed = await gateway.ask(lambda client: client.sip.credential_lists(users.sid).credentials.list())
    await gateway.ask(
        lambda client: (
            client.sip.credential_lists(users.sid).credentials(listed[0].sid).update(password="Another1Word22")
        )
    )
    _, body, _ = await gateway.raw("GET", f"/SIP/CredentialLists/{users.sid}/Credentials/{listed[0].sid}.json")
    assert "password" not in body
    assert "Another1Word22" not in str(body)


async def test_users_may_be_added_to_the_phones_of_the_file(gateway: Gateway) -> None:
    await gateway.ask(
        lambda client: client.sip.credential_lists(PHONES).credentials.create(username="erin", password=PASSWORD)
    )
    assert gateway.directory.registrable() == {"alice", "bob", "erin"}
    assert gateway.directory.user(gateway.directory.own_domain, "Erin") is not None


async def test_lists_in_force_stay_and_names_are_taken_once(gateway: Gateway, domain: Made, users: Made) -> None:

    def here(client: Client) -> Made:
        return client.sip.domains(domain.sid)

    await gateway.ask(lambda client: here(client).credential_list_mappings.create(users.sid))
    twice = lambda client: here(client).auth.calls.credential_list_mappings.create(users.sid)  # noqa: E731
    assert await fault_of(gateway, twice) == (400, 21231), "the old path is the same mapping"
    assert await fault_of(gateway, lambda client: client.sip.credential_lists(users.sid).delete()) == (400, 21241)
    same = lambda client: client.sip.credential_lists.create(friendly_name="users")  # noqa: E731
    assert await fault_of(gateway, same) == (400, 21240)
    await gateway.ask(lambda client: client.sip.credential_lists(users.sid).update(friendly_name="staff"))
    await gateway.ask(lambda client: here(client).delete())
    assert await gateway.ask(lambda client: client.sip.credential_lists(users.sid).delete()) is True
    assert gateway.directory.domain("acme.example") is None


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"domain_name": ""}, 21231),
        ({"domain_name": "sip.example.org"}, 21231),
        ({"domain_name": "no_such-.name"}, 21232),
        ({"domain_name": "a" * 91}, 21232),
        ({"domain_name": "x.example", "voice_url": "x"}, 21402),
        ({"domain_name": "x.example", "voice_method": "PUT"}, 21403),
        ({"domain_name": "x.example", "voice_fallback_url": "http://a/"}, 21405),
        ({"domain_name": "x.example", "friendly_name": "x" * 65}, 20001),
    ],
)
async def test_a_bad_domain_is_refused(gateway: Gateway, parameters: dict[str, str], code: int) -> None:
    assert await fault_of(gateway, lambda client: client.sip.domains.create(**parameters)) == (400, code)
    assert len(await gateway.ask(lambda client: client.sip.domains.list())) == 1


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("", PASSWORD), ("x" * 33, PASSWORD), ("a b", PASSWORD), ("dave", PASSWORD),
        ("eve", ""), ("eve", "Short1word"), ("eve", "nodigitsHereAtAll"), ("eve", "noupper1234567"), ("eve", "NOLOWER1234567"),
    ],
)  # fmt: skip
async def test_a_bad_credential_is_refused(gateway: Gateway, users: Made, username: str, password: str) -> None:
    work = lambda client: client.sip.credential_lists(users.sid).credentials.create(username, password)  # noqa: E731
    assert await fault_of(gateway, work) == (400, 21243)


@pytest.mark.parametrize(
    "parameters",
    [
        {"friendly_name": "", "ip_address": "192.0.2.1"},
        {"friendly_name": "x", "ip_address": "192.0.2"},
        {"friendly_name": "x", "ip_address": "::1"},
        {"friendly_name": "x", "ip_address": "192.0.2.1", "cidr_prefix_length": 33},
        {"friendly_name": "x" * 256, "ip_address": "192.0.2.1"},
    ],
)
async def test_a_bad_address_is_refused(gateway: Gateway, parameters: dict[str, Any]) -> None:
    acl = await gateway.ask(lambda client: client.sip.ip_access_control_lists.create(friendly_name="office"))
    work = lambda client: client.sip.ip_access_control_lists(acl.sid).ip_addresses.create(**parameters)  # noqa: E731
    assert await fault_of(gateway, work) == (400, 21238)
    assert await gateway.ask(lambda client: client.sip.ip_access_control_lists(acl.sid).delete()) is True


async def test_what_the_file_sets_up_is_read_only(gateway: Gateway) -> None:
    for work in (
        lambda client: client.sip.domains(OWN).update(voice_url="http://a/"),
        lambda client: client.sip.domains(OWN).delete(),
        lambda client: client.sip.domains(OWN).auth.calls.credential_list_mappings(PHONES).delete(),
        lambda client: client.sip.credential_lists(PHONES).delete(),
        lambda client: client.sip.credential_lists(PHONES).credentials(ALICE).update(password=PASSWORD),
        lambda client: client.sip.credential_lists(PHONES).credentials(ALICE).delete(),
        lambda client: client.sip.ip_access_control_lists(CARRIER).ip_addresses.create("x", "192.0.2.1"),
    ):
        assert await fault_of(gateway, work) == (405, 20004)


async def test_what_is_not_there_is_404(gateway: Gateway, domain: Made) -> None:

    def here(client: Client) -> Made:
        return client.sip.domains(domain.sid)

    for work in (
        lambda client: here(client).auth.calls.credential_list_mappings.create("CL" + "9" * 32),
        lambda client: here(client).auth.calls.credential_list_mappings("CL" + "9" * 32).fetch(),
        lambda client: client.sip.domains("SD" + "9" * 32).auth.calls.credential_list_mappings.create(PHONES),
        lambda client: client.sip.credential_lists("CL" + "9" * 32).credentials.create("eve", PASSWORD),
        lambda client: client.sip.ip_access_control_lists("AL" + "9" * 32).fetch(),
    ):
        assert await fault_of(gateway, work) == (404, 20404)
