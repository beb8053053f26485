"""The client against a real server.

| what the application does | what comes of it |
|---|---|
| 2xx | Reply with body, type, charset, final URL |
| 301 302 303 after POST | GET, parameters in the query |
| 307 308 | the same method and form |
| more than 10 redirects | 11215 |
| 401 with userinfo in the URL | once more with Basic or Digest; then for the whole call |
| Set-Cookie | sent back in the same call, not in another |
| 4xx, 5xx | 11200; again only if `rp` says so |
| nothing, or a byte now and then | 11200 at `tt` |
| refused, no such name, private | 11202, 11210, 11200 |
| more than 64 KiB, also packed | 11750 |
| no HTTP, broken packing | 11206 |
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import Any

import pytest
from aiohttp import web

from gateway.errors import WebhookFault
from gateway.webhooks.callbacks import Callbacks
from gateway.webhooks.client import Exchange, Fetch, WebhookClient
from gateway.webhooks.guard import Guard
from gateway.webhooks.visit import Visit
from tests.fakes.twilio_app import TwilioApp

DOCUMENT = "<Response/>"
PARAMS = (("CallSid", "CA1"), ("From", "+1 555"), ("Name", "Zoë & co=1"), ("Name", "again"))


async def fails(client: WebhookClient, url: str, *, method: str = "POST", visit: Visit | None = None) -> WebhookFault:
    with pytest.raises(WebhookFault) as caught:
        await client.fetch(Fetch(url=url, method=method, params=PARAMS), visit)
    return caught.value


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("path", ["/voice", "/voice?a=1&b=x%20y&c=ü", "/v%2Fw/é?q=a+b", ""])
async def test_every_request_carries_a_signature_that_the_library_accepts(
    app: TwilioApp, client: WebhookClient, method: str, path: str
) -> None:
    for served in ("/voice", "/v/w/é", "/"):
        app.answers(served, DOCUMENT)
    reply = await client.fetch(Fetch(url=app.url + path, method=method, params=PARAMS))
    assert reply.body == DOCUMENT.encode()
    assert (reply.content_type, reply.status) == ("text/xml", 200)
    (asked,) = app.asked
    assert asked.is_signed
    assert asked.method == method
    assert asked.params["From"] == "+1 555"
    assert bool(asked.form) == (method == "POST")


async def test_a_form_is_written_as_twilio_writes_it(app: TwilioApp, client: WebhookClient) -> None:
    app.answers("/voice", DOCUMENT)
    await client.fetch(Fetch(url=app.url + "/voice", params=PARAMS))
    (asked,) = app.asked
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    assert asked.headers["User-Agent"] == "TwilioProxy/1.1"
    assert asked.form.getall("Name") == ["Zoë & co=1", "again"]


async def test_the_url_of_a_reply_is_the_documents_own(app: TwilioApp, client: WebhookClient) -> None:
    app.answers("/voice", DOCUMENT)
    reply = await client.fetch(Fetch(url=f"{app.url}/voice?x=1#rc=2", method="GET", params=PARAMS))
    assert reply.url == f"{app.url}/voice?x=1"


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (302, "GET", "GET"),
    ],
)
async def test_redirects_are_followed_and_signed_anew(
    app: TwilioApp, client: WebhookClient, status: int, method: str, then: str
) -> None:
    app.answers("/old", "", status=status, headers={"Location": "new?x=1&CallSid=kept"})
    app.answers("/new", DOCUMENT)
    reply = await client.fetch(Fetch(url=app.url + "/old", method=method, params=PARAMS))
    assert reply.url == f"{app.url}/new?x=1&CallSid=kept"
    last = app.asked[-1]
    assert (last.path, last.method, last.is_signed) == ("/new", then, True)
    assert last.params["From"] == "+1 555"
    assert last.params["CallSid"] == ("kept" if then == "GET" else "CA1")


async def test_an_endless_redirect_is_11215(app: TwilioApp, client: WebhookClient) -> None:
    app.answers("/loop", "", status=302, headers={"Location": "/loop"})
    assert (await fails(client, app.url + "/loop")).code == 11215
    assert len(app.asked) == 11


@pytest.mark.parametrize("location", ["ftp://x/y", "http://[::1", "file:///etc/passwd", "http://a_b/"])
async def test_a_redirect_to_what_is_no_web_url_is_11100(app: TwilioApp, client: WebhookClient, location: str) -> None:
    app.answers("/voice", "", status=302, headers={"Location": location})
    assert (await fails(client, app.url + "/voice")).code == 11100


async def test_a_redirect_to_a_private_address_is_refused(app: TwilioApp, client: WebhookClient) -> None:
    app.answers("/voice", "", status=302, headers={"Location": "http://169.254.169.254/latest/meta-data"})
    fault = await fails(client, app.url + "/voice")
    assert (fault.code, fault.url) == (11200, "http://169.254.169.254/latest/meta-data")


@pytest.mark.parametrize("status", [300, 304, 400, 404, 500, 503])
async def test_anything_but_2xx_is_11200(app: TwilioApp, client: WebhookClient, status: int) -> None:
    app.answers("/voice", DOCUMENT, status=status)
    fault = await fails(client, app.url + "/voice")
    assert (fault.code, fault.status, fault.url) == (11200, status, app.url + "/voice")
    assert len(app.asked) == 1


@pytest.mark.parametrize(
    ("fragment", "asked"),
    [("rc=2", 1), ("rc=2&rp=5xx", 3), ("rc=2&rp=4xx", 1), ("rc=5&rp=all", 6), ("rp=5xx", 2), ("rc=0&rp=5xx", 1)],
)
async def test_retries_follow_the_fragment(app: TwilioApp, client: WebhookClient, fragment: str, asked: int) -> None:
    app.answers("/voice", DOCUMENT, status=500)
    await fails(client, f"{app.url}/voice#{fragment}")
    assert len(app.asked) == asked
    assert all(one.is_signed for one in app.asked)


async def test_a_request_keeps_its_idempotency_token_over_retries(app: TwilioApp, client: WebhookClient) -> None:
    app.answers("/voice", DOCUMENT, status=503)
    for _ in range(2):
        await fails(client, app.url + "/voice#rc=2&rp=5xx")
    tokens = [asked.headers["I-Twilio-Idempotency-Token"] for asked in app.asked]
    assert tokens == [tokens[0]] * 3 + [tokens[3]] * 3
    assert tokens[0] != tokens[3]


async def test_a_promised_request_names_its_own_token(app: TwilioApp, client: WebhookClient) -> None:
    app.answers("/status", "")
    assert await Callbacks(client).post(app.url + "/status", "POST", PARAMS, "token-1") == 200
    assert app.asked[0].headers["I-Twilio-Idempotency-Token"] == "token-1"


async def test_a_retry_that_succeeds_is_the_answer(app: TwilioApp, client: WebhookClient) -> None:
    failing: list[int] = [500, 502]

    async def serve(request: web.Request) -> web.StreamResponse:
        return web.Response(status=failing.pop() if failing else 200, text=DOCUMENT, content_type="text/xml")

    app.serves("/voice", serve)
    reply = await client.fetch(Fetch(url=app.url + "/voice#rc=3&rp=5xx"))
    assert reply.body == DOCUMENT.encode()
    assert len(app.asked) == 3


@pytest.mark.parametrize("fragment", ["tt=150", "rt=150"])
async def test_an_application_that_hangs_costs_no_more_than_its_time(
    app: TwilioApp, client: WebhookClient, fragment: str
) -> None:
    app.hangs("/voice")
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await fails(client, f"{app.url}/voice#{fragment}")).code == 11200
    assert 0.1 <= loop.time() - began < 1


async def test_a_trickling_body_is_cut_off_at_the_total_time(app: TwilioApp, client: WebhookClient) -> None:
    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/xml"})
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response

    app.serves("/voice", trickle)
    assert (await fails(client, app.url + "/voice#tt=200")).code == 11200


@pytest.mark.parametrize("coding", ["", "gzip", "deflate"])
async def test_a_body_beyond_64_kib_is_11750_also_when_packed(
    app: TwilioApp, client: WebhookClient, coding: str
) -> None:
    packed: dict[str, Any] = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress}
    headers = {"Content-Encoding": coding} if coding else {}
    app.answers("/most", packed[coding](b" " * 65_536), headers=headers)
    app.answers("/more", packed[coding](b" " * 65_537), headers=headers)
    assert len((await client.fetch(Fetch(url=app.url + "/most"))).body) == 65_536
    assert (await fails(client, app.url + "/more")).code == 11750


async def test_a_bomb_is_not_unpacked(app: TwilioApp, client: WebhookClient) -> None:
    app.answers("/bomb", gzip.compress(b"\0" * 100_000_000), headers={"Content-Encoding": "gzip"})
    assert (await fails(client, app.url + "/bomb")).code == 11750


@pytest.mark.parametrize(
    ("coding", "body"), [("gzip", b"no gzip at all"), ("gzip", gzip.compress(DOCUMENT.encode())[:-9]), ("br", b"x")]
)
async def test_a_body_that_does_not_unpack_is_11206(
    app: TwilioApp, client: WebhookClient, coding: str, body: bytes
) -> None:
    app.answers("/voice", body, headers={"Content-Encoding": coding})
    assert (await fails(client, app.url + "/voice")).code == 11206


async def test_a_bodys_type_and_charset_are_told(app: TwilioApp, client: WebhookClient) -> None:
    app.answers("/voice", "ü".encode("latin-1"), content_type="Text/Plain; charset=ISO-8859-1")
    reply = await client.fetch(Fetch(url=app.url + "/voice"))
    assert (reply.content_type, reply.charset.lower(), reply.body) == ("text/plain", "iso-8859-1", b"\xfc")


async def test_audio_is_not_read_but_left_to_play(app: TwilioApp, client: WebhookClient) -> None:
    app.answers("/hold.mp3", b"\0" * 1_000_000, content_type="audio/mpeg")
    reply = await client.fetch(Fetch(url=app.url + "/hold.mp3"))
    assert (reply.content_type, reply.body) == ("audio/mpeg", b"")


async def test_cookies_stay_with_their_call(app: TwilioApp, client: WebhookClient) -> None:
    async def serve(request: web.Request) -> web.StreamResponse:
        response = web.Response(text=DOCUMENT, content_type="text/xml")
        response.set_cookie("session", request.query.get("as", "none"), path="/")
        return response

    app.serves("/first", serve)
    app.answers("/next", DOCUMENT)
    visit, other = Visit(), Visit()
    await client.fetch(Fetch(url=app.url + "/first?as=alice"), visit)
    await client.fetch(Fetch(url=app.url + "/next"), visit)
    await client.fetch(Fetch(url=app.url + "/next"), other)
    mine, others = app.of("/next")
    assert mine.headers["Cookie"] == "session=alice"
    assert "Cookie" not in others.headers


async def test_an_application_can_not_fill_the_memory_with_cookies(app: TwilioApp, client: WebhookClient) -> None:
    async def serve(request: web.Request) -> web.StreamResponse:
        response = web.Response(text=DOCUMENT)
        response.set_cookie(f"c{request.query['n']}", "x")
        return response

    app.serves("/voice", serve)
    visit = Visit()
    for n in range(60):
        await client.fetch(Fetch(url=f"{app.url}/voice?n={n}"), visit)
    await client.fetch(Fetch(url=f"{app.url}/voice?n=0"), visit)
    assert app.asked[-1].headers["Cookie"].count("=x") == 50


def guarded(challenge: str) -> Any:  # noqa: ANN401 - a handler
    async def serve(request: web.Request) -> web.StreamResponse:
        if "Authorization" not in request.headers:
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        return web.Response(text=DOCUMENT, content_type="text/xml")

    return serve


@pytest.mark.parametrize(
    ("challenge", "scheme"),
    [('Basic realm="x"', "Basic YWxpY2U6czNjcmV0"), ('Digest realm="x", nonce="n", qop="auth"', "Digest username=")],
)
async def test_userinfo_is_used_only_after_a_401_and_then_for_the_whole_call(
    app: TwilioApp, client: WebhookClient, challenge: str, scheme: str
) -> None:
    app.serves("/voice", guarded(challenge))
    visit = Visit()
    with_user = app.url.replace("://", "://alice:s3cret@") + "/voice"
    reply = await client.fetch(Fetch(url=with_user, params=PARAMS), visit)
    assert "alice" not in reply.url
    await client.fetch(Fetch(url=app.url + "/voice", params=PARAMS), visit)
    first, again, later = app.asked
    assert "Authorization" not in first.headers
    assert again.headers["Authorization"].startswith(scheme)
    assert later.headers["Authorization"].startswith(scheme)
    assert all(one.is_signed for one in app.asked)
    if scheme.startswith("Digest"):
        assert ("nc=00000001" in again.headers["Authorization"], "nc=00000002" in later.headers["Authorization"]) == (
            True,
            True,
        )


async def test_a_401_without_userinfo_is_11200_and_wrong_credentials_are_sent_once(
    app: TwilioApp, client: WebhookClient
) -> None:
    app.answers("/voice", "", status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
    assert (await fails(client, app.url + "/voice")).status == 401
    assert len(app.asked) == 1
    assert (await fails(client, app.url.replace("://", "://a:b@") + "/voice")).status == 401
    assert len(app.asked) == 3


async def test_a_refused_connection_is_tried_twice_and_is_11202(client: WebhookClient, unused_tcp_port: int) -> None:
    assert (await fails(client, f"http://127.0.0.1:{unused_tcp_port}/")).code == 11202


async def test_an_unknown_host_is_11210(client: WebhookClient) -> None:
    assert (await fails(client, "http://no-such-host.invalid/")).code == 11210


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b""])
async def test_what_is_no_http_is_11206(client: WebhookClient, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert (await fails(client, f"http://127.0.0.1:{port}/")).code == 11206


async def test_plain_http_at_a_tls_url_is_11220(app: TwilioApp, client: WebhookClient) -> None:
    assert (await fails(client, app.url.replace("http:", "https:") + "/voice")).code == 11220


@pytest.mark.parametrize(
    "url",
    ["", "voice", "/voice", "ftp://x/", "http://", "http://a_b/", "http://[::1", "http://x:99999/", "http://x y/"],
)
async def test_what_is_no_web_url_is_11100(client: WebhookClient, url: str) -> None:
    assert (await fails(client, url)).code == 11100


async def test_a_bin_is_answered_without_a_request(client: WebhookClient) -> None:
    reply = await client.fetch(Fetch(url="bin:hello", params=(("To", "<b>"),)))
    assert reply.body == b"<Response><Say>&lt;b&gt;</Say></Response>"
    assert (await fails(client, "bin:other")).code == 11200


async def test_exchanges_are_told_of_answers_and_of_faults(
    app: TwilioApp, client: WebhookClient, exchanges: list[Exchange]
) -> None:
    app.answers("/voice", DOCUMENT)
    await client.fetch(Fetch(url=app.url + "/voice"))
    await fails(client, app.url + "/other")
    good, bad = exchanges
    assert good.reply is not None
    assert good.reply.body == DOCUMENT.encode()
    assert bad.fault is not None
    assert bad.fault.status == 404


async def test_a_closed_idle_connection_costs_no_call(app: TwilioApp) -> None:
    """A server may close a connection in the very moment we use it again: then nothing was asked, and we ask again."""
    served: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(1)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 11\r\n\r\n<Response/>")
        await reader.readuntil(b"\r\n\r\n") if len(served) == 1 else None
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, WebhookClient(auth_token="t", guard=Guard(("127.0.0.0/8",))) as client:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        for _ in range(2):
            assert (await client.fetch(Fetch(url=url, method="GET"))).body == b"<Response/>"
    assert len(served) == 2
