"""Recordings by the genuine helper library (rest.md section 3), and their sound as players fetch it."""

from __future__ import annotations

import io
import struct
import wave
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from twilio.base.exceptions import TwilioRestException

from gateway.api.ports import RecordingChange
from gateway.api.sounds import Unsatisfiable, ranges_of
from gateway.storage.models import RecordingRow
from gateway.twiml.control import RecordingPlan, StatusCallback
from tests.gateway.api.conftest import RECORDING, Gateway
from tests.gateway.rows import ACCOUNT, call_row, conference_row, recording_row

CALL, SID = call_row(1).sid, recording_row(1).sid
SECOND = 8000


def tone(path: Path, *frequencies_hz: int, seconds: int = 1) -> bytes:
    """A WAV with a tone in each channel."""
    at = np.arange(SECOND * seconds) / SECOND
    voices = np.stack([np.sin(2 * np.pi * hz * at) * 8000 for hz in frequencies_hz], axis=1).astype("<i2")
    with wave.open(str(path), "wb") as written:
        written.setnchannels(len(frequencies_hz))
        written.setsampwidth(2)
        written.setframerate(SECOND)
        written.writeframes(voices.tobytes())
    return path.read_bytes()


def loudest_hz(samples: Any) -> list[int]:  # noqa: ANN401 - an array
    """The one or two strongest frequencies."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float)[:SECOND]))
    return sorted(int(hz) for hz in np.argsort(spectrum)[-2:] if spectrum[hz] > spectrum.max() / 4)


async def live_call(gateway: Gateway) -> None:
    gateway.live.there.add(CALL)
    await gateway.store.save(call_row(1, status="in-progress"))


# -- start, pause, stop ---------------------------------------------------------------------------------------------


async def test_a_recording_that_has_begun_is_no_failure_while_the_database_is_away(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await live_call(gateway)
    kept = gateway.store.get

    async def get(kind: type[Any], key: str) -> Any:  # noqa: ANN401 - a row
        if kind is RecordingRow:
            raise ConnectionRefusedError
        return await kept(kind, key)

    monkeypatch.setattr(gateway.store, "get", get)
    found = await gateway.ask(lambda c: c.calls(CALL).recordings.create())
    assert (found.sid, found.status) == (RECORDING, "in-progress")


async def test_a_recording_of_a_live_call_is_started_as_asked(gateway: Gateway) -> None:
    await live_call(gateway)
    found = await gateway.ask(
        lambda c: c.calls(CALL).recordings.create(
            recording_channels="dual",
            recording_status_callback="http://a/r",
            recording_status_callback_event=["in-progress", "completed"],
        )
    )
    assert (found.sid, found.call_sid, found.status, found.channels, found.track) == (
        RECORDING,
        CALL,
        "in-progress",
        2,
        "both",
    )
    assert (found.source, found.duration) == ("StartCallRecordingAPI", "-1")
    callback = StatusCallback(url="http://a/r", events=frozenset({"in-progress", "completed"}))
    plan = RecordingPlan(channels=2, trim=False, callback=callback, source="StartCallRecordingAPI")
    assert gateway.live.told == [("record", CALL, plan)]


async def test_a_call_that_is_over_cannot_be_recorded(gateway: Gateway) -> None:
    await gateway.store.save(call_row(1))
    with pytest.raises(TwilioRestException) as caught:
        await gateway.ask(lambda c: c.calls(CALL).recordings.create())
    assert (caught.value.status, caught.value.code) == (400, 21220)


async def test_a_recording_is_paused_resumed_and_stopped_by_its_sid_or_as_the_current_one(gateway: Gateway) -> None:
    await live_call(gateway)
    await gateway.store.save(recording_row(1, sid=RECORDING, call_sid=CALL, status="in-progress"))
    paused = await gateway.ask(
        lambda c: c.calls(CALL).recordings(RECORDING).update(status="paused", pause_behavior="skip")
    )
    assert paused.status == "paused"
    await gateway.ask(lambda c: c.calls(CALL).recordings("Twilio.CURRENT").update(status="in-progress"))
    await gateway.ask(lambda c: c.calls(CALL).recordings("Twilio.CURRENT").update(status="stopped"))
    assert [told[1:] for told in gateway.live.told] == [
        (RECORDING, RecordingChange(status="paused", silence=False)),
        ("Twilio.CURRENT", RecordingChange(status="in-progress")),
        ("Twilio.CURRENT", RecordingChange(status="stopped")),
    ]


async def test_what_is_not_being_recorded_cannot_be_paused(gateway: Gateway) -> None:
    await live_call(gateway)
    for sid, status, code in (("RE" + "0" * 32, 404, 20404), ("Twilio.CURRENT", 400, 21220)):
        gateway.live.there.clear()
        answered, body, _ = await gateway.raw("POST", f"/Calls/{CALL}/Recordings/{sid}.json", data={"Status": "paused"})
        assert (answered, body["code"]) == (status, code), sid
    answered, body, _ = await gateway.raw("POST", f"/Calls/{CALL}/Recordings/{SID}.json", data={"Status": "rewound"})
    assert (answered, body["code"]) == (400, 20001)


# -- list, fetch, delete --------------------------------------------------------------------------------------------


async def test_lists_are_of_the_account_of_a_call_and_of_a_conference(gateway: Gateway) -> None:
    room = "CF" + "1" * 32
    await gateway.store.save(
        call_row(1),
        recording_row(1),
        recording_row(2, conference_sid=room),
        recording_row(3, account_sid="AC" + "f" * 32),
    )
    ask = gateway.ask
    assert [r.sid for r in await ask(lambda c: c.recordings.list())] == [recording_row(2).sid, SID]
    assert [r.sid for r in await ask(lambda c: c.recordings.list(call_sid=CALL))] == [SID]
    assert [r.sid for r in await ask(lambda c: c.recordings.list(conference_sid=room))] == [recording_row(2).sid]
    assert [r.sid for r in await ask(lambda c: c.calls(CALL).recordings.list())] == [SID]
    assert [r.sid for r in await ask(lambda c: c.conferences(room).recordings.list())] == [recording_row(2).sid]
    found = await ask(lambda c: c.recordings(SID).fetch())
    assert (found.duration, found.channels, found.source, found.error_code) == ("7", 2, "DialVerb", None)
    assert found.media_url == f"http://127.0.0.1:8080/2010-04-01/Accounts/{ACCOUNT}/Recordings/{SID}"
    for place in (f"/Calls/{CALL}/Recordings/{recording_row(2).sid}.json", f"/Recordings/{recording_row(3).sid}.json"):
        assert (await gateway.raw("GET", place))[0] == 404


async def test_a_deleted_recording_has_no_sound_and_is_seen_only_by_who_asks_for_it(gateway: Gateway) -> None:
    tone(gateway.folder / f"{SID}.wav", 440)
    await gateway.store.save(recording_row(1, channels=1))
    assert (await gateway.raw("GET", f"/Recordings/{SID}.mp3"))[0] == 200
    assert await gateway.ask(lambda c: c.recordings(SID).delete()) is True
    assert list(gateway.folder.iterdir()) == []
    for path in (f"/Recordings/{SID}", f"/Recordings/{SID}.mp3", f"/Recordings/{SID}.json"):
        assert (await gateway.raw("GET", path))[0] == 404, path
    assert await gateway.ask(lambda c: c.recordings.list()) == []
    (kept,) = await gateway.ask(lambda c: c.recordings.list(include_soft_deleted=True))
    assert (kept.sid, kept.status) == (SID, "deleted")
    assert (await gateway.ask(lambda c: c.recordings(SID).fetch(include_soft_deleted=True))).status == "deleted"


async def test_a_recording_that_goes_on_cannot_be_deleted(gateway: Gateway) -> None:
    await gateway.store.save(recording_row(1, status="in-progress"))
    with pytest.raises(TwilioRestException) as caught:
        await gateway.ask(lambda c: c.recordings(SID).delete())
    assert (caught.value.status, caught.value.code) == (409, 20009)


async def test_a_failed_recording_is_absent_with_its_code(gateway: Gateway) -> None:
    await gateway.store.save(recording_row(1, status="failed", error_code=16100))
    found = await gateway.ask(lambda c: c.recordings(SID).fetch())
    assert (found.status, found.error_code) == ("absent", 16100)
    assert (await gateway.raw("GET", f"/Recordings/{SID}"))[0] == 404


# -- sound ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"/Recordings/{SID}", f"/Recordings/{SID}.wav"])
async def test_the_sound_is_the_wav_as_recorded_and_its_sid_is_secret_enough(gateway: Gateway, path: str) -> None:
    whole = tone(gateway.folder / f"{SID}.wav", 440, 880)
    await gateway.store.save(recording_row(1))
    status, body, headers = await gateway.raw("GET", path, user="")
    assert (status, body) == (200, whole)
    assert headers["Content-Type"] == "audio/wav"
    again = await gateway.raw("GET", path, headers={"If-None-Match": headers["ETag"]})
    assert again[0] == 304
    status, body, headers = await gateway.raw("HEAD", path)
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) == len(whole)


async def test_a_part_of_the_sound(gateway: Gateway) -> None:
    whole = tone(gateway.folder / f"{SID}.wav", 440)
    await gateway.store.save(recording_row(1, channels=1))
    status, body, headers = await gateway.raw("GET", f"/Recordings/{SID}.wav", headers={"Range": "bytes=44-143"})
    assert (status, body) == (206, whole[44:144])
    assert headers["Content-Range"] == f"bytes 44-143/{len(whole)}"
    assert (await gateway.raw("GET", f"/Recordings/{SID}.wav", headers={"Range": f"bytes={len(whole)}-"}))[0] == 416


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-0", [(0, 1)]), ("bytes=90-", [(90, 100)]), ("bytes=-1", [(99, 100)]), ("bytes=-999", [(0, 100)]),
        ("BYTES=5-999", [(5, 100)]), ("bytes= 0-1", [(0, 2)]), ("bytes=0-1, 5-6,", [(0, 2), (5, 7)]),
        ("bytes=0-1,200-", [(0, 2)]), ("items=0-1", None), ("nonsense", None), ("bytes=" + "0-0," * 17, None),
    ],
)  # fmt: skip
def test_a_range_names_bytes(header: str, wanted: list[tuple[int, int]] | None) -> None:
    found = ranges_of(header, 100)
    assert wanted == (None if found is None else [(span.start, span.stop) for span in found])


@pytest.mark.parametrize(
    "header",
    ["bytes=-0", "bytes=100-", "bytes=5-2", "bytes=", "bytes=-", "bytes=abc", "bytes=--1", "bytes=1", "bytes=１-2"],
)
def test_a_range_of_nothing_is_refused(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        ranges_of(header, 100)


async def test_parts_of_the_sound_as_long_as_it_is_the_same(gateway: Gateway) -> None:
    whole = tone(gateway.folder / f"{SID}.wav", 440)
    await gateway.store.save(recording_row(1, channels=1))

    async def ask(**headers: str) -> tuple[int, Any, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await gateway.raw("GET", f"/Recordings/{SID}.wav", headers=named)

    status, body, headers = await ask(Range="bytes=0-1,10-11")
    assert (status, headers["Content-Type"].partition(";")[0]) == (206, "multipart/byteranges")
    assert body.count(b"Content-Range: bytes ") == 2
    assert whole[:2] in body
    assert whole[10:12] in body
    etag, changed = headers["ETag"], (await ask())[2]["Last-Modified"]
    for same in (etag, changed):
        assert (await ask(Range="bytes=4-7", If_Range=same))[:2] == (206, whole[4:8])
    for other in ('"x"', f"W/{etag}", "Sat, 21 Nov 2020 00:00:00 GMT", "nonsense"):
        assert (await ask(Range="bytes=4-7", If_Range=other))[:2] == (200, whole)
    assert (await ask(Range="bytes=4-7", If_None_Match=etag))[0] == 304
    status, body, headers = await ask(Range="bytes=-0")
    assert (status, body["status"], headers["Content-Range"]) == (416, 416, f"bytes */{len(whole)}")


async def test_the_sound_lies_below_its_call_too(gateway: Gateway) -> None:
    whole = tone(gateway.folder / f"{SID}.wav", 440)
    await gateway.store.save(recording_row(1, channels=1, call_sid=CALL))
    assert (await gateway.raw("GET", f"/Calls/{CALL}/Recordings/{SID}.wav", user=""))[:2] == (200, whole)
    assert (await gateway.raw("GET", f"/Calls/CA{'0' * 32}/Recordings/{SID}.wav"))[0] == 404


async def test_the_recordings_of_a_call_that_never_was_are_not_found(gateway: Gateway) -> None:
    await gateway.store.save(call_row(2), recording_row(1, channels=1, call_sid=CALL))
    for path, status in (
        (f"/Calls/{CALL}", 200),  # it was deleted, its recordings were not
        (f"/Calls/{call_row(2).sid}", 200),
        (f"/Calls/CA{'0' * 32}", 404),
        (f"/Conferences/CF{'0' * 32}", 404),
    ):
        assert (await gateway.raw("GET", f"{path}/Recordings.json"))[0] == status, path


async def test_one_channel_of_two_holds_both_voices(gateway: Gateway) -> None:
    tone(gateway.folder / f"{SID}.wav", 440, 880)
    await gateway.store.save(recording_row(1))
    status, body, _ = await gateway.raw("GET", f"/Recordings/{SID}.wav?RequestedChannels=1")
    assert status == 200
    with wave.open(io.BytesIO(body)) as read:
        assert (read.getnchannels(), read.getframerate(), read.getsampwidth()) == (1, SECOND, 2)
        samples = np.frombuffer(read.readframes(SECOND), "<i2")
    assert loudest_hz(samples) == [440, 880]
    assert (await gateway.raw("GET", f"/Recordings/{SID}.wav?RequestedChannels=2"))[0] == 200


async def test_more_channels_than_there_are_is_400(gateway: Gateway) -> None:
    tone(gateway.folder / f"{SID}.wav", 440)
    await gateway.store.save(recording_row(1, channels=1))
    for wanted in ("2", "0", "x"):
        status, body, _ = await gateway.raw("GET", f"/Recordings/{SID}.wav?RequestedChannels={wanted}")
        assert (status, body["code"]) == (400, 20001)


async def test_mp3_is_made_once_and_keeps_the_channels_apart(gateway: Gateway) -> None:
    tone(gateway.folder / f"{SID}.wav", 440, 880, seconds=3)
    await gateway.store.save(recording_row(1))
    status, body, headers = await gateway.raw("GET", f"/Recordings/{SID}.mp3")
    assert (status, headers["Content-Type"]) == (200, "audio/mpeg")
    with av.open(io.BytesIO(body), "r") as read:
        sound = np.concatenate([frame.to_ndarray() for frame in read.decode(audio=0)], axis=1)
    assert sound.shape[0] == 2
    assert abs(sound.shape[1] - 3 * SECOND) < 2400
    assert [loudest_hz(channel[SECOND:]) for channel in sound] == [[440], [880]]
    made = (gateway.folder / f"{SID}.mp3").stat().st_mtime_ns
    assert (await gateway.raw("GET", f"/Recordings/{SID}.mp3"))[1] == body
    assert (gateway.folder / f"{SID}.mp3").stat().st_mtime_ns == made


async def test_a_file_that_is_no_sound_makes_no_mp3_and_leaves_nothing(
    gateway: Gateway, capfd: pytest.CaptureFixture[str]
) -> None:
    (gateway.folder / f"{SID}.wav").write_bytes(b"RIFF" + struct.pack("<I", 5) + b"nonsense")
    await gateway.store.save(recording_row(1))
    assert (await gateway.raw("GET", f"/Recordings/{SID}.mp3"))[0] == 404
    assert [path.name for path in gateway.folder.iterdir()] == [f"{SID}.wav"]
    assert SID in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "path",
    [
        "/Recordings/RE" + "0" * 32,
        "/Recordings/..%2f..%2fgateway.db",
        "/Recordings/%2e%2e/gateway.db",
        "/Recordings/RE" + "0" * 32 + "%2f..%2f..%2fgateway.db.wav",
        "/Recordings/RE" + "0" * 32 + ".flac",
    ],
)
async def test_tricks_with_paths_find_nothing(gateway: Gateway, path: str) -> None:
    assert (await gateway.raw("GET", path))[0] == 404


async def test_files_lie_by_the_day_in_utc_and_are_found_there(gateway: Gateway) -> None:
    row = recording_row(1, channels=1, started_at=datetime(2026, 12, 31, 23, 30, tzinfo=timezone(-timedelta(hours=5))))
    path = gateway.folder / "2027" / "01" / "01" / f"{SID}.wav"
    path.parent.mkdir(parents=True)
    whole = tone(path, 440)
    await gateway.store.save(row)
    assert (await gateway.raw("GET", f"/Recordings/{SID}.wav"))[:2] == (200, whole)
    status, body, headers = await gateway.raw("HEAD", f"/Recordings/{SID}.mp3")
    assert (status, body, headers["Content-Type"]) == (200, b"", "audio/mpeg")
    assert int(headers["Content-Length"]) > 1000
    assert headers["ETag"]
    assert await gateway.ask(lambda c: c.recordings(SID).delete()) is True
    assert [one for one in gateway.folder.rglob("*") if one.is_file()] == [], "nor what was made of it"


async def test_a_picture_shows_each_channel_and_what_happened(gateway: Gateway) -> None:
    tone(gateway.folder / f"{SID}.wav", 440, 880, seconds=2)
    marks: list[list[object]] = [[0.5, "answered"], [1.0, "key <5>"]]
    await gateway.store.save(recording_row(1, marks=marks))
    status, body, headers = await gateway.raw("GET", f"/Recordings/{SID}.svg", user="")
    assert (status, headers["Content-Type"]) == (200, "image/svg+xml")
    picture = ElementTree.fromstring(body)
    words = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"caller", "called", "answered", "key <5>", "2.0 s heard"} <= set(words)


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=5-1", "bytes=x-y", "lines=1-2"])
async def test_a_range_that_can_not_be_given_is_416_or_all_of_it_and_the_next_one_is_served(
    gateway: Gateway, wanted: str
) -> None:
    whole = tone(gateway.folder / f"{SID}.wav", 440)
    await gateway.store.save(recording_row(1, channels=1))
    status, body, _ = await gateway.raw("GET", f"/Recordings/{SID}.wav", headers={"Range": wanted})
    assert status == 416 or (status, body) == (200, whole)
    part = await gateway.raw("GET", f"/Recordings/{SID}.wav", headers={"Range": "bytes=-4"})
    assert part[:2] == (206, whole[-4:])


@pytest.mark.parametrize("gateway", [{"http": {"media_auth": True}}], indirect=True)
async def test_sound_asks_for_credentials_where_that_is_set(gateway: Gateway) -> None:
    tone(gateway.folder / f"{SID}.wav", 440)
    await gateway.store.save(recording_row(1, channels=1))
    for suffix in ("", ".wav", ".mp3", ".svg"):
        assert (await gateway.raw("GET", f"/Recordings/{SID}{suffix}", user=""))[0] == 401
        assert (await gateway.raw("GET", f"/Recordings/{SID}{suffix}", password="wrong"))[0] == 401
        assert (await gateway.raw("GET", f"/Recordings/{SID}{suffix}"))[0] == 200


async def test_a_recording_of_a_room_is_paused_by_its_own_address(gateway: Gateway) -> None:
    room = conference_row(1, status="in-progress")
    await gateway.store.save(
        room, recording_row(1, sid=RECORDING, call_sid=CALL, conference_sid=room.sid, status="in-progress")
    )
    found = await gateway.ask(lambda c: c.conferences(room.sid).recordings("Twilio.CURRENT").update(status="paused"))
    assert (found.sid, found.status, found.conference_sid) == (RECORDING, "paused", room.sid)
    assert gateway.live.told[-1] == ("recording", room.sid, "Twilio.CURRENT", RecordingChange(status="paused"))
    for path, code in (
        (f"/Conferences/{room.sid}/Recordings/{SID}.json", 404),
        (f"/Conferences/CF{0:032x}/Recordings/{SID}.json", 404),
    ):
        assert (await gateway.raw("POST", path, data={"Status": "paused"}))[0] == code


async def test_another_accounts_recording_is_not_there_in_any_form(gateway: Gateway) -> None:
    tone(gateway.folder / f"{SID}.wav", 440)
    await gateway.store.save(recording_row(1, channels=1, account_sid="AC" + "f" * 32))
    for suffix in ("", ".wav", ".mp3", ".svg", ".json"):
        assert (await gateway.raw("GET", f"/Recordings/{SID}{suffix}"))[0] == 404
    assert (await gateway.raw("DELETE", f"/Recordings/{SID}.json"))[0] == 404
    assert (gateway.folder / f"{SID}.wav").exists()
