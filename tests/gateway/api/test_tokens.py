"""`/Tokens`, by the genuine library."""

from __future__ import annotations

from tests.gateway.api.conftest import Gateway


async def test_a_token_names_no_relay_and_lives_as_long_as_asked(gateway: Gateway) -> None:
    found = await gateway.ask(lambda client: client.tokens.create(ttl=60))
    assert (found.ttl, found.ice_servers, bool(found.username), bool(found.password)) == ("60", [], True, True)
    assert found.date_created is not None


async def test_a_secret_that_is_refused_is_not_said_back(gateway: Gateway) -> None:
    lists = await gateway.ask(lambda client: client.sip.credential_lists.create(friendly_name="l"))
    weak = {"Username": "u", "Password": "hunter2"}
    _, body, _ = await gateway.raw("POST", f"/SIP/CredentialLists/{lists.sid}/Credentials.json", data=weak)
    form = {"To": "sip:a@b", "From": "J", "Url": "http://a/", "SipAuthUsername": "u", "SipAuthPassword": "hunter2\n"}
    _, other, _ = await gateway.raw("POST", "/Calls.json", data=form)
    assert (body["code"], other["code"]) == (21243, 21224)
    assert "hunter2" not in f"{body}{other}"
