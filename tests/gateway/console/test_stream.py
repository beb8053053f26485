"""The console's stream: it tells of what changes, costs nothing while nobody watches, and is bounded whoever reads it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import aiohttp
import pytest

from gateway.calls.call import Happening
from gateway.console import stream as streams
from gateway.console.pulse import MOST, Watcher
from gateway.console.sessions import LIFE_S
from gateway.follow import events
from gateway.ids import CallSid
from media.commands import Meter
from media.streams import Slot
from tests.gateway.console.conftest import TOKEN, Site
from tests.gateway.console.test_pages import OTHER, event, live, notification
from tests.gateway.rows import ACCOUNT, call_row, recording_row

PATIENCE_S = 5.0


class Listener:
    """One open page."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._told: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue()

    async def read(self) -> None:
        """Until the stream ends, which is told by None."""
        with suppress(aiohttp.ClientError):
            async for one in events(self._response.content):
                self._told.put_nowait(one)
        self._told.put_nowait(None)

    async def next(self) -> tuple[str, str] | None:
        async with asyncio.timeout(PATIENCE_S):
            return await self._told.get()

    async def is_silent(self, seconds: float = 0.8) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._told.get()
        except TimeoutError:
            return True
        return False


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - of another part, which tells nobody
            await asyncio.sleep(0.05)


@asynccontextmanager
async def listening(site: Site, query: str = "topic=live") -> AsyncIterator[Listener]:
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, TOKEN)}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{site.url}/stream?{query}") as response,
    ):
        assert response.status == 200, await response.text()
        one = Listener(response)
        reading = asyncio.create_task(one.read())
        assert (await one.next() or ("",))[0] == "hello"
        yield one
        reading.cancel()


async def test_nobody_watches_nothing_runs(site: Site) -> None:
    def is_at_rest() -> bool:
        return site.store.watcher is None and not [t for t in asyncio.all_tasks() if t.get_name() == "console"]

    assert is_at_rest()
    async with listening(site), listening(site, "topic=calls"):
        assert not is_at_rest()
        assert [t.get_name() for t in asyncio.all_tasks()].count("console") == 1
    await until(is_at_rest)


async def test_a_call_that_begins_moves_and_ends_is_told(site: Site) -> None:
    async with listening(site) as page:
        await asyncio.sleep(0.6)  # the first look around
        call = live(1)
        for change in (
            lambda: site.calls.update({call.sid: call}),
            lambda: call.happened(Happening.ANSWERED),
            lambda: site.calls.pop(call.sid),
        ):
            change()
            assert await page.next() == ("changed", "1")
        site.calls[CallSid(f"CA{2:032x}")] = live(2, account_sid=OTHER)
        assert await page.is_silent(), "another account's"


@pytest.mark.parametrize(
    ("query", "is_told"),
    [
        ("topic=calls", [True, False, False, False]),
        ("topic=recordings", [False, True, False, False]),
        ("topic=notifications", [False, False, True, False]),
        (f"topic=call&sid=CA{1:032x}", [True, True, True, True]),
        (f"topic=call&sid=CA{7:032x}", [False, False, False, False]),
    ],
)
async def test_a_page_is_told_of_the_rows_that_it_shows(site: Site, query: str, is_told: list[bool]) -> None:
    sid = f"CA{1:032x}"
    await site.store.save(call_row(1), call_row(7))
    async with listening(site, query) as page:
        found = []
        for row in (call_row(1), recording_row(1), notification(1, call_sid=sid), event(1, sid)):
            site.store.put(row)
            found.append(not await page.is_silent(0.3))
        assert found == is_told


async def test_a_calls_page_grows_with_each_message_on_the_wire(site: Site) -> None:
    call = live(1)
    call.sip_call_id = "a"
    site.calls[call.sid] = call
    await site.store.save(call_row(1))
    async with listening(site, f"topic=call&sid={call.sid}") as page:
        for at in (1.0, 2.0):
            site.trace.add(at, True, "udp:x:1", b"BYE sip:x SIP/2.0\r\nCall-ID: a\r\nCSeq: 1 BYE\r\n\r\n")
            assert await page.next() == ("changed", "1")
        assert await page.is_silent()


async def test_levels_come_for_the_calls_that_are_shown_and_the_engine_rests_afterwards(site: Site) -> None:
    slots = [Slot(row=row, generation=1) for row in range(3)]
    for number, account in ((0, ACCOUNT), (1, ACCOUNT), (2, OTHER)):
        call = live(number, account_sid=account)
        site.calls[call.sid], site.slots[call.sid] = call, slots[number]
    await site.store.save(call_row(1), call_row(2, account_sid=OTHER))
    assert (await site.get(f"/stream?topic=call&sid=CA{2:032x}"))[0] == 404
    async with listening(site) as page, listening(site, f"topic=call&sid=CA{1:032x}") as one:
        await until(lambda: site.engine.told[-1:] == [Meter(slots=(slots[0], slots[1]))])
        site.engine.measure((slots[0], -20, -30), (slots[1], -127, -40), (slots[2], 0, 0))
        assert await page.next() == (
            "levels",
            json.dumps({f"CA{0:032x}": [-20, -30], f"CA{1:032x}": [-127, -40]}, separators=(",", ":")),
        )
        assert json.loads((await one.next() or ("", ""))[1]) == {f"CA{1:032x}": [-127, -40]}
    await until(lambda: site.engine.told[-1] == Meter())


async def test_a_hundred_streams_are_bounded_and_the_pages_work_on(site: Site) -> None:
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, TOKEN)}
    async with AsyncExitStack() as opened:
        connector = aiohttp.TCPConnector(limit=0)
        session = await opened.enter_async_context(aiohttp.ClientSession(headers=headers, connector=connector))
        codes = []
        for _ in range(100):
            response = await opened.enter_async_context(session.get(f"{site.url}/stream?topic=live"))
            codes.append(response.status)
        assert codes == [200] * MOST + [503] * (100 - MOST)
        assert [t.get_name() for t in asyncio.all_tasks()].count("console") == 1
        assert (await site.get("/calls"))[0] == 200
    await until(lambda: site.store.watcher is None)


@pytest.mark.parametrize(
    "query",
    ["topic=nothing", "topic=call", "topic=call&sid=CAx", f"topic=live&sid=CA{1:032x}", "topic=call&sid=<script>"],
)
async def test_a_topic_that_means_nothing_is_refused(site: Site, query: str) -> None:
    assert (await site.get(f"/stream?{query}"))[0] == 400
    assert site.store.watcher is None


async def test_a_stream_ends_with_the_sign_in_even_while_there_is_always_something_to_tell(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PING_S", 0.2)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.post(f"{site.url}/login", data={"user": ACCOUNT, "password": TOKEN}, allow_redirects=False):
            pass
        async with browser.get(f"{site.url}/stream?topic=calls") as response:
            assert response.status == 200
            site.now += LIFE_S
            ended = asyncio.create_task(response.content.read())
            async with asyncio.timeout(PATIENCE_S):
                while not ended.done():
                    site.store.put(call_row(1))
                    await asyncio.sleep(0.05)
    assert b"event: changed" in ended.result()


def test_who_does_not_read_skips_what_is_in_between() -> None:
    watcher = Watcher(account=ACCOUNT, topic="live")
    for level in range(10_000):
        watcher.changed()
        watcher.hear({"CA1": (-level, -1)})
    assert watcher.take() == 'event: changed\ndata: 1\n\nevent: levels\ndata: {"CA1":[-9999,-1]}\n\n'
    assert watcher.take() == ""


async def test_a_reader_that_takes_nothing_is_let_go(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SLOW_S", 0.3)
    token = aiohttp.encode_basic_auth(ACCOUNT, TOKEN)
    host, _, port = site.url.removeprefix("http://").partition("/")[0].partition(":")
    _, writer = await asyncio.open_connection(host, int(port), limit=1)  # beyond two octets it reads no more
    writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    writer.write(f"GET /console/stream?topic=live HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode())
    for number in range(100):
        call = live(number)
        site.calls[call.sid], site.slots[call.sid] = call, Slot(row=number, generation=1)
    async with asyncio.timeout(30):
        while site.store.watcher is not None:
            site.engine.measure(*((Slot(row=number, generation=1), -number, -1) for number in range(100)))
            await asyncio.sleep(0.002)
    writer.close()


async def test_the_gateways_end_closes_every_stream_at_once(site: Site) -> None:
    async with listening(site) as page:
        assert site.http is not None
        began = asyncio.get_running_loop().time()
        await site.http.__aexit__(None, None, None)
        assert asyncio.get_running_loop().time() - began < 2.0
        while await page.next() is not None:
            pass
