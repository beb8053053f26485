"""`<Record>`.

| attribute | values | default | code |
|---|---|---|---|
| action / method | URL / POST, GET | this document / POST | 11100 / 13610 |
| timeout | seconds of silence, 0: off | 5 | 13611 |
| finishOnKey | a set of 0-9 * # | any | 13613 |
| maxLength | 2 to 86400 s; 120 if transcribed | 3600 | 13612, 13615 |
| playBeep | true, false | true | 13616 |
| trim | trim-silence, do-not-trim | trim-silence | 13699 |
| recordingStatusCallback, …Method, …Event | in-progress completed absent | completed | 13256, 13621 |
| transcribe, transcribeCallback | true, false; URL | false | 13614 |
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.twiml.control import Recorded, RecordingPlan, RecordPlan, StatusCallback
from gateway.twiml.verb import FallThrough, Redirect
from tests.fakes.fake_call import BASE, FakeCall
from tests.gateway.twiml.running import codes, run

PLAN = RecordPlan(recording=RecordingPlan(trim=True, source="RecordVerb"))
COMPLETED = StatusCallback(url="http://app.example/rec")
CALLBACK = StatusCallback(url="http://app.example/rec", method="GET", events=frozenset({"in-progress", "absent"}))


@pytest.mark.parametrize(
    ("attributes", "plan", "noted"),
    [
        ("", PLAN, []),
        ('timeout="0"', replace(PLAN, timeout_s=0.0), []),
        ('timeout="x"', PLAN, [13611]),
        ('finishOnKey="#"', replace(PLAN, finish_on="#"), []),
        ('finishOnKey=""', replace(PLAN, finish_on=""), []),
        ('finishOnKey="A"', PLAN, [13613]),
        ('maxLength="20"', replace(PLAN, max_length_s=20.0), []),
        ('maxLength="1"', PLAN, [13612]),
        ('maxLength="0"', PLAN, [13612]),
        ('timeout="-5"', PLAN, [13611]),
        ('maxLength="100000"', replace(PLAN, max_length_s=86_400.0), [13612]),
        ('playBeep="false"', replace(PLAN, play_beep=False), []),
        ('playBeep="no"', PLAN, [13616]),
        ('trim="do-not-trim"', replace(PLAN, recording=RecordingPlan(source="RecordVerb")), []),
        ('trim="some"', PLAN, [13699]),
        ('transcribe="true"', replace(PLAN, transcribe=True, max_length_s=120.0), []),
        ('transcribe="true" maxLength="300"', replace(PLAN, transcribe=True, max_length_s=120.0), [13615]),
        (
            'transcribe="true" transcribeCallback="/t"',
            replace(PLAN, transcribe=True, max_length_s=120.0, transcribe_callback="http://app.example/t"),
            [],
        ),
        ('transcribeCallback="/t"', PLAN, [13614]),
        (
            'recordingStatusCallback="/rec" recordingStatusCallbackMethod="GET" '
            'recordingStatusCallbackEvent="in-progress absent"',
            replace(PLAN, recording=RecordingPlan(trim=True, source="RecordVerb", callback=CALLBACK)),
            [],
        ),
        ('recordingStatusCallbackEvent="done"', PLAN, [13621]),
        (
            'recordingStatusCallback="/rec" recordingStatusCallbackMethod="get" '
            'recordingStatusCallbackEvent="in-progress, done absent"',
            replace(PLAN, recording=RecordingPlan(trim=True, source="RecordVerb", callback=CALLBACK)),
            [13621],
        ),
        (
            'recordingStatusCallback="/rec" recordingStatusCallbackEvent=" "',
            replace(PLAN, recording=RecordingPlan(trim=True, source="RecordVerb", callback=COMPLETED)),
            [],
        ),
    ],
)
async def test_attributes_become_a_plan(attributes: str, plan: RecordPlan, noted: list[int]) -> None:
    call = FakeCall()
    await run(f"<Record {attributes}/>", call)
    assert call.asked == ["answer", ("record", plan)]
    assert codes(f"<Record {attributes}/>") == noted


async def test_what_was_recorded_goes_to_the_action() -> None:
    step = await run('<Record action="/done" method="GET"/>', FakeCall())
    assert isinstance(step, Redirect)
    assert (step.url, step.method) == ("http://app.example/done", "GET")
    assert dict(step.params) == {
        "RecordingUrl": "http://gw/RE1",
        "RecordingSid": "RE1",
        "RecordingDuration": "3",
        "Digits": "#",
    }


async def test_without_an_action_this_document_is_asked_again() -> None:
    step = await run("<Record/>", FakeCall())
    assert isinstance(step, Redirect)
    assert step.url == BASE


async def test_nothing_but_silence_falls_through() -> None:
    call = FakeCall()
    call.recorded = Recorded()
    assert await run("<Record action='/x'/>", call) == FallThrough()
