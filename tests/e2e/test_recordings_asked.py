"""Recordings that a verb, the REST API or a room asked for: trimmed, paused, stopped, drawn, told."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import numpy as np
import pytest
from twilio.rest import Client

from tests.e2e.api import Api
from tests.e2e.gateway import NUMBER, Gateway
from tests.e2e.test_recordings import CALLED_HZ, CALLER_HZ, first_s, heard, sine, sound
from tests.peers.rtp_phone import RtpPhone
from tests.peers.sipp import Sipp

EVENTS = 'recordingStatusCallback="/recorded" recordingStatusCallbackEvent="in-progress completed absent"'
MARGIN_S = 0.2
"""What trimming leaves before and after."""
LOADED_S = 0.1
"""Telephones that send in real time may be late by some packets; exact to the sample is tests/media/test_trim.py."""


@pytest.fixture
def ask(gateway: Gateway) -> Api:
    return Api(gateway)


async def test_record_is_trimmed_and_its_duration_is_that_of_what_is_left(gateway: Gateway) -> None:
    application = gateway.application
    application.answers(
        "/number",
        f'<Response><Record action="/got" timeout="0" playBeep="false" {EVENTS}/><Say>not this</Say></Response>',
    )
    application.answers("/got", "<Response/>")
    application.answers("/recorded", "")
    voice = np.concatenate([np.zeros(12_000, np.int16), sine(CALLER_HZ, 2.5)])
    async with RtpPhone(gateway.sip, NUMBER) as phone:
        phone.say(voice)
        await asyncio.wait_for(phone.answered.wait(), 10)
        await asyncio.sleep(1.5 + 2.5 + 1.0)
        await phone.press("5")
        got = await application.wait_for("/got")
    end = await application.wait_for("/recorded", count=2)
    samples = await sound(gateway, got["RecordingUrl"])
    assert len(samples) / 8000 == pytest.approx(2.5 + 2 * MARGIN_S, abs=LOADED_S)
    assert first_s(samples[:, 0], CALLER_HZ) == pytest.approx(MARGIN_S, abs=LOADED_S)
    assert (got["Digits"], got["RecordingDuration"], got["RecordingSid"]) == ("5", "3", end["RecordingSid"])
    assert (end["RecordingStatus"], end["RecordingDuration"], end["RecordingSource"]) == (
        "completed",
        "3",
        "RecordVerb",
    )


async def test_nothing_but_silence_is_absent_after_trimming_and_the_next_verb_follows(gateway: Gateway) -> None:
    application = gateway.application
    record = f'<Record timeout="0" playBeep="false" action="/kept" {EVENTS}/>'
    application.answers("/number", f"<Response>{record}<Redirect>/after</Redirect></Response>")
    application.answers("/after", "<Response/>")
    application.answers("/recorded", "")
    async with RtpPhone(gateway.sip, NUMBER) as phone:
        await asyncio.wait_for(phone.answered.wait(), 10)
        await asyncio.sleep(1.0)
        await phone.press("#")
        await application.wait_for("/after", within_s=10.0)
    assert not application.all("/kept")
    end = await application.wait_for("/recorded", count=2)
    assert end["RecordingStatus"] == "absent"
    assert "RecordingDuration" not in end
    async with aiohttp.ClientSession() as session, session.get(end["RecordingUrl"]) as response:
        assert response.status == 404


async def test_the_api_starts_pauses_resumes_and_stops_a_recording_and_draws_it(gateway: Gateway, ask: Api) -> None:
    application = gateway.application
    application.answers("/number", "<Response><Echo/></Response>")
    application.answers("/recorded", "")
    callback = f"{application.url}/recorded"
    async with RtpPhone(gateway.sip, NUMBER) as phone:
        phone.say(sine(CALLER_HZ, 30))
        await asyncio.wait_for(phone.answered.wait(), 10)
        call = (await application.wait_for("/number"))["CallSid"]
        await asyncio.sleep(0.3)
        made = await ask(
            lambda c: c.calls(call).recordings.create(
                recording_channels="dual",
                recording_status_callback=callback,
                recording_status_callback_event=["in-progress", "completed"],
            )
        )

        def one(client: Client) -> Any:  # noqa: ANN401 - the library's own type
            return client.calls(call).recordings(made.sid)

        assert (made.status, made.duration, made.track, made.channels) == ("in-progress", "-1", "both", 2)
        await asyncio.sleep(1.0)
        await phone.press("7", gap_s=0)
        assert (await ask(lambda c: one(c).update(status="paused", pause_behavior="skip"))).status == "paused"
        assert (await ask(lambda c: one(c).fetch())).status == "paused"
        await asyncio.sleep(1.0)
        assert (await ask(lambda c: one(c).update(status="in-progress"))).status == "in-progress"
        await asyncio.sleep(0.5)
        assert (
            await ask(lambda c: c.calls(call).recordings("Twilio.CURRENT").update(status="paused"))
        ).status == "paused"
        await asyncio.sleep(1.0)
        await ask(lambda c: one(c).update(status="in-progress"))
        await asyncio.sleep(0.5)
        assert (await ask(lambda c: c.calls(call).recordings("Twilio.CURRENT").update(status="stopped"))).status in (
            "stopped",
            "completed",
        )
        end = await application.wait_for("/recorded", count=2)
        assert not phone.ended.is_set(), "the call goes on without it"
    told = application.all("/recorded")
    assert [one["RecordingStatus"] for one in told] == ["in-progress", "completed"], "a pause is not told anew"
    samples = await sound(gateway, end["RecordingUrl"])
    assert len(samples) / 8000 == pytest.approx(1.1 + 0.5 + 1.0 + 0.5, abs=0.3)
    frames = samples[: len(samples) // 160 * 160, 0].reshape(-1, 160)
    silent = np.flatnonzero(np.abs(frames).max(axis=1) == 0)
    assert len(silent) * 0.02 == pytest.approx(1.0, abs=0.15), "one pause is silence, the other is not there"
    row = await ask(lambda c: c.recordings(made.sid).fetch())
    assert (row.status, row.source, row.error_code) == ("completed", "StartCallRecordingAPI", None)
    assert row.duration == str(round(len(samples) / 8000))
    async with aiohttp.ClientSession() as session, session.get(f"{end['RecordingUrl']}.svg") as response:
        picture = await response.text()
        assert (response.status, response.content_type) == (200, "image/svg+xml")
    for word in ("paused", "resumed", "key 7", "s heard", made.sid):
        assert word in picture
    (gateway.home / "picture.svg").write_text(picture, encoding="utf-8")


@pytest.mark.peers("sipp")
async def test_a_created_call_is_recorded_by_its_parameters_and_its_last_callback_says_so(
    gateway: Gateway,
    ask: Api,
    tmp_path: Any,  # noqa: ANN401
) -> None:
    application = gateway.application
    for path in ("/recorded", "/ended"):
        application.answers(path, "")
    application.serves("/tone.wav", tone_wav(CALLER_HZ, 1.0))
    application.answers("/talk", "<Response><Pause length='1'/><Play>/tone.wav</Play><Pause length='1'/></Response>")
    async with Sipp("uas_tone", tmp_path / "called", tone=CALLED_HZ, calls=2) as called:
        for track in ("both", "outbound"):
            await ask(
                lambda c, track=track: c.calls.create(  # type: ignore[misc]  # bound now, not when it runs
                    to=f"sip:bob@{called.address}",
                    from_="+15557654321",
                    url=f"{application.url}/talk",
                    record=True,
                    recording_channels="dual",
                    recording_track=track,
                    recording_status_callback=f"{application.url}/recorded",
                    status_callback=f"{application.url}/ended",
                )
            )
        await application.wait_for("/ended", count=2)
        await called.succeeded()
    for one in application.all("/recorded"):
        last = next(ended for ended in application.all("/ended") if ended["CallSid"] == one["CallSid"])
        assert {last[name] for name in ("RecordingSid", "RecordingUrl", "RecordingDuration")} == {
            one["RecordingSid"],
            one["RecordingUrl"],
            one["RecordingDuration"],
        }
        samples = await sound(gateway, one["RecordingUrl"])
        assert one["RecordingSource"] == "OutboundAPI"
        if one["RecordingTrack"] == "both":
            assert samples.shape[1] == 2
            assert heard(samples[:, 0]) == {CALLED_HZ}, "what the called party says"
            assert heard(samples[:, 1]) == {CALLER_HZ}, "what it is told"
            assert len(samples) / 8000 == pytest.approx(3.0, abs=0.3), "it sings all the time: nothing is trimmed"
        else:
            assert samples.shape[1] == 1
            assert heard(samples[:, 0]) == {CALLER_HZ}
            assert len(samples) / 8000 == pytest.approx(1.0 + 2 * MARGIN_S, abs=LOADED_S), "silence is trimmed"
    assert {one["RecordingTrack"] for one in application.all("/recorded")} == {"both", "outbound"}


def tone_wav(hertz: float, seconds: float) -> bytes:
    from media.wav import header  # noqa: PLC0415

    pcm = sine(hertz, seconds).astype("<i2").tobytes()
    return header(len(pcm), 1) + pcm


async def test_a_room_is_recorded_and_a_call_within_it_has_the_room_on_its_second_channel(
    gateway: Gateway, ask: Api
) -> None:
    application = gateway.application
    application.answers("/recorded", "")
    room = (
        f'<Conference beep="false" record="record-from-start" trim="do-not-trim" {EVENTS} waitUrl="">room</Conference>'
    )
    application.answers(
        "/number",
        lambda params: (
            f'<Response><Dial record="record-from-answer-dual" {EVENTS.replace("/recorded", "/mine")}>{room}</Dial></Response>'
            if params["From"].endswith("01")
            else f"<Response><Dial>{room}</Dial></Response>"
        ),
    )
    application.answers("/mine", "")
    async with (
        RtpPhone(gateway.sip, NUMBER, caller="+15557000001") as one,
        RtpPhone(gateway.sip, NUMBER, caller="+15557000002") as other,
    ):
        one.say(sine(CALLER_HZ, 30))
        other.say(sine(CALLED_HZ, 30))
        begin = await application.wait_for("/recorded")
        assert (begin["RecordingStatus"], begin["RecordingSource"]) == ("in-progress", "Conference")
        assert "CallSid" not in begin
        await asyncio.sleep(1.0)
        sid = begin["ConferenceSid"]
        paused = await ask(lambda c: c.conferences(sid).recordings("Twilio.CURRENT").update(status="paused"))
        assert (paused.status, paused.conference_sid, paused.sid) == ("paused", sid, begin["RecordingSid"])
        await asyncio.sleep(0.5)
        await ask(lambda c: c.conferences(sid).recordings(paused.sid).update(status="in-progress"))
        await asyncio.sleep(0.5)
    end = await application.wait_for("/recorded", count=2)
    mine = await application.wait_for("/mine", count=2)
    samples = await sound(gateway, end["RecordingUrl"])
    assert samples.shape[1] == 1
    assert heard(samples[:, 0]) == {CALLER_HZ, CALLED_HZ}
    assert len(samples) / 8000 == pytest.approx(2.0, abs=0.3)
    assert (mine["RecordingSource"], mine["RecordingChannels"]) == ("DialVerb", "2")
    samples = await sound(gateway, mine["RecordingUrl"])
    assert heard(samples[:, 0]) == {CALLER_HZ}
    assert heard(samples[:, 1]) == {CALLED_HZ}, "what comes down from the room, without oneself"
