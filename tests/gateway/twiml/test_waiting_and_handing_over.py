"""`<Enqueue>`, `<Refer>`, `<Connect>`, `<Start>`, `<Stop>`.

| verb | attribute | values | default | code |
|---|---|---|---|---|
| Enqueue | (text) | 1-64 characters | | 14204, 14205 |
| | action / method | URL / POST, GET | next verb / POST | 14201 |
| | waitUrl / waitUrlMethod | URL or empty: silence | the house's music, GET; POST with a URL | 14206 |
| | maxQueueSize | 1-5000 | | 12200 |
| | workflowSid | there is no TaskRouter | | 13750 |
| Refer | action / method | URL / POST, GET | next verb / POST | |
| | one `<Sip>` | | | 12200, 13243 |
| Start, Stop | Recording: its name taken, or not there | | | 12200 when they run |
| Connect, Start, Stop | nouns that are not served | | | 13750 when they run |
"""

from __future__ import annotations

import pytest

from gateway.twiml.control import EnqueuePlan, EnqueueResult, RecordingPlan, ReferResult, StatusCallback
from gateway.twiml.document import parse
from gateway.twiml.nouns.recording import Recording
from gateway.twiml.verb import FallThrough, Redirect
from tests.fakes.fake_call import FakeCall
from tests.gateway.twiml.running import codes, read, run


@pytest.mark.parametrize(
    ("attributes", "plan", "noted"),
    [
        ("", EnqueuePlan(name="line", wait_method="GET"), []),
        ("waitUrl=''", EnqueuePlan(name="line", wait_url="", wait_method="GET"), []),
        ("waitUrl='/w'", EnqueuePlan(name="line", wait_url="http://app.example/w"), []),
        (
            "waitUrl='/w' waitUrlMethod='get' maxQueueSize='9'",
            EnqueuePlan(name="line", wait_url="http://app.example/w", wait_method="GET", max_size=9),
            [],
        ),
        ("waitUrlMethod='x'", EnqueuePlan(name="line", wait_method="GET"), [14206]),
        ("method='x'", EnqueuePlan(name="line", wait_method="GET"), [14201]),
        ("maxQueueSize='9999'", EnqueuePlan(name="line", wait_method="GET", max_size=5000), [12200]),
    ],
)
async def test_enqueue_waits_in_a_line(attributes: str, plan: EnqueuePlan, noted: list[int]) -> None:
    call = FakeCall()
    xml = f"<Enqueue {attributes}>line</Enqueue>"
    assert await run(xml, call) == FallThrough()
    assert call.asked == ["answer", ("enqueue", plan)]
    assert codes(xml) == noted


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        ("<Enqueue/>", 14204),
        (f"<Enqueue>{'x' * 65}</Enqueue>", 14205),
    ],
)
def test_an_enqueue_that_can_not_be_is_passed_over(xml: str, code: int) -> None:
    assert codes(xml) == [code]
    assert parse(f"<Response>{xml}</Response>".encode()).verbs == ()


async def test_a_workflow_that_nobody_runs_is_a_system_error_for_the_application() -> None:
    call = FakeCall()
    xml = "<Enqueue {} workflowSid='WW1'><Task priority='1' timeout='2'>{{}}</Task></Enqueue>"
    assert codes(xml.format("action='/a'")) == [13750]
    told = (("QueueResult", "system-error"),)
    assert await run(xml.format("action='/a'"), call) == Redirect("http://app.example/a", "POST", told)
    assert await run(xml.format(""), call) == FallThrough()
    assert call.asked == []


@pytest.mark.parametrize(
    ("result", "wanted"),
    [
        (
            EnqueueResult(result="bridged", queue_sid="QU1", queue_time_s=4),
            {"QueueResult": "bridged", "QueueSid": "QU1", "QueueTime": "4"},
        ),
        (EnqueueResult(result="queue-full"), {"QueueResult": "queue-full"}),
    ],
)
async def test_how_the_wait_ended_goes_to_the_action(result: EnqueueResult, wanted: dict[str, str]) -> None:
    call = FakeCall()
    call.enqueued = result
    step = await run("<Enqueue action='/out'>line</Enqueue>", call)
    assert call.asked[-1] == (
        "enqueue",
        EnqueuePlan(name="line", wait_method="GET", action="http://app.example/out"),
    ), "an update that takes the call out of the line tells the action, too"
    assert isinstance(step, Redirect)
    assert (step.url, dict(step.params)) == ("http://app.example/out", wanted)


async def test_refer_answers_and_asks_the_telephone() -> None:
    call = FakeCall()
    assert await run("<Refer><Sip>carol@x?X-A=1</Sip></Refer>", call) == FallThrough()
    assert call.asked == ["answer", ("refer", "sip:carol@x?X-A=1", ())]


@pytest.mark.parametrize(
    ("result", "wanted"),
    [
        (
            ReferResult(status="in-progress", sip_response_code=202, notify_response_code=200),
            {"ReferCallStatus": "in-progress", "ReferSipResponseCode": "202", "NotifySipResponseCode": "200"},
        ),
        (
            ReferResult(status="failed", sip_response_code=405),
            {"ReferCallStatus": "failed", "ReferSipResponseCode": "405"},
        ),
        (ReferResult(status="failed"), {"ReferCallStatus": "failed"}),
    ],
)
async def test_how_the_transfer_went_goes_to_the_action(result: ReferResult, wanted: dict[str, str]) -> None:
    call = FakeCall()
    call.referred = result
    step = await run("<Refer action='/out'><Sip>sip:carol@x</Sip></Refer>", call)
    assert isinstance(step, Redirect)
    assert dict(step.params) == wanted


@pytest.mark.parametrize(
    ("xml", "noted"),
    [
        ("<Refer/>", [12200]),
        ("<Refer><Sip>sip:a@b</Sip><Sip>sip:c@d</Sip></Refer>", [12200]),
        ("<Refer><Sip>not a uri</Sip></Refer>", [13243, 12200]),
    ],
)
def test_a_refer_needs_one_address(xml: str, noted: list[int]) -> None:
    assert codes(xml) == noted


@pytest.mark.parametrize("verb", ["Start", "Stop"])
@pytest.mark.parametrize(
    "noun",
    [
        "<Stream url='wss://x/' track='both_tracks'><Parameter name='a' value='b'/></Stream>",
        "<Siprec name='s' connectorName='c'/>",
        "<Transcription statusCallbackUrl='/t'><Config name='a' value='b'/></Transcription>",
    ],
)
async def test_what_would_run_beside_is_named_and_passed_over(verb: str, noun: str) -> None:
    call = FakeCall()
    one, noted = read(f"<{verb}>{noun}</{verb}>")
    assert noted == []
    assert await one.run(call) == FallThrough()
    assert (call.asked, call.codes) == ([], [13750])


async def test_a_recording_is_started_and_stopped_by_its_name() -> None:
    call = FakeCall()
    assert await run("<Start><Recording name='a' trim='do-not-trim' channels='mono'/></Start>", call) == FallThrough()
    plan = RecordingPlan(source="StartCallRecordingTwiML")
    assert call.asked == [("start recording", plan, "a")]
    call.taken.add("a")
    assert await run("<Start><Recording name='a'/></Start><!-- -->", call) == FallThrough()
    assert call.codes == [12200]
    await run("<Stop><Recording name='a'/></Stop>", call)
    assert call.codes == [12200]
    await run("<Stop><Recording name='b'/></Stop>", call)
    assert call.codes == [12200, 12200]


@pytest.mark.parametrize(
    "noun", ["Room", "Conversation", "VirtualAgent", "Autopilot", "ConversationRelay", "AiSession"]
)
async def test_connections_to_other_services_are_named_and_passed_over(noun: str) -> None:
    call = FakeCall()
    one, noted = read(f"<Connect action='/x'><{noun} any='x'><Parameter/>text</{noun}></Connect>")
    assert noted == []
    assert await one.run(call) == FallThrough()
    ((code, message),) = call.notes
    assert code == 13750
    assert f"<{noun}>" in message


def test_start_has_a_code_of_its_own_for_what_it_does_not_know() -> None:
    assert codes("<Start><Say>x</Say></Start>") == [14300]


def test_a_recording_beside_the_call_has_two_channels_unless_it_says_otherwise() -> None:
    call = FakeCall()
    dual, mono, one = parse(
        b"<Response><Start><Recording recordingStatusCallback='/r'/></Start>"
        b"<Start><Recording channels='mono'/></Start><Start><Recording track='inbound'/></Start></Response>"
    ).verbs
    plans = [child.plan(call) for verb in (dual, mono, one) for child in verb.children if isinstance(child, Recording)]
    assert [plan.channels for plan in plans] == [2, 1, 1]
    assert plans[0].trim
    assert plans[0].callback == StatusCallback(url="http://app.example/r")
