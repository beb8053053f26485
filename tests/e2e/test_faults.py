"""Applications that are broken, slow or hostile: each fault has its code, its log line and the fallback in time; nobody else notices.

| fault | code |
|---|---|
| XML bomb, DOCTYPE, too deep, too many elements, binary, another encoding, nothing | 12100 |
| another root | 12102 |
| JSON, no type | 12300 |
| more than 64 KiB, packed or not | 11750 |
| 404, 500, silence, a byte a second, a private address | 11200 |
| refused, closed without an answer, no HTTP, endless redirects, unknown host | 11202, 11206, 11206, 11215, 11210 |
| plain HTTP where TLS is wanted, a host name with an underscore | 11220, 11100 |
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.e2e.gateway import Gateway
from tests.peers.audio import tone_wav
from tests.peers.ports import LOOPBACK, free_ports
from tests.peers.rtp_phone import RtpPhone

NUMBER = "+15550100"
WITHIN_S = 15.5
GAP_S = 0.03
HUNG = 100
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {later} "{f"&{earlier};" * 10}">' for earlier, later in zip("abcdefgh", "bcdefghi", strict=True)
)
XML = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n"


def page(body: bytes, kind: str = "text/xml", more: str = "") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    typed = f"Content-Type: {kind}\r\n" if kind else ""
    return f"{head}{typed}{more}\r\n".encode() + body


GZIP = page(gzip.compress(b"<Response>" + bytes(50_000_000)), more="Content-Encoding: gzip\r\n")
PAGES: dict[str, tuple[bytes, int]] = {
    "bomb": (page(f"{BOMB}]><Response>&i;</Response>".encode()), 12100),
    "doctype": (page(b'<!DOCTYPE Response SYSTEM "http://127.0.0.1/x"><Response/>'), 12100),
    "deep": (page(b"<Response>" + b"<Say>" * 5_000), 12100),
    "many": (page(b"<Response>" + b"<Pause/>" * 1_001 + b"</Response>"), 12100),
    "binary": (page(bytes(range(256)) * 20), 12100),
    "encoding": (page("<Response><Say>ä</Say></Response>".encode("latin-1"), "text/xml; charset=utf-8"), 12100),
    "nothing": (page(b""), 12100),
    "root": (page(b"<html/>"), 12102),
    "json": (page(b"{}", "application/json"), 12300),
    "untyped": (page(b"<Response/>", ""), 12300),
    "large": (page(b"<Response>" + b" " * 70_000 + b"</Response>"), 11750),
    "gzip": (GZIP, 11750),
    "missing": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", 11200),
    "broken": (b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", 11200),
    "redirects": (b"HTTP/1.1 302 Found\r\nLocation: /redirects\r\nContent-Length: 0\r\n\r\n", 11215),
    "closed": (b"", 11206),
    "noise": (b"\x00\x01\x02 no HTTP\r\n\r\n", 11206),
}
SLOW = {"silent": 11200, "trickle": 11200}


@asynccontextmanager
async def hostile() -> AsyncIterator[str]:
    """A server that answers each path as the table says."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            if await reader.readexactly(1) == b"\x16":  # TLS is not spoken here
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                await writer.drain()
                raise ConnectionError
            name = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode().strip("/").partition("?")[0]
            if name == "silent":
                await asyncio.sleep(60)
            elif name == "trickle":
                writer.write(XML.encode() + b"Content-Length: 1000\r\n\r\n")
                while not writer.is_closing():
                    writer.write(b"<")
                    await writer.drain()
                    await asyncio.sleep(1)  # a byte a second is the fault
            else:
                writer.write(PAGES[name][0])
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    try:
        yield f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.close()


@pytest.mark.exact
async def test_each_fault_has_its_code_its_log_line_and_the_fallback_in_time(gateway: Gateway) -> None:
    """All at once, each by a caller of its own."""
    application = gateway.application
    async with hostile() as url:
        faults = {f"{url}/{name}": code for name, (_, code) in PAGES.items()}
        faults |= {f"{url}/{name}": code for name, code in SLOW.items()}
        faults |= {
            f"http://{LOOPBACK}:{free_ports(1)}/": 11202,
            "http://no-such-host.invalid/": 11210,
            url.replace("http:", "https:") + "/root": 11220,
            "http://under_score.example/": 11100,
            "http://169.254.169.254/latest/meta-data": 11200,
        }
        callers = {f"+1555600{number:04}": fault for number, fault in enumerate(faults)}
        application.answers(
            "/number", lambda asked: f"<Response><Redirect>{callers[asked['From']]}</Redirect></Response>"
        )
        application.answers("/fallback", '<Response><Reject reason="busy"/></Response>')

        async def call(caller: str) -> None:
            async with RtpPhone(gateway.sip, NUMBER, caller=caller) as phone:
                await asyncio.wait_for(phone.ended.wait(), 2 * WITHIN_S)
                assert phone.status == 486, callers[caller]

        async with asyncio.TaskGroup() as group:
            for caller in callers:
                group.create_task(call(caller))
    began = {one.params["From"]: one.at for one in application.received if one.path == "/number"}
    told = {one.params["From"]: one for one in application.received if one.path == "/fallback"}
    got = {callers[caller]: int(one.params["ErrorCode"]) for caller, one in told.items()}
    assert got == faults
    took = {callers[caller]: one.at - began[caller] for caller, one in told.items()}
    print({name.rpartition("/")[2] or name: round(seconds, 2) for name, seconds in took.items()})  # noqa: T201
    assert max(took.values()) <= WITHIN_S, took
    log = gateway.logs()
    for caller, one in told.items():
        assert one.params["ErrorUrl"].startswith(callers[caller].rstrip("/"))
        lines = [line for line in log.splitlines() if one.params["CallSid"] in line and one.params["ErrorCode"] in line]
        assert lines, callers[caller]


@pytest.mark.exact
@pytest.mark.parametrize("gateway", [{"rtp_ports": (first := free_ports(300), first + 299)}], indirect=True)
async def test_a_hundred_webhooks_that_hang_leave_another_calls_sound_whole(gateway: Gateway) -> None:
    application = gateway.application
    application.serves("/long.wav", tone_wav(440, seconds=12))
    application.answers("/fallback", "<Response><Reject/></Response>")
    async with hostile() as url:
        hangs = f"<Response><Redirect>{url}/silent</Redirect></Response>"
        plays = "<Response><Play>/long.wav</Play></Response>"
        application.answers("/number", lambda asked: plays if asked["From"] == "+15557654321" else hangs)
        async with RtpPhone(gateway.sip, NUMBER) as phone:
            await phone.hears()
            hung = [RtpPhone(gateway.sip, NUMBER, caller=f"+1555700{number:04}") for number in range(HUNG)]
            for one in hung:
                await one.__aenter__()
                await asyncio.sleep(0.02)
            await application.wait_for("/number", count=HUNG + 1)
            already = len(phone.packets)
            await asyncio.sleep(6)  # all of them hang
            gaps = phone.gaps()[already:]
            for one in hung:
                await one.__aexit__(None, None, None)
        assert not application.all("/fallback"), "all of them hung meanwhile"
    late = [round(1000 * gap) for gap in gaps if gap > GAP_S]
    print("packets:", len(gaps), "longest gap (ms):", round(1000 * max(gaps)), "over 30 ms:", late)  # noqa: T201
    assert len(gaps) > 250
    assert len(late) <= 1, late
    assert phone.sound().size
