"""The console in a real browser: calls appear by themselves, open, play, end; by keyboard, light, dark and on a small screen.

Its pictures are kept in `console-pictures/` below the folder of the test run, or where CROSSPOINT_TEST_PICTURES says.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, Gateway
from tests.peers.baresip import Phone
from tests.peers.chromium import Chromium, Page

EVIL = "<img src=x onerror=document.title=1><script>document.title=1</script>"
LOOKS: dict[str, dict[str, int | bool]] = {"light": {}, "dark": {"dark": True}, "small": {"width": 390, "height": 844}}


def pictures(tmp_path: Path) -> Path:
    return Path(os.environ.get("CROSSPOINT_TEST_PICTURES") or tmp_path / "console-pictures")


async def photographed(page: Page, name: str) -> None:
    """In each of its looks; nothing may be wider than the screen."""
    for look, options in LOOKS.items():
        await page.look(
            width=int(options.get("width", 1280)), height=int(options.get("height", 900)), dark="dark" in options
        )
        await page.run("scrollTo(0, 0)")
        assert await page.run("document.documentElement.scrollWidth <= innerWidth"), (
            f"{name} in {look} runs over the edge"
        )
        assert (await page.photograph(f"{name}-{look}")).stat().st_size > 5000
    await page.look()


async def sign_in(page: Page, gateway: Gateway) -> None:
    """As somebody without a mouse does it."""
    await page.open(f"{gateway.public_url}/console")
    await page.until_text("Sign in to the console")
    await page.write(ACCOUNT_SID)
    for words in ("wrong", AUTH_TOKEN):
        await page.until("document.activeElement.matches('input')")
        if await page.run("document.activeElement.id") == "user":
            await page.key("Tab")
        await page.write(words)
        await page.key("Enter")
        if words == "wrong":
            await page.until_text("That is not an account")
    await page.until_text("Nobody is talking")
    await page.until_text("live", within_s=5)


@pytest.mark.peers("baresip", "chromium")
async def test_a_call_appears_by_itself_and_opens_with_ladder_and_recording(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    dial = f'<Dial action="/done" record="record-from-answer-dual"><Client statusCallback="{application.url}/child">bob</Client></Dial>'
    application.answers("/voice", f"<Response><!-- {EVIL.replace('--', '')} -->{dial}</Response>")
    application.answers("/done", "<Response/>")
    application.answers("/child", "")
    async with Chromium(tmp_path / "chromium", pictures=pictures(tmp_path)) as page:
        await page.look()
        await sign_in(page, gateway)
        async with (
            Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
            Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
        ):
            await page.until_text("2/3", within_s=5)
            await alice.dial("1000")
            await bob.wait_for("CALL_ESTABLISHED")
            await page.until("document.querySelectorAll('.s-in-progress').length === 2", within_s=5)
            loud = "[...document.querySelectorAll('.meter i')].filter(b => parseFloat(b.style.transform.slice(7)) > .3).length"
            await page.until(f"{loud} === 4", within_s=5)
            await photographed(page, "live")

            await page.press("tbody tr:first-child a.row")
            await page.until_text("It is being recorded")
            await page.until("document.querySelectorAll('svg.ladder a').length >= 10")
            rungs = await page.run("document.querySelectorAll('svg.ladder a').length")
            assert "onerror" in await page.run("document.querySelector('.asked pre').textContent"), (
                "the document is there as text"
            )
            await page.press("#hangup summary")
            await page.press("#hangup form button")
            await alice.wait_for("CALL_CLOSED")
            await bob.wait_for("CALL_CLOSED")
        await page.until_text("completed.*talked", within_s=10)
        await page.until(
            "document.querySelector('.wave img')?.complete && document.querySelector('.wave img').naturalWidth > 500"
        )
        assert await page.run("document.querySelectorAll('svg.ladder a').length") > rungs, "the ladder has grown"

        await page.run("document.querySelector('svg.ladder a').focus()")
        await page.key("Enter")
        await page.until(
            "document.querySelector('.messages details[open] pre').textContent.startsWith('INVITE sip:1000@')"
        )
        await page.press(".asked summary")
        await page.until_text("SipSourceIp")
        await page.run("document.querySelector('.sound audio').play()")
        await page.until("document.querySelector('.sound audio').currentTime > .5")
        await page.press(".wave")
        await page.until(
            "document.querySelector('.sound audio').currentTime > document.querySelector('.sound audio').duration / 3"
        )
        await page.until("!document.querySelector('.playhead').hidden")
        await photographed(page, "call")
        for name in ("calls", "recordings", "notifications", "phones"):
            await page.open(f"{gateway.public_url}/console/{name}")
            await page.until("document.querySelector('.link-state.on')")
            await photographed(page, name)
        assert not [text for text in page.complaints if "401" not in text], page.complaints


@pytest.mark.peers("chromium")
async def test_the_page_says_so_when_the_gateway_goes_and_comes_back(gateway: Gateway, tmp_path: Path) -> None:
    async with Chromium(tmp_path / "chromium", pictures=pictures(tmp_path)) as page:
        await page.look()
        await sign_in(page, gateway)
        began = asyncio.get_running_loop().time()
        await gateway.program.stop()
        assert asyncio.get_running_loop().time() - began < 4, "an open page keeps nobody from leaving"
        await page.until_text("away", within_s=5)
        await photographed(page, "away")
        await gateway.restart()
        await page.until_text("Sign in to the console", within_s=15)


@pytest.mark.peers("chromium")
async def test_everything_is_reached_by_the_tab_key_and_its_focus_is_seen(gateway: Gateway, tmp_path: Path) -> None:
    async with Chromium(tmp_path / "chromium", pictures=pictures(tmp_path)) as page:
        await page.look()
        await sign_in(page, gateway)
        await page.run("document.activeElement.blur()")
        reached = []
        for _ in range(12):
            await page.key("Tab")
            at = "document.activeElement"
            reached.append(await page.run(f"{at} === document.body ? 'end' : {at}.innerText || {at}.nodeName"))
            assert reached[-1] == "end" or await page.run(f"getComputedStyle({at}).outlineStyle") != "none", reached
        assert reached[0] == "Skip to the content"
        assert {"Live", "Calls", "Recordings", "Problems", "Phones", "Sign out", "phones registered"} <= set(reached)
