"""`<Dial><Conference>` and `<Dial><Queue>`.

| noun | attribute | values | default | code |
|---|---|---|---|---|
| Conference | (text) | 1-128 characters | | 13237 |
| | muted, startConferenceOnEnter, endConferenceOnExit | true, false | false, true, false | 13230, 13232, 13231 |
| | beep | true, false, onEnter, onExit | true | 13235 |
| | waitUrl / waitMethod | URL or empty: silence | the house's music, GET; POST with a URL | 13233 / 13234 |
| | maxParticipants | 2-250 | 250 | 16002 |
| | record / trim | record-from-start, do-not-record | do-not-record / trim-silence | 12200 / 13239 |
| | coach | SID of a call in the room | | 13240 |
| | participantLabel | 1-128 characters, no "/", no CallSid | | 16023 |
| | jitterBufferSize, region, statusCallbackEvent, statusCallbackMethod | | | 16002 |
| | eventCallbackUrl | URL (deprecated) | | |
| Queue | (text) | 1-64 characters | | 14212, 14213 |
| | url / method | URL / POST, GET | | 14210 |
| | reservationSid, postWorkActivitySid | there is no TaskRouter | | 13750 |
"""

from __future__ import annotations

import pytest

from gateway.twiml.control import ConferencePlan, DequeuePlan, DialResult, RecordingPlan, StatusCallback
from tests.fakes.fake_call import FakeCall
from tests.gateway.twiml.running import codes, params, run


@pytest.mark.parametrize(
    ("noun", "plan"),
    [
        ("<Conference>room</Conference>", ConferencePlan(name="room", wait_method="GET")),
        (
            "<Conference muted='true' beep='onExit' startConferenceOnEnter='false' endConferenceOnExit='true' waitUrl='' "
            "maxParticipants='3' coach='CA9' participantLabel='agent' jitterBufferSize='off'>room</Conference>",
            ConferencePlan(
                name="room",
                muted=True,
                beep="onExit",
                start_on_enter=False,
                end_on_exit=True,
                wait_url="",
                wait_method="GET",
                max_participants=3,
                coach="CA9",
                label="agent",
                jitter_buffer="off",
            ),
        ),
        (
            "<Conference waitUrl='/wait' record='record-from-start' trim='do-not-trim' statusCallback='/s' "
            "statusCallbackEvent='start end'>room</Conference>",
            ConferencePlan(
                name="room",
                wait_url="http://app.example/wait",
                callback=StatusCallback(url="http://app.example/s", events=frozenset({"start", "end"})),
                recording=RecordingPlan(source="Conference"),
            ),
        ),
        (
            "<Conference waitUrl='http://[' statusCallback='/s' eventCallbackUrl='/e' region='ie1'>room</Conference>",
            ConferencePlan(
                name="room",
                callback=StatusCallback(url="http://app.example/s", events=frozenset()),
                event_callback="http://app.example/e",
            ),
        ),
    ],
)
async def test_a_room(noun: str, plan: ConferencePlan) -> None:
    call = FakeCall()
    call.dialled = DialResult(status="answered")
    step = await run(f"<Dial action='/done'>{noun}</Dial>", call)
    assert ("conference", plan) in call.asked
    assert params(step) == {"DialCallStatus": "answered"}


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ("muted='x'", 13230),
        ("endConferenceOnExit='x'", 13231),
        ("startConferenceOnEnter='x'", 13232),
        ("waitMethod='x'", 13234),
        ("beep='x'", 13235),
        ("trim='x'", 13239),
        ("participantLabel='a/b'", 16023),
        (f"participantLabel='CA{'0' * 32}'", 16023),
        ("maxParticipants='500'", 16002),
        ("maxParticipants='0'", 16002),
        ("region='mars'", 16002),
        ("jitterBufferSize='huge'", 16002),
        ("statusCallbackEvent='start party'", 16002),
        ("statusCallbackMethod='PUT'", 16002),
        ("participantLabel='a%2Fb'", 16023),
        ("coach=''", 13240),
        ("record='always'", 12200),
    ],
)
def test_a_rooms_bad_attributes_have_their_codes(attributes: str, code: int) -> None:
    assert codes(f"<Dial><Conference {attributes}>room</Conference></Dial>") == [code]


@pytest.mark.parametrize("name", ["", "x" * 129])
def test_a_room_needs_a_name(name: str) -> None:
    assert codes(f"<Dial><Conference>{name}</Conference></Dial>") == [13237]


async def test_a_wait_url_that_is_none_is_noted_and_the_house_plays_its_music() -> None:
    call = FakeCall()
    await run("<Dial><Conference waitUrl='ftp://x'>room</Conference></Dial>", call)
    await run("<Enqueue waitUrl='ftp://x'>line</Enqueue>", call)
    assert call.codes == [13233, 14202]


def test_a_task_router_is_not_here_and_that_is_said() -> None:
    xml = "<Dial><Queue reservationSid='WR1' postWorkActivitySid='WA1'>line</Queue></Dial>"
    assert codes(xml) == [13750]
    assert codes(xml.replace(">line<", "><")) == [13750, 14212]


async def test_a_waiting_line() -> None:
    call = FakeCall()
    call.dialled = DialResult(
        status="completed", call_sid="CA3", duration_s=5, bridged=True, parameters=(("QueueSid", "QU1"),)
    )
    step = await run("<Dial action='/d' timeout='9'><Queue url='/q' method='GET'>line</Queue></Dial>", call)
    plan = DequeuePlan(name="line", url="http://app.example/q", method="GET", timeout_s=9.0)
    assert call.asked == ["answer", ("dequeue", plan)]
    assert params(step)["QueueSid"] == "QU1"


@pytest.mark.parametrize(("name", "code"), [("", 14212), ("x" * 65, 14213)])
def test_a_waiting_line_needs_a_name(name: str, code: int) -> None:
    assert codes(f"<Dial><Queue>{name}</Queue></Dial>") == [code]
