"""Audio for `<Play>`.

| what the application says | what is played |
|---|---|
| 200 with an audio type | that file |
| 304 to the ETag or the date that we have | the file that we have |
| 200 without an ETag, again | the new file; whoever plays the old one goes on with it |
| another type | 12300 |
| no 2xx, a bad URL | its own code |
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from gateway.audio import AudioFiles
from gateway.twiml.control import DocumentFault
from gateway.webhooks.client import Fetch, WebhookClient
from gateway.webhooks.guard import Guard
from gateway.webhooks.visit import Visit
from tests.fakes.twilio_app import TwilioApp


@pytest.fixture
async def app() -> AsyncIterator[TwilioApp]:
    async with TwilioApp() as app:
        yield app


@pytest.fixture
async def audio(tmp_path: Path) -> AsyncIterator[AudioFiles]:
    async with WebhookClient(auth_token="token", guard=Guard(("127.0.0.0/8",))) as client:
        yield AudioFiles(client, tmp_path / "audio")


async def test_a_file_is_fetched_by_a_signed_get_without_parameters(app: TwilioApp, audio: AudioFiles) -> None:
    app.answers("/a", b"RIFF1", content_type="audio/x-wav")
    path = await audio.fetch(app.url + "/a")
    assert (path.read_bytes(), path.suffix) == (b"RIFF1", ".wav")
    (asked,) = app.asked
    assert (asked.method, asked.params) == ("GET", {})
    assert asked.is_signed


async def test_a_file_is_fetched_with_the_login_of_its_call(app: TwilioApp, tmp_path: Path) -> None:
    async def serve(request: web.Request) -> web.StreamResponse:
        if "Authorization" not in request.headers:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="files"'})
        return web.Response(body=b"ID3", content_type="audio/mpeg")

    app.serves("/voice", serve)
    app.serves("/a", serve)
    visits = {"CA1": Visit(), "CA2": Visit()}
    async with WebhookClient(auth_token="token", guard=Guard(("127.0.0.0/8",))) as client:
        audio = AudioFiles(client, tmp_path / "audio", visits.__getitem__)
        await client.fetch(Fetch(url=app.url.replace("//", "//ann:pw@") + "/voice"), visits["CA1"])
        assert (await audio.fetch(app.url + "/a", "CA1")).read_bytes() == b"ID3"
        with pytest.raises(DocumentFault):
            await audio.fetch(app.url + "/a", "CA2")


async def test_what_has_not_changed_is_not_sent_again(app: TwilioApp, audio: AudioFiles) -> None:
    async def serve(request: web.Request) -> web.StreamResponse:
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        return web.Response(body=b"ID3", content_type="audio/mpeg", headers={"ETag": '"1"'})

    app.serves("/a", serve)
    first, second = [await audio.fetch(app.url + "/a") for _ in range(2)]
    assert first == second
    assert second.read_bytes() == b"ID3"
    assert ["If-None-Match" in asked.headers for asked in app.asked] == [False, True]
    second.unlink()
    assert (await audio.fetch(app.url + "/a")).read_bytes() == b"ID3"


async def test_a_date_does_where_there_is_no_tag(app: TwilioApp, audio: AudioFiles) -> None:
    date = "Tue, 17 Aug 2010 00:58:43 GMT"

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.headers.get("If-Modified-Since") == date:
            return web.Response(status=304)
        return web.Response(body=b"ID3", content_type="audio/mpeg", headers={"Last-Modified": date})

    app.serves("/a", serve)
    assert await audio.fetch(app.url + "/a") == await audio.fetch(app.url + "/a")
    assert ["If-Modified-Since" in asked.headers for asked in app.asked] == [False, True]


async def test_whoever_plays_an_older_file_of_that_name_hears_it_to_its_end(app: TwilioApp, audio: AudioFiles) -> None:
    app.answers("/a", b"older and longer", b"newer", content_type="audio/wav")
    with (await audio.fetch(app.url + "/a")).open("rb", buffering=0) as playing:
        assert playing.read(5) == b"older"
        newer = await audio.fetch(app.url + "/a")
        assert playing.read() == b" and longer"
    assert newer.read_bytes() == b"newer"
    assert list(newer.parent.iterdir()) == [newer]


async def test_calls_that_want_the_same_at_once_all_get_it_whole(app: TwilioApp, audio: AudioFiles) -> None:
    app.answers("/a", b"x" * 100_000, content_type="audio/basic")
    paths = await asyncio.gather(*(audio.fetch(app.url + "/a") for _ in range(5)))
    assert {path.read_bytes() for path in paths} == {b"x" * 100_000}


@pytest.mark.parametrize(
    ("path", "content_type", "code"),
    [("/a", "text/html", 12300), ("/a", "video/mp4", 12300), ("/none", "audio/wav", 11200)],
)
async def test_what_is_no_audio_can_not_be_played(
    app: TwilioApp, audio: AudioFiles, path: str, content_type: str, code: int
) -> None:
    app.answers("/a", b"<html/>", content_type=content_type)
    with pytest.raises(DocumentFault) as caught:
        await audio.fetch(app.url + path)
    assert caught.value.code == code
    assert caught.value.url == app.url + path
