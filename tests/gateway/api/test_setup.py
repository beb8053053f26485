"""What the REST API sets up, by the genuine library: applications, numbers, caller IDs, keys, accounts (rest.md section 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from gateway.api.app import PREFIX
from gateway.directory.directory import Directory
from gateway.directory.keeper import Keeper
from gateway.ids import made_sid
from gateway.storage.models import CallRow
from gateway.twiml.control import StatusCallback
from gateway.twiml.interpreter import DocumentRequest
from gateway.webhooks.signature import HEADER, sign
from tests.gateway.api.conftest import APPLICATION, KEY, TOKEN, Gateway
from tests.gateway.rows import ACCOUNT, call_row, recording_row

Work = Callable[[Client], Any]
OF_THE_FILE = made_sid("PN", ACCOUNT, "+14155550100")
VOICE: dict[str, Any] = {
    "voice_url": "http://127.0.0.1:9000/v",
    "voice_method": "GET",
    "voice_fallback_url": "http://127.0.0.1:9000/f",
    "voice_fallback_method": "GET",
    "status_callback": "http://127.0.0.1:9000/s",
    "status_callback_method": "GET",
}


async def fault_of(gateway: Gateway, work: Work) -> tuple[int, int]:
    with pytest.raises(TwilioRestException) as caught:
        await gateway.ask(work)
    return caught.value.status, caught.value.code


async def again(gateway: Gateway) -> Directory:
    """What a restart finds."""
    directory = Directory(gateway.config)
    await Keeper(directory, gateway.store).load()
    return directory


# -- applications ---------------------------------------------------------------------------------------------------


async def test_an_application_is_made_changed_used_and_deleted(gateway: Gateway) -> None:
    made = await gateway.ask(lambda client: client.applications.create(friendly_name="menu", **VOICE))
    assert (made.voice_method, made.voice_fallback_method, made.status_callback_method) == ("GET", "GET", "GET")
    changed = await gateway.ask(
        lambda client: client.applications(made.sid).update(voice_url="http://127.0.0.1:9000/w", sms_url="http://a/sms")
    )
    assert (changed.voice_url, changed.friendly_name, changed.sms_url) == (
        "http://127.0.0.1:9000/w",
        "menu",
        "http://a/sms",
    )
    assert [a.sid for a in await gateway.ask(lambda client: client.applications.list(friendly_name="menu"))] == [
        made.sid
    ]
    await gateway.ask(
        lambda client: client.calls.create(
            to="client:bob", from_="client:al", application_sid=made.sid, url="http://x/"
        )
    )
    placed = await gateway.live.placed.get()
    assert placed.first == DocumentRequest(
        url="http://127.0.0.1:9000/w",
        method="GET",
        fallback_url="http://127.0.0.1:9000/f",
        fallback_method="GET",
    )
    assert placed.status_callback == StatusCallback(url="http://127.0.0.1:9000/s", method="GET")
    found = (await again(gateway)).application(ACCOUNT, made.sid)
    assert found is not None
    assert found.more == {"sms_url": "http://a/sms"}
    assert await gateway.ask(lambda client: client.applications(made.sid).delete()) is True
    assert await fault_of(gateway, lambda client: client.applications(made.sid).fetch()) == (404, 20404)
    assert (await again(gateway)).application(ACCOUNT, made.sid) is None


async def test_an_empty_value_clears_what_was_set(gateway: Gateway) -> None:
    made = await gateway.ask(lambda client: client.applications.create(friendly_name="menu", **VOICE))
    await gateway.raw("POST", f"/Applications/{made.sid}.json", data={"VoiceFallbackUrl": "", "StatusCallback": ""})
    found = await gateway.ask(lambda client: client.applications(made.sid).fetch())
    assert (found.voice_fallback_url, found.status_callback, found.voice_url) == (None, None, VOICE["voice_url"])


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, 20001),
        ({"friendly_name": "x" * 65}, 20001),
        ({"friendly_name": "x", "voice_url": "nowhere"}, 21402),
        ({"friendly_name": "x", "voice_url": "http://a/", "voice_method": "PUT"}, 21403),
        ({"friendly_name": "x", "voice_fallback_url": "http://a/"}, 21405),
        ({"friendly_name": "x", "sms_fallback_url": "http://a/"}, 21406),
        ({"friendly_name": "x", "status_callback": "ftp://a/"}, 21402),
    ],
)
async def test_a_bad_application_is_refused_and_not_there(
    gateway: Gateway, parameters: dict[str, str], code: int
) -> None:
    assert await fault_of(gateway, lambda client: client.applications.create(**parameters)) == (400, code)
    assert [a.sid for a in await gateway.ask(lambda client: client.applications.list())] == [APPLICATION]


async def test_what_the_file_sets_up_is_read_only_and_it_is_said_why(gateway: Gateway) -> None:
    for work in (
        lambda client: client.applications(APPLICATION).update(voice_url="http://a/"),
        lambda client: client.applications(APPLICATION).delete(),
        lambda client: client.incoming_phone_numbers(OF_THE_FILE).update(voice_url="http://a/"),
        lambda client: client.incoming_phone_numbers(OF_THE_FILE).delete(),
        lambda client: client.keys(KEY).delete(),
        lambda client: client.api.accounts(ACCOUNT).update(friendly_name="x"),
    ):
        with pytest.raises(TwilioRestException, match="configuration file") as caught:
            await gateway.ask(work)
        assert (caught.value.status, caught.value.code) == (405, 20004)


# -- numbers --------------------------------------------------------------------------------------------------------


async def test_a_number_is_added_answers_by_its_application_and_goes(gateway: Gateway) -> None:
    made = await gateway.ask(
        lambda client: client.incoming_phone_numbers.create(phone_number="(415) 555-2671", **VOICE)
    )
    assert (made.phone_number, made.friendly_name) == ("+14155552671", "(415) 555-2671")
    number = gateway.directory.numbers["+14155552671"]
    assert gateway.directory.answering(number) is number
    await gateway.ask(lambda client: client.incoming_phone_numbers(made.sid).update(voice_application_sid=APPLICATION))
    number = gateway.directory.numbers["+14155552671"]
    assert gateway.directory.answering(number).sid == APPLICATION
    assert (await again(gateway)).numbers["+14155552671"].application_sid == APPLICATION
    local = await gateway.ask(lambda client: client.incoming_phone_numbers.local.create(phone_number="+442079460001"))
    assert local.phone_number == "+442079460001"
    found = await gateway.ask(lambda client: client.incoming_phone_numbers.list(phone_number="415555"))
    assert [n.phone_number for n in found] == ["+14155552671", "+14155550100"], "the newest first"
    assert await gateway.ask(lambda client: client.incoming_phone_numbers(made.sid).delete()) is True
    assert "+14155552671" not in gateway.directory.numbers


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, 21421),
        ({"phone_number": "hello"}, 21421),
        ({"phone_number": "+1" + "5" * 30}, 21421),
        ({"phone_number": "+14155550100"}, 21422),
        ({"area_code": "415"}, 21452),
        ({"area_code": "15"}, 21451),
        ({"phone_number": "+14155552671", "voice_url": "x"}, 21402),
        ({"phone_number": "+14155552671", "voice_application_sid": "AP" + "0" * 32}, 21420),
        ({"phone_number": "+14155552671", "trunk_sid": "TK" + "0" * 32}, 20001),
        ({"phone_number": "+14155552671", "voice_receive_mode": "telex"}, 20001),
    ],
)
async def test_a_bad_number_is_refused_and_not_there(gateway: Gateway, parameters: dict[str, str], code: int) -> None:
    assert await fault_of(gateway, lambda client: client.incoming_phone_numbers.create(**parameters)) == (400, code)
    assert len(gateway.directory.numbers) == 2


# -- caller IDs -----------------------------------------------------------------------------------------------------


async def test_a_caller_id_is_there_once_the_code_is_entered(gateway: Gateway) -> None:
    asked = await gateway.ask(
        lambda client: client.validation_requests.create(
            phone_number="+15557654321", friendly_name="desk", extension="12", status_callback="http://a/s"
        )
    )
    placed = await gateway.live.placed.get()
    assert (placed.sid, placed.to, placed.send_digits) == (asked.call_sid, "+15557654321", "12")
    assert placed.from_ in gateway.directory.numbers
    assert placed.extras == (("VerificationStatus", "failed"),)
    assert await gateway.ask(lambda client: client.outgoing_caller_ids.list()) == []

    async def entered(digits: str, token: str = TOKEN) -> tuple[int, Any]:
        url = f"http://127.0.0.1:8080{PREFIX}/Accounts/{ACCOUNT}/OutgoingCallerIds/Validation"
        form = {"AccountSid": ACCOUNT, "CallSid": asked.call_sid, "Digits": digits}
        headers = {HEADER: sign(token, url, form.items())}
        status, body, _ = await gateway.raw(
            "POST", "/OutgoingCallerIds/Validation", user="", data=form, headers=headers
        )
        return status, body

    assert (await entered(asked.validation_code, "another's token"))[0] == 404
    assert b"validated" in (await entered(asked.validation_code))[1]
    callers = await gateway.ask(lambda client: client.outgoing_caller_ids.list(phone_number="+15557654321"))
    assert [(c.phone_number, c.friendly_name) for c in callers] == [("+15557654321", "desk")]
    assert gateway.live.told[-1][0] == "annotate"
    assert b"not the code" in (await entered(asked.validation_code))[1], "a code is good once"
    renamed = await gateway.ask(lambda client: client.outgoing_caller_ids(callers[0].sid).update(friendly_name="home"))
    assert renamed.friendly_name == "home"
    again_ = lambda client: client.validation_requests.create(phone_number="+15557654321")  # noqa: E731
    assert await fault_of(gateway, again_) == (400, 21450)
    assert await gateway.ask(lambda client: client.outgoing_caller_ids(callers[0].sid).delete()) is True


async def test_a_wrong_code_validates_nothing(gateway: Gateway) -> None:
    asked = await gateway.ask(lambda client: client.validation_requests.create(phone_number="+15557654321"))
    url = f"http://127.0.0.1:8080{PREFIX}/Accounts/{ACCOUNT}/OutgoingCallerIds/Validation"
    for digits in ("000000", asked.validation_code):
        form = {"AccountSid": ACCOUNT, "CallSid": asked.call_sid, "Digits": digits}
        headers = {HEADER: sign(TOKEN, url, form.items())}
        _, body, _ = await gateway.raw("POST", "/OutgoingCallerIds/Validation", user="", data=form, headers=headers)
        assert b"not the code" in body
    assert await gateway.ask(lambda client: client.outgoing_caller_ids.list()) == []
    bad = lambda client: client.validation_requests.create(phone_number="911")  # noqa: E731
    assert await fault_of(gateway, bad) == (400, 21421)
    late = lambda client: client.validation_requests.create(phone_number="+15557654321", call_delay=61)  # noqa: E731
    assert await fault_of(gateway, late) == (400, 21454)


# -- keys -----------------------------------------------------------------------------------------------------------


async def test_several_keys_open_and_one_that_is_deleted_does_not(gateway: Gateway) -> None:
    made = [await gateway.ask(lambda client: client.new_keys.create(friendly_name="a")) for _ in range(2)]
    signing = await gateway.ask(lambda client: client.new_signing_keys.create(friendly_name="c"))
    assert made[0].secret != made[1].secret
    for key in (*made, signing):
        assert (await gateway.raw("GET", "/Calls.json", user=key.sid, password=key.secret))[0] == 200
    listed = await gateway.ask(lambda client: client.keys.list())
    assert {key.sid for key in listed} == {KEY, signing.sid, *(key.sid for key in made)}
    assert "secret" not in (await gateway.raw("GET", f"/Keys/{made[0].sid}.json"))[1]
    _, account, _ = await gateway.raw("GET", ".json", user=made[0].sid, password=made[0].secret)
    assert account["auth_token"] is None, "a key does not reveal the token"
    renamed = await gateway.ask(lambda client: client.keys(made[0].sid).update(friendly_name="z"))
    assert renamed.friendly_name == "z"
    await gateway.ask(lambda client: client.keys(made[0].sid).delete())
    assert (await gateway.raw("GET", "/Calls.json", user=made[0].sid, password=made[0].secret))[0] == 401
    assert (await gateway.raw("GET", "/Calls.json", user=made[1].sid, password=made[1].secret))[0] == 200


# -- accounts -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def sub(gateway: Gateway) -> Any:  # noqa: ANN401 - the library's
    return await gateway.ask(lambda client: client.api.accounts.create(friendly_name="branch"))


async def test_a_subaccount_has_calls_of_its_own_and_its_owner_sees_them(gateway: Gateway, sub: Any) -> None:  # noqa: ANN401
    assert (sub.status, sub.owner_account_sid, sub.friendly_name) == ("active", ACCOUNT, "branch")
    await gateway.store.save(call_row(1), call_row(2, account_sid=sub.sid), recording_row(2, account_sid=sub.sid))
    theirs = f"{gateway.url}{PREFIX}/Accounts/{sub.sid}"

    async def calls(path: str, **who: str) -> tuple[int, list[str]]:
        status, body, _ = await gateway.raw("GET", path, **who)
        return status, [call["sid"] for call in body.get("calls", [])]

    own = {"user": sub.sid, "password": sub.auth_token}
    assert await calls(f"{theirs}/Calls.json", **own) == (200, [call_row(2).sid])
    assert await calls(f"{theirs}/Calls.json") == (200, [call_row(2).sid]), "the owner's token"
    assert await calls("/Calls.json") == (200, [call_row(1).sid])
    assert await calls("/Calls.json", **own) == (404, []), "not the owner's calls with the subaccount's token"
    assert (await gateway.raw("GET", f"/Calls/{call_row(2).sid}.json"))[0] == 404
    assert (await gateway.raw("GET", f"{theirs}/Calls/{call_row(1).sid}.json", **own))[0] == 404
    assert (await gateway.raw("GET", f"{theirs}/Recordings/{recording_row(2).sid}.json", **own))[0] == 200
    assert (await gateway.raw("GET", f"/Recordings/{recording_row(2).sid}.json"))[0] == 404
    assert gateway.directory.token_of(sub.sid) == sub.auth_token
    assert (await again(gateway)).token_of(sub.sid) == sub.auth_token


async def test_what_one_account_sets_up_another_does_not_have(gateway: Gateway, sub: Any) -> None:  # noqa: ANN401
    def branch(client: Client) -> Any:  # noqa: ANN401
        return client.api.accounts(sub.sid)

    application = await gateway.ask(lambda client: branch(client).applications.create(friendly_name="theirs", **VOICE))
    assert await fault_of(gateway, lambda client: client.applications(application.sid).fetch()) == (404, 20404)
    create = {"to": "client:bob", "from_": "client:al"}
    stolen = lambda client: client.calls.create(**create, application_sid=application.sid)  # noqa: E731
    assert await fault_of(gateway, stolen) == (400, 21218)
    made = await gateway.ask(lambda client: branch(client).calls.create(**create, application_sid=application.sid))
    placed = await gateway.live.placed.get()
    assert (placed.sid, placed.account_sid, made.account_sid) == (made.sid, sub.sid, sub.sid)
    number = await gateway.ask(lambda client: branch(client).incoming_phone_numbers.create(phone_number="+15550123"))
    taken = lambda client: client.incoming_phone_numbers.create(phone_number="+15550123")  # noqa: E731
    assert await fault_of(gateway, taken) == (400, 21422)
    moved = await gateway.ask(
        lambda client: branch(client).incoming_phone_numbers(number.sid).update(account_sid=ACCOUNT)
    )
    assert moved.account_sid == ACCOUNT
    assert gateway.directory.numbers["+15550123"].account_sid == ACCOUNT
    away = lambda client: client.incoming_phone_numbers(number.sid).update(account_sid="AC" + "9" * 32)  # noqa: E731
    assert await fault_of(gateway, away) == (400, 21471)


async def test_a_suspended_subaccount_does_nothing_and_a_closed_one_never_again(gateway: Gateway, sub: Any) -> None:  # noqa: ANN401
    theirs = f"{gateway.url}{PREFIX}/Accounts/{sub.sid}"
    own = {"user": sub.sid, "password": sub.auth_token}
    await gateway.store.save(call_row(2, account_sid=sub.sid, status="in-progress"))
    gateway.live.there.add(call_row(2).sid)
    suspended = await gateway.ask(lambda client: client.api.accounts(sub.sid).update(status="suspended"))
    assert suspended.status == "suspended"
    status, body, _ = await gateway.raw("GET", f"{theirs}/Calls.json", **own)
    assert (status, body["code"]) == (403, 20005)
    form = {"To": "+15550111", "From": "+15550100", "Twiml": "<Response/>"}
    status, body, _ = await gateway.raw("POST", f"{theirs}/Calls.json", data=form)
    assert (status, body["code"]) == (403, 20005), "nor by its owner"
    assert (await gateway.raw("GET", f"{theirs}/Calls.json"))[0] == 200, "who may look"
    assert gateway.live.told == [], "what goes on goes on"
    active = await gateway.ask(lambda client: client.api.accounts(sub.sid).update(status="active"))
    assert active.status == "active"
    assert (await gateway.raw("GET", f"{theirs}/Calls.json", **own))[0] == 200
    await gateway.ask(lambda client: client.api.accounts(sub.sid).update(status="closed"))
    assert gateway.live.told == [("hang up", call_row(2).sid, False)]
    reopened = lambda client: client.api.accounts(sub.sid).update(status="active")  # noqa: E731
    assert await fault_of(gateway, reopened) == (400, 21479)
    listed = await gateway.ask(lambda client: client.api.accounts.list(status="closed"))
    assert [account.sid for account in listed] == [sub.sid]


async def test_accounts_are_changed_only_by_their_owner(gateway: Gateway, sub: Any) -> None:  # noqa: ANN401
    own = {"user": sub.sid, "password": sub.auth_token}
    top = f"{gateway.url}{PREFIX}/Accounts"
    status, body, _ = await gateway.raw("GET", f"{top}.json", **own)
    assert (status, [account["sid"] for account in body["accounts"]]) == (200, [sub.sid])
    for path, form, answer in (
        (f"{top}.json", {"FriendlyName": "x"}, (403, 20003)),
        (f"{top}/{sub.sid}.json", {"Status": "closed"}, (403, 20003)),
        (f"{top}/{ACCOUNT}.json", {"Status": "closed"}, (404, 20404)),
    ):
        status, body, _ = await gateway.raw("POST", path, data=form, **own)
        assert (status, body["code"]) == answer, path
    assert await fault_of(gateway, lambda client: client.api.accounts(ACCOUNT).update(status="closed")) == (400, 21477)
    assert await fault_of(gateway, lambda client: client.api.accounts(sub.sid).update(status="x")) == (400, 21475)
    renamed = await gateway.ask(lambda client: client.api.accounts(sub.sid).update(friendly_name="north"))
    assert renamed.friendly_name == "north"


async def test_calls_that_wait_when_their_account_is_suspended_never_leave(gateway: Gateway, sub: Any) -> None:  # noqa: ANN401
    row = call_row(3, account_sid=sub.sid, status="queued")
    await gateway.store.save(row)
    gateway.live.there.add(row.sid)
    await gateway.ask(lambda client: client.api.accounts(sub.sid).update(status="suspended"))
    assert gateway.live.told == [("hang up", row.sid, True)]
    assert isinstance(await gateway.store.get(CallRow, row.sid), CallRow)
