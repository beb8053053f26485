"""The console's door: who gets in, who does not, and what a form of somebody else's page can't do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO

import aiohttp
import pytest
from yarl import URL

from gateway.console.gate import GUESSES
from gateway.console.sessions import LIFE_S
from tests.gateway.console.conftest import HTML, KEY, SECRET, TOKEN, Site
from tests.gateway.rows import ACCOUNT, call_row

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PAGES = ("", "/calls", "/recordings", "/notifications", "/phones", f"/calls/{call_row().sid}")


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    """Keeps cookies, follows nothing by itself."""
    async with aiohttp.ClientSession(headers=HTML, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def sign_in(browser: aiohttp.ClientSession, site: Site, **changes: str) -> tuple[int, str, str]:
    """Status, where to, text."""
    form = {"user": ACCOUNT, "password": TOKEN, "next": "/console", **changes}
    async with browser.post(f"{site.url}/login", data=form, allow_redirects=False) as response:
        return response.status, response.headers.get("Location", ""), await response.text()


async def forms_token(browser: aiohttp.ClientSession, site: Site) -> str:
    async with browser.get(site.url) as response:
        return (await response.text()).split('name="csrf" value="')[1].split('"')[0]


@pytest.mark.parametrize(
    "path", [*PAGES, "/stream", f"/recordings/RE{'0' * 32}.wav", f"/calls/CA{'0' * 32}.json", "/nothing"]
)
async def test_nothing_is_shown_without_credentials(site: Site, path: str) -> None:
    await site.store.save(call_row())
    async with aiohttp.ClientSession() as session:
        async with session.get(site.url + path) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"].startswith("Basic ")
        async with session.get(site.url + path, headers={"User-Agent": "Mozilla/5.0", "Accept": "*/*"}) as response:
            assert response.status == 401
            assert not response.headers["WWW-Authenticate"].startswith("Basic"), "it would open a window over the page"
        async with session.get(site.url + path, headers=HTML) as response:
            assert response.status == 401
            assert "Sign in to the console" in await response.text()
            assert not response.headers["WWW-Authenticate"].startswith("Basic")


async def test_the_form_lets_in_and_leads_to_where_one_wanted_to_go(site: Site, browser: aiohttp.ClientSession) -> None:
    status, there, _ = await sign_in(browser, site, next="/console/calls?status=busy")
    assert (status, there) == (303, "/console/calls?status=busy")
    for path in PAGES[:-1]:
        async with browser.get(site.url + path) as response:
            assert response.status == 200, path
            assert response.headers["Cache-Control"] == "no-store"
    cookie = next(iter(browser.cookie_jar))
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/console"


async def test_another_sites_page_signs_nobody_in(site: Site, browser: aiohttp.ClientSession) -> None:
    form = {"user": ACCOUNT, "password": TOKEN}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        async with browser.post(f"{site.url}/login", data=form, headers=headers, allow_redirects=False) as response:
            assert response.status == 403
    assert not list(browser.cookie_jar)


async def test_an_api_key_lets_in_too(site: Site, browser: aiohttp.ClientSession) -> None:
    assert (await sign_in(browser, site, user=KEY, password=SECRET))[0] == 303
    assert (await site.get("/calls", user=KEY, password=SECRET))[0] == 200


@pytest.mark.parametrize(
    "there",
    [
        "https://evil.example/console", "//evil.example", "/consoles", "/console/../../x\r\nSet-Cookie: a=b", "/\\evil.example",
        "javascript:alert(1)", "/console\\@evil", "/console/login", "",
    ],
)  # fmt: skip
async def test_signing_in_leads_nowhere_else(site: Site, browser: aiohttp.ClientSession, there: str) -> None:
    assert (await sign_in(browser, site, next=there))[:2] == (303, "/console")


@pytest.mark.parametrize(
    "changes",
    [
        {"password": "wrong"},
        {"user": "AC" + "f" * 32},
        {"user": ""},
        {"user": "<script>alert(1)</script>"},
        {"password": "x" * 5000},
    ],
)
async def test_wrong_credentials_are_told_so_and_nothing_is_put_back_unescaped(
    site: Site, browser: aiohttp.ClientSession, changes: dict[str, str]
) -> None:
    status, _, text = await sign_in(browser, site, **changes)
    assert status == 401
    assert "That is not an account" in text
    assert "<script>alert" not in text
    assert not list(browser.cookie_jar)


async def test_guessing_is_slowed_down_and_does_not_shut_out_who_is_signed_in(
    site: Site, browser: aiohttp.ClientSession
) -> None:
    await sign_in(browser, site)
    codes = [(await sign_in(browser, site, password=f"guess {at}"))[0] for at in range(300)]
    assert codes.count(401) == GUESSES
    assert set(codes) == {401, 429}
    assert (await sign_in(browser, site))[0] == 429, "the right one is not tried either"
    async with browser.get(site.url) as response:
        assert response.status == 200
    site.now += 61.0
    assert (await sign_in(browser, site))[0] == 303


async def test_a_sign_in_ends_by_itself_and_by_signing_out(site: Site, browser: aiohttp.ClientSession) -> None:
    await sign_in(browser, site)
    token = await forms_token(browser, site)
    cookies = browser.cookie_jar.filter_cookies(URL(site.url))
    async with browser.post(f"{site.url}/logout", data={"csrf": token}, allow_redirects=False) as response:
        assert response.status == 303
    kept = {name: morsel.value for name, morsel in cookies.items()}
    async with aiohttp.ClientSession(headers=HTML, cookies=kept) as thief, thief.get(site.url) as response:
        assert response.status == 401, "the token is dead, not only the cookie gone"
    await sign_in(browser, site)
    site.now += LIFE_S
    async with browser.get(site.url) as response:
        assert response.status == 401


async def test_hanging_up_wants_the_forms_token(site: Site, browser: aiohttp.ClientSession) -> None:
    row = call_row(status="in-progress")
    await site.store.save(row)
    await sign_in(browser, site)
    token = await forms_token(browser, site)
    path = f"{site.url}/calls/{row.sid}/hangup"
    for form in ({}, {"csrf": ""}, {"csrf": "x" * len(token)}, {"csrf": "ü"}):
        async with browser.post(path, data=form, allow_redirects=False) as response:
            assert response.status == 403
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        async with browser.post(path, data={"csrf": token}, headers=headers, allow_redirects=False) as response:
            assert response.status == 403
    async with browser.get(path) as response:
        assert response.status == 405
    assert site.ended == []
    async with browser.post(path, data={"csrf": token}, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, f"/console/calls/{row.sid}")
    assert site.ended == [(row.sid, "completed")]


async def test_a_browsers_basic_credentials_alone_do_not_hang_up(site: Site) -> None:
    row = call_row(status="in-progress")
    await site.store.save(row)
    headers = {**HTML, "Authorization": aiohttp.encode_basic_auth(ACCOUNT, TOKEN)}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{site.url}/calls/{row.sid}/hangup") as response:
            assert response.status == 403
        token = (await site.get(f"/calls/{row.sid}"))[1].split('name="csrf" value="')[1].split('"')[0]
        async with session.post(
            f"{site.url}/calls/{row.sid}/hangup", data={"csrf": token}, allow_redirects=False
        ) as response:
            assert response.status == 303
    assert len(site.ended) == 1


async def test_a_form_of_ten_megabytes_is_refused(site: Site, browser: aiohttp.ClientSession) -> None:
    async with browser.post(f"{site.url}/login", data=BytesIO(b"user=" + b"x" * 10_000_000), headers=FORM) as response:
        assert response.status == 413


async def test_every_answer_carries_the_policy(site: Site) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": aiohttp.encode_basic_auth(ACCOUNT, TOKEN)}) as session:
        for path in (
            *PAGES,
            "/login",
            "/static/console.css",
            "/static/console.js",
            "/static/favicon.svg",
            "/nothing",
            "/stream",
        ):
            async with session.get(site.url + path) as response:
                assert "default-src 'none'" in response.headers["Content-Security-Policy"], path
                assert "unsafe" not in response.headers["Content-Security-Policy"]
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "name", ["../app.py", "..%2fapp.py", "console.css/../../app.py", "nothing.css", "%00.css", "app.py"]
)
async def test_only_files_of_the_console_are_given(site: Site, name: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(URL(f"{site.url}/static/{name}", encoded=True)) as response,
    ):
        assert response.status in (401, 404)
        assert "import" not in await response.text()
