"""Who may ask, and what is answered to what nobody should ask."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable
from contextlib import ExitStack

import aiohttp
import pytest
from sqlalchemy import func, select

from gateway.api.app import PREFIX
from gateway.api.auth import Gatekeeper, Guesses
from gateway.api.errors import ApiError
from gateway.api.places import Places
from gateway.config import parse
from gateway.directory.directory import Directory
from gateway.storage.models import CallRow
from tests.gateway.api.conftest import DOCUMENT, KEY, KEY_SECRET, TOKEN, Gateway
from tests.gateway.rows import ACCOUNT, call_row

OTHER = "AC" + "f" * 32


def basic(user: str, password: str) -> str:
    return aiohttp.encode_basic_auth(user, password)


def gate_of(clock: Callable[[], float] = lambda: 0.0) -> Gatekeeper:
    return Gatekeeper(Directory(parse(dict(DOCUMENT), {})), clock)


def test_the_token_and_an_api_key_open_and_nothing_else_does() -> None:
    gate = gate_of()
    assert gate.admit(basic(ACCOUNT, TOKEN), "a") == ACCOUNT
    assert gate.admit(basic(KEY, KEY_SECRET), "a") == ACCOUNT
    wrong = [
        basic(ACCOUNT, TOKEN + "x"), basic(ACCOUNT, ""), basic(KEY, TOKEN), basic(OTHER, TOKEN), basic("", ""), basic(OTHER, ""),
        "", "Basic", "Basic !!!", "Bearer " + TOKEN, "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(), "Basic " + "A" * 5000,
    ]  # fmt: skip
    for text in wrong:
        with pytest.raises(ApiError) as caught:
            gate.admit(text, "b")
        assert (caught.value.status, caught.value.code) == (401, 20003), text
        assert caught.value.headers["WWW-Authenticate"].startswith("Basic")


def statuses(gate: Gatekeeper, count: int, address: str = "eve") -> list[int]:
    """What *count* wrong passwords are answered."""
    found = []
    for _ in range(count):
        with pytest.raises(ApiError) as caught:
            gate.admit(basic(ACCOUNT, "wrong"), address)
        found.append(caught.value.status)
    return found


def test_a_thousand_wrong_passwords_slow_nobody_down_who_has_the_right_one() -> None:
    now = 0.0
    gate = gate_of(lambda: now)
    assert statuses(gate, 1000) == [401] * 20 + [429] * 980
    assert gate.admit(basic(ACCOUNT, TOKEN), "eve") == ACCOUNT, "behind the same address"
    assert gate.admit(basic(ACCOUNT, TOKEN), "ann") == ACCOUNT
    now = 0.1
    assert statuses(gate, 4) == [401, 401, 429, 429]


def test_who_guesses_on_and_on_is_not_heard_even_if_a_guess_is_right() -> None:
    now = 0.0
    gate = gate_of(lambda: now)
    assert gate.admit(basic(KEY, KEY_SECRET), "eve") == ACCOUNT
    statuses(gate, 5_000)
    with pytest.raises(ApiError, match="20429"):
        gate.admit(basic(ACCOUNT, TOKEN), "eve")
    assert gate.admit(basic(KEY, KEY_SECRET), "eve") == ACCOUNT, "was right before"
    assert gate.admit(basic(ACCOUNT, TOKEN), "ann") == ACCOUNT
    now = 1.0
    assert gate.admit(basic(ACCOUNT, TOKEN), "eve") == ACCOUNT, "in time it is"


def test_addresses_with_wrong_passwords_are_forgotten_in_time() -> None:
    guesses = Guesses(lambda: 0.0)
    for number in range(10_050):
        guesses.wrong(str(number))
    assert len(guesses) == 10_000


def test_places_are_of_one_account_each_and_come_back() -> None:
    places = Places(2)
    with places.of(ACCOUNT), places.of(ACCOUNT), places.of(OTHER):
        with pytest.raises(ApiError) as caught, places.of(ACCOUNT):
            pass
        assert (caught.value.status, caught.value.code) == (429, 20429)
    with places.of(ACCOUNT):
        pass
    with ExitStack() as unbounded:
        for _ in range(1000):
            unbounded.enter_context(Places(0).of(ACCOUNT))


async def test_another_accounts_path_is_not_found_whoever_asks(gateway: Gateway) -> None:
    await gateway.store.save(call_row(1, account_sid=OTHER))
    status, body, _ = await gateway.raw("GET", f"{gateway.url}{PREFIX}/Accounts/{OTHER}/Calls.json")
    assert (status, body["code"]) == (404, 20404)
    status, body, _ = await gateway.raw("GET", f"/Calls/{call_row(1).sid}.json")
    assert (status, body["code"]) == (404, 20404)
    assert (
        body["message"]
        == f"The requested resource {PREFIX}/Accounts/{ACCOUNT}/Calls/{call_row(1).sid}.json was not found"
    )
    assert body["more_info"] == "https://www.twilio.com/docs/errors/20404"
    assert body["status"] == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/Nothing.json", 404, 20404),
        ("GET", "/Calls", 404, 20404),
        ("GET", "/Calls/CA12.json", 404, 20404),
        ("GET", "/Calls/..%2f..%2fetc%2fpasswd.json", 404, 20404),
        ("GET", "/Calls/" + "CA" + "0" * 32 + "%00.json", 404, 20404),
        ("PUT", "/Calls.json", 405, 20004),
        ("DELETE", "/Calls.json", 405, 20004),
        ("PATCH", "/Calls/CA" + "0" * 32 + ".json", 405, 20004),
    ],
)
async def test_what_is_not_there(gateway: Gateway, method: str, path: str, status: int, code: int) -> None:
    answered, body, _ = await gateway.raw(method, path)
    assert (answered, body["code"]) == (status, code)


async def test_without_credentials_nothing_is_said_not_even_what_is_there(gateway: Gateway) -> None:
    for path in ("/Calls.json", "/Nothing.json"):
        status, body, headers = await gateway.raw("GET", path, user="")
        assert (status, body["code"]) == (401, 20003)
        assert headers["WWW-Authenticate"] == 'Basic realm="Twilio API"'


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"x" * 10_000_000, "application/x-www-form-urlencoded", 413),
        (b"To=%ff%fe&From=%", "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=b" % n for n in range(1000)), "application/x-www-form-urlencoded", 400),
        (b"=&=&;;%%", "application/x-www-form-urlencoded", 400),
        (b'{"To":', "application/json", 415),
        (b"--x\r\n", "multipart/form-data; boundary=x", 415),
        (b"", "text/plain", 400),
    ],
    ids=["too large", "no UTF-8", "octets", "many fields", "broken", "JSON", "multipart", "empty"],
)
async def test_a_body_that_is_no_form_is_refused_and_nothing_changes(
    gateway: Gateway, body: bytes, content_type: str, status: int
) -> None:
    answered, answer, _ = await gateway.raw(
        "POST", "/Calls.json", data=io.BytesIO(body), headers={"Content-Type": content_type}
    )
    assert answered == status
    assert answer["status"] == status
    assert await gateway.store.scalar(select(func.count()).select_from(CallRow)) == 0


async def test_a_storage_that_does_not_answer_is_503(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(gateway.store, "get", away)
    status, body, _ = await gateway.raw("GET", f"/Calls/{call_row(1).sid}.json")
    assert (status, body["code"]) == (503, 20503)


async def test_a_fault_of_our_own_is_said_as_twilio_says_it(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(gateway.store, "get", broken)
    status, body, _ = await gateway.raw("GET", f"/Calls/{call_row(1).sid}.json")
    assert (status, body["code"]) == (500, 20500)


async def test_a_body_that_is_not_packed_as_it_says_is_400(gateway: Gateway) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        headers["Authorization"] = basic(ACCOUNT, TOKEN)
        url = f"{gateway.url}{PREFIX}/Accounts/{ACCOUNT}/Calls.json"
        async with session.post(url, data=io.BytesIO(b"To=sip:a@b"), headers=headers) as response:
            assert (response.status, (await response.json())["code"]) == (400, 20001)


async def test_a_slow_sender_does_not_hold_up_others(gateway: Gateway) -> None:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /2010-04-01/Accounts/x/Calls.json HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nTo=")
    assert (await gateway.raw("GET", "/Calls.json"))[0] == 200
    writer.close()
    await writer.wait_closed()
