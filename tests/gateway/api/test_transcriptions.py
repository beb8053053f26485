"""Transcriptions, with the genuine library: of the account and of a recording; an account sees its own."""

from __future__ import annotations

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.gateway.api.conftest import Gateway
from tests.gateway.rows import recording_row, transcription_row


async def test_one_is_fetched_by_its_sid_by_its_recording_and_by_transcription_url(gateway: Gateway) -> None:
    await gateway.store.save(recording_row(1), transcription_row(1))
    one, recording = transcription_row(1).sid, recording_row(1).sid
    found = await gateway.ask(lambda c: c.transcriptions(one).fetch())
    assert (found.status, found.transcription_text, found.duration, found.type) == (
        "completed", "call me back", "7", "fast",
    )  # fmt: skip
    of_recording = await gateway.ask(lambda c: c.recordings(recording).transcriptions(one).fetch())
    assert of_recording.recording_sid == recording
    status, body, _ = await gateway.raw("GET", f"/Transcriptions/{one}")
    assert (status, body["sid"]) == (200, one)


async def test_they_are_listed_newest_first_and_deleted(gateway: Gateway) -> None:
    await gateway.store.save(recording_row(1), *(transcription_row(n) for n in (1, 2, 3)))
    listed = await gateway.ask(lambda c: c.transcriptions.list(page_size=2))
    assert [one.sid for one in listed] == [transcription_row(n).sid for n in (3, 2, 1)]
    of_one = await gateway.ask(lambda c: c.recordings(recording_row(1).sid).transcriptions.list())
    assert [one.sid for one in of_one] == [transcription_row(1).sid]
    assert await gateway.ask(lambda c: c.transcriptions(transcription_row(2).sid).delete())
    assert await gateway.ask(
        lambda c: c.recordings(recording_row(1).sid).transcriptions(transcription_row(1).sid).delete()
    )
    assert [one.sid for one in await gateway.ask(lambda c: c.transcriptions.list())] == [transcription_row(3).sid]


@pytest.mark.parametrize(
    "path",
    [
        f"/Transcriptions/{transcription_row(9).sid}.json",
        f"/Transcriptions/{transcription_row(9).sid}",
        f"/Transcriptions/{transcription_row(4).sid}.json",
        "/Transcriptions/TR1.json",
        f"/Recordings/{recording_row(2).sid}/Transcriptions/{transcription_row(1).sid}.json",
        f"/Recordings/{recording_row(9).sid}/Transcriptions.json",
        "/Recordings/RE..%2f/Transcriptions.json",
    ],
)
async def test_what_is_not_there_or_anothers_is_not_found(gateway: Gateway, path: str) -> None:
    other = "AC" + "e" * 32
    await gateway.store.save(recording_row(1), transcription_row(1), transcription_row(4, account_sid=other))
    status, body, _ = await gateway.raw("GET", path)
    assert (status, body["code"]) == (404, 20404)


async def test_one_that_goes_on_is_not_deleted(gateway: Gateway) -> None:
    await gateway.store.save(transcription_row(1, status="in-progress", text=""))
    with pytest.raises(TwilioRestException) as caught:
        await gateway.ask(lambda c: c.transcriptions(transcription_row(1).sid).delete())
    assert (caught.value.status, caught.value.code) == (409, 20009)
