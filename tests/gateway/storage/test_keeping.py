"""Recordings after the call: into an object store (moto, a real S3 server on a socket), back from it, and out of it for good."""

from __future__ import annotations

import asyncio
import os
import sys
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp
import numpy as np
import obstore
import pytest
from obstore.store import S3Store

from gateway.storage.keeping import Keeping
from gateway.storage.media import Media, NoSuchMedia
from gateway.storage.models import RecordingRow
from gateway.storage.objects import Bucket, NoSuchObject, ObjectsAway
from gateway.storage.opening import StorageFault
from gateway.storage.store import Store
from gateway.storage.workshop import Workshop
from gateway.storage.writing import copy_of
from tests.gateway.rows import NOON, recording_row
from tests.peers.ports import LOOPBACK, free_ports

KEY = f"2026/11/21/{recording_row(1).sid}.wav"


class S3:
    """One S3 server, with a bucket; `stop` and `start` are an outage."""

    def __init__(self) -> None:
        self.port = free_ports(1)
        self.process: asyncio.subprocess.Process | None = None

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(self.port)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        credential = "Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x"
        async with aiohttp.ClientSession() as session, asyncio.timeout(30):
            while True:
                with suppress(aiohttp.ClientError):
                    headers = {"Authorization": f"AWS4-HMAC-SHA256 {credential}"}
                    async with session.put(f"{self.endpoint}/calls", headers=headers) as response:
                        assert response.status == 200
                        return
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def bucket(self) -> Bucket:
        return Bucket("s3://calls/of/mine", endpoint=self.endpoint, region="us-east-1")

    def keys(self) -> list[str]:
        """What the server holds, asked by another client."""
        store = S3Store("calls", endpoint=self.endpoint, region="us-east-1", client_options={"allow_http": True})
        return sorted(one["path"] for page in obstore.list(store) for one in page)


@pytest.fixture
async def s3(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[S3]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    one = S3()
    await one.start()
    yield one
    await one.stop()


def tone(path: Path, seconds: float = 1.0, channels: int = 2) -> bytes:
    at = np.arange(int(seconds * 8000)) / 8000
    voice = (9000 * np.sin(2 * np.pi * 440 * at)).astype("<i2")
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(2)
        written.setframerate(8000)
        written.writeframes(np.repeat(voice, channels).tobytes())
    return path.read_bytes()


def kill_workers() -> None:
    """Those that this process has started."""
    for child in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="ascii").split():
        if b"gateway.storage.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(int(child), 9)


async def until(is_so: Callable[[], bool], within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def row_of(store: Store) -> RecordingRow:
    row = await store.get(RecordingRow, recording_row(1).sid)
    assert row is not None
    return row


async def test_a_recording_goes_to_the_bucket_comes_back_when_asked_for_and_goes_for_good(
    s3: S3, tmp_path: Path
) -> None:
    folder = tmp_path / "spool"
    async with Store(f"sqlite:///{tmp_path}/one.db") as store, Workshop(1) as workshop:
        media = Media(folder, workshop, s3.bucket())
        path = media.path(recording_row(1).sid, NOON)
        whole = tone(path)
        await store.save(before := recording_row(1))
        assert await media.wherever(before) == path
        async with Keeping(store, media, makes_mp3=True) as keeping:
            await until(lambda: keeping.waiting == 0)
            moved = await media.wherever(copy_of(before))
            assert (moved != path, moved.read_bytes() == whole) == (True, True), "whoever has not heard of it finds it"
            assert s3.keys() == [f"of/mine/{KEY}".replace(".wav", ".mp3"), f"of/mine/{KEY}"]
            assert not path.exists(), "the folder is only a spool"
            row = await row_of(store)
            assert row.kept == "objects"

            found = await media.find(row, "wav", None)
            assert found.read_bytes() == whole
            assert (await media.find(row, "mp3", None)).stat().st_size > 1000
            with wave.open(str(await media.find(row, "wav", 1))) as mixed:
                assert mixed.getnchannels() == 1
            assert (await media.picture(row)).read_text(encoding="utf-8").startswith("<svg")

            await store.save(copy_of(row, deleted_at=NOON))
            keeping.keep(row.sid)
            await until(lambda: keeping.waiting == 0)
            assert s3.keys() == []
            assert [one for one in folder.rglob("*") if one.is_file()] == []
            with pytest.raises(NoSuchMedia):
                await media.find(await row_of(store), "wav", None)


async def test_the_local_file_stays_until_the_bucket_has_it_over_an_outage_and_a_restart(
    s3: S3, tmp_path: Path
) -> None:
    await s3.stop()
    async with Store(f"sqlite:///{tmp_path}/one.db") as store, Workshop(1) as workshop:
        media = Media(tmp_path / "spool", workshop, s3.bucket())
        path = media.path(recording_row(1).sid, NOON)
        whole = tone(path)
        await store.save(recording_row(1))
        async with Keeping(store, media, retry_s=(0.05,)) as keeping:
            keeping.keep(recording_row(1).sid)
            await asyncio.sleep(0.5)
            assert keeping.waiting == 1
        assert path.read_bytes() == whole
        assert (await row_of(store)).kept == ""
        assert (await media.find(await row_of(store), "wav", None)) == path, "it is served from where it is"
        async with Keeping(store, media, retry_s=(0.05,)) as keeping:  # another start: still away, then there again
            await asyncio.sleep(0.3)
            await s3.start()
            await until(lambda: keeping.waiting == 0)
        assert s3.keys() == [f"of/mine/{KEY}"]
        assert not path.exists()


async def test_what_the_bucket_does_not_have_and_a_bucket_that_is_away_are_told_apart(s3: S3, tmp_path: Path) -> None:
    bucket = s3.bucket()
    await bucket.delete("2026/11/21/none.wav")
    with pytest.raises(NoSuchObject):
        await bucket.get("2026/11/21/none.wav", tmp_path / "x")
    elsewhere = Bucket("s3://no-such-bucket", endpoint=s3.endpoint, region="us-east-1")
    (tmp_path / "some.wav").write_bytes(b"sound")
    with pytest.raises((ObjectsAway, OSError)):
        await elsewhere.put("some.wav", tmp_path / "some.wav")
    await s3.stop()
    async with Workshop(1) as workshop:
        media = Media(tmp_path / "spool", workshop, bucket)
        with pytest.raises(ObjectsAway):
            await media.find(recording_row(1, kept="objects"), "wav", None)
    assert not [one for one in (tmp_path / "spool").rglob("*") if one.is_file()], "half a file is none"


def test_a_url_that_means_nothing_names_the_setting() -> None:
    with pytest.raises(StorageFault, match=r"storage\.recordings"):
        Bucket("s3://", endpoint="nonsense")


async def test_mp3s_are_made_after_the_call_where_that_is_set(tmp_path: Path) -> None:
    async with Store(f"sqlite:///{tmp_path}/one.db") as store, Workshop(1) as workshop:
        media = Media(tmp_path / "recordings", workshop)
        path = media.path(recording_row(1).sid, NOON)
        tone(path)
        await store.save(recording_row(1))
        async with Keeping(store, media, makes_mp3=True) as keeping:
            keeping.keep(recording_row(1).sid)
            await until(lambda: keeping.waiting == 0)
        assert path.with_suffix(".mp3").stat().st_size > 1000
        assert path.exists()
        assert workshop.figures().done == {"shape": 1}


async def test_what_is_known_of_a_deleted_recording_goes_after_forty_days(tmp_path: Path) -> None:
    async with Store(f"sqlite:///{tmp_path}/one.db") as store, Workshop(1) as workshop:
        await store.save(recording_row(1, deleted_at=NOON.replace(year=2020)), recording_row(2))
        async with Keeping(store, Media(tmp_path / "recordings", workshop)):
            pass
        assert await store.get(RecordingRow, recording_row(1).sid) is None
        assert await store.get(RecordingRow, recording_row(2).sid) is not None


async def test_a_worker_that_dies_fails_its_job_and_the_next_one_is_done(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"{recording_row(1).sid}.wav"
    tone(path, 60.0)
    async with Workshop(1) as workshop:
        target = tmp_path / "a.mp3"
        job = {"job": "shape", "source": str(path), "target": str(target), "kind": "mp3", "mixed": False}
        task = asyncio.create_task(workshop.do(job))
        await until(lambda: bool(workshop.figures().running))
        kill_workers()
        with pytest.raises(Exception, match="the worker has gone"):
            await task
        await workshop.do(job)
        assert target.stat().st_size > 100_000
        assert (workshop.figures().failed, workshop.figures().done) == ({"shape": 1}, {"shape": 1})
    capfd.readouterr()
