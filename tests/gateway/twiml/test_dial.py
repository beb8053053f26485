"""`<Dial>`.

| attribute | values | default | code |
|---|---|---|---|
| action / method | URL / POST, GET | next verb / POST | 11100 / 13210 |
| timeout | 5-600 s (+5 s, added where it is waited) | 30 | 13212 |
| timeLimit | 1-86400 s | 14400 | 13216 |
| callerId | number, client:, SIP user | the caller's | 13214 |
| answerOnBridge, hangupOnStar, sequential | true, false | false | 13219, 13213, 13218 |
| ringTone | 40 countries | | 13220 |
| record | do-not-record, record-from-answer[-dual], record-from-ringing[-dual], true, false | do-not-record | 13217 |
| recordingTrack, trim | both inbound outbound; trim-silence do-not-trim | both; do-not-trim | 13622, 13699 |
| recordingStatusCallback, …Method, …Event | in-progress completed absent | completed | 13256, 13621 |
| referUrl / referMethod | URL / POST, GET | | 11100 |
| callReason | at most 50 characters | | 12200 |

At most ten parties; `<Conference>` and `<Queue>` stand alone (13000); within a whisper: 13201.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.twiml.control import (
    ConferencePlan,
    DialPlan,
    DialResult,
    DialTarget,
    DocumentFault,
    MachineDetection,
    RecordingPlan,
    StatusCallback,
    Whisper,
)
from gateway.twiml.nouns.caller import caller_id
from gateway.twiml.verb import FallThrough
from tests.fakes.fake_call import FakeCall
from tests.gateway.twiml.running import codes, params, run

BOB = DialTarget(kind="client", address="bob")
PLAN = DialPlan(targets=(BOB,))


async def dialled(xml: str) -> DialPlan:
    call = FakeCall()
    await run(xml, call)
    (asked,) = [what[1] for what in call.asked if isinstance(what, tuple) and what[0] == "dial"]
    assert isinstance(asked, DialPlan)
    return asked


@pytest.mark.parametrize(
    ("attributes", "plan", "noted"),
    [
        ("", PLAN, []),
        ('timeout="10"', replace(PLAN, timeout_s=10.0), []),
        ('timeout="1"', replace(PLAN, timeout_s=5.0), [13212]),
        ('timeout="601"', replace(PLAN, timeout_s=600.0), [13212]),
        ('timeout="x"', PLAN, [13212]),
        ('timeLimit="60"', replace(PLAN, time_limit_s=60.0), []),
        ('timeLimit="0"', PLAN, [13216]),
        ('timeLimit="-7"', PLAN, [13216]),
        ('timeLimit="86401"', replace(PLAN, time_limit_s=86_400.0), [13216]),
        ('timeout="-5"', PLAN, [13212]),
        ('callerId="+15550100"', replace(PLAN, caller_id="+15550100"), []),
        ('callerId="client:alice"', replace(PLAN, caller_id="client:alice"), []),
        ('callerId="a b"', replace(PLAN, caller_id="a b"), [13214]),
        ('answerOnBridge="true"', replace(PLAN, answer_on_bridge=True), []),
        ('hangupOnStar="true"', replace(PLAN, hangup_on_star=True), []),
        ('sequential="true"', replace(PLAN, sequential=True), []),
        ('sequential="1"', PLAN, [13218]),
        ('ringTone="us-old"', replace(PLAN, ring_tone="us-old"), []),
        ('ringTone="xx"', PLAN, [13220]),
        ('callReason="lunch"', replace(PLAN, call_reason="lunch"), []),
        ('callReason="lunch&#13;&#10;X-Evil: 1"', replace(PLAN, call_reason="lunch X-Evil: 1"), []),
        (f'callReason="{"x" * 51}"', replace(PLAN, call_reason="x" * 50), [12200]),
        ('referUrl="/r" referMethod="GET"', replace(PLAN, refer_url="http://app.example/r", refer_method="GET"), []),
        ('record="do-not-record"', PLAN, []),
        ('record="false"', PLAN, []),
        ('record="true"', replace(PLAN, recording=RecordingPlan()), []),
        ('record="record-from-answer"', replace(PLAN, recording=RecordingPlan()), []),
        ('record="record-from-answer-dual"', replace(PLAN, recording=RecordingPlan(channels=2)), []),
        ('record="record-from-ringing"', replace(PLAN, recording=RecordingPlan(mode="ringing")), []),
        ('record="record-from-ringing-dual"', replace(PLAN, recording=RecordingPlan(mode="ringing", channels=2)), []),
        (
            'record="record-from-answer-dual" recordingTrack="inbound" trim="trim-silence"',
            replace(PLAN, recording=RecordingPlan(track="inbound", trim=True)),
            [],
        ),
        (
            'record="true" recordingStatusCallback="/rec" recordingStatusCallbackEvent="in-progress completed"',
            replace(
                PLAN,
                recording=RecordingPlan(
                    callback=StatusCallback(
                        url="http://app.example/rec", events=frozenset({"in-progress", "completed"})
                    )
                ),
            ),
            [],
        ),
        ('record="always"', PLAN, [13217]),
        ('recordingTrack="left"', PLAN, [13622]),
        ('method="x"', PLAN, [13210]),
    ],
)
async def test_attributes_become_a_plan(attributes: str, plan: DialPlan, noted: list[int]) -> None:
    xml = f"<Dial {attributes}><Client>bob</Client></Dial>"
    assert await dialled(xml) == plan
    assert codes(xml) == noted


@pytest.mark.parametrize(
    ("text", "address"), [("+1 (555) 010-0100", "+15550100100"), ("\n 5550100 \n", "5550100"), ("*98", "*98")]
)
async def test_its_own_text_is_a_number(text: str, address: str) -> None:
    assert (await dialled(f"<Dial>{text}</Dial>")).targets == (DialTarget(kind="number", address=address),)


@pytest.mark.parametrize(
    ("noun", "target"),
    [
        ("<Number>+1555</Number>", DialTarget(kind="number", address="+1555")),
        (
            "<Number sendDigits='wW12#' url='/w' method='GET'>+1555</Number>",
            DialTarget(
                kind="number",
                address="+1555",
                send_digits="wW12#",
                whisper=Whisper(url="http://app.example/w", method="GET"),
            ),
        ),
        (
            "<Number statusCallback='/s' statusCallbackEvent='initiated ringing answered completed'>+1555</Number>",
            DialTarget(
                kind="number",
                address="+1555",
                status_callback=StatusCallback(
                    url="http://app.example/s", events=frozenset({"initiated", "ringing", "answered", "completed"})
                ),
            ),
        ),
        (
            "<Number machineDetection='DetectMessageEnd' machineDetectionTimeout='10' amdStatusCallback='/a'>1</Number>",
            DialTarget(
                kind="number",
                address="1",
                detection=MachineDetection(
                    mode="DetectMessageEnd", timeout_s=10, callback=StatusCallback(url="http://app.example/a")
                ),
            ),
        ),
        ("<Client>client:bob</Client>", BOB),
        (
            "<Client><Identity>bob</Identity><Parameter name='a' value='b'/><Parameter value='x'/></Client>",
            replace(BOB, parameters=(("a", "b"),)),
        ),
        ("<Sip>sip:bob@example.com</Sip>", DialTarget(kind="sip", address="sip:bob@example.com")),
        (
            "<Sip username='u' password='p'>bob@example.com;transport=tcp?X-A=1&amp;User-to-User=2</Sip>",
            DialTarget(
                kind="sip",
                address="sip:bob@example.com;transport=tcp?X-A=1&User-to-User=2",
                username="u",
                password="p",
            ),
        ),
        (
            "<Sip><Uri priority='2'>sip:b@x</Uri><Uri priority='1' username='u'>sip:a@x</Uri>"
            "<Headers><Header name='X-A' value='1 2'/></Headers></Sip>",
            DialTarget(kind="sip", address="sip:a@x?X-A=1%202", username="u"),
        ),
    ],
)
async def test_every_kind_of_party(noun: str, target: DialTarget) -> None:
    assert (await dialled(f"<Dial>{noun}</Dial>")).targets == (target,)
    assert codes(f"<Dial>{noun}</Dial>") == []


@pytest.mark.parametrize(
    ("noun", "noted"),
    [
        ("<Number>bob</Number>", [13223]),
        ("<Number></Number>", [13223]),
        ("<Client></Client>", [12200]),
        (f"<Client>{'x' * 257}</Client>", [12200]),
        ("<Sip>sip:</Sip>", [13243]),
        ("<Sip>sip:a@b c</Sip>", [13243]),
        (f"<Sip>sip:{'a' * 260}@x</Sip>", [13243]),
        ("<Sip>sip:a@b?Via=x</Sip>", [13252]),
        (f"<Sip>sip:a@b?X-A={'x' * 1030}</Sip>", [13253]),
        ("<Sip>sip:a@b?X-A=1%0d%0aX-B:%202</Sip>", [13252]),
        ("<Sip username='a&#10;b'>sip:a@b</Sip>", [13249]),
        ("<Number byoc='BY1'>+1</Number>", [12200]),
        ("<Number sendDigits='1x'>+1</Number>", [13222]),
        ("text", [12200]),
        ("<Sim>DE1</Sim>", [13215]),
        ("<WhatsApp>+1</WhatsApp>", [13215]),
        ("<Say>x</Say>", [13215]),
    ],
)
def test_a_party_that_can_not_be_rung_is_noted(noun: str, noted: list[int]) -> None:
    assert codes(f"<Dial><Client>bob</Client>{noun}</Dial>") == noted


@pytest.mark.parametrize(
    ("noun", "wanted", "shown", "noted"),
    [
        ("<Number>+1</Number>", "+15550100", "+15550100", []),
        ("<Number>+1</Number>", "(555) 010-0100", "5550100100", []),
        ("<Number>+1</Number>", "joey", "", [13214]),
        ("<Number>+1</Number>", "client:joey", "", [13214]),
        ("<Client>a</Client>", "client:joey", "client:joey", []),
        ("<Client>a</Client>", "+15550100", "+15550100", []),
        ("<Client>a</Client>", "client:jo ey", "", [13214]),
        ("<Sip>sip:a@b</Sip>", "Front-Desk_1.2+3", "Front-Desk_1.2+3", []),
        ("<Sip>sip:a@b</Sip>", "Front Desk", "", [13247]),
        ("<Sip>sip:a@b</Sip>", "client:joey", "", [13247]),
        ("<Sip>sip:a@b</Sip>", "a&#13;&#10;X: y", "", [13247]),
    ],
)
async def test_who_calls_depends_on_who_is_called(noun: str, wanted: str, shown: str, noted: list[int]) -> None:
    xml = f"<Dial callerId='{wanted}'>{noun}</Dial>"
    plan = await dialled(xml)
    assert caller_id(plan.targets[0].kind, plan.caller_id) == shown
    assert codes(xml) == noted


async def test_nobody_to_ring_has_failed() -> None:
    call = FakeCall()
    step = await run("<Dial action='/done'><Number>bob</Number></Dial>", call)
    assert params(step)["DialCallStatus"] == "failed"
    assert await run("<Dial/>", call) == FallThrough()


async def test_ten_parties_are_rung_and_no_more() -> None:
    clients = "".join(f"<Client>c{n}</Client>" for n in range(12))
    assert [target.address for target in (await dialled(f"<Dial>{clients}</Dial>")).targets] == [
        f"c{n}" for n in range(10)
    ]
    assert codes(f"<Dial>{clients}</Dial>") == [13250]


async def test_rooms_and_lines_stand_alone() -> None:
    xml = "<Dial><Client>bob</Client><Conference>room</Conference></Dial>"
    assert codes(xml) == [13000]
    call = FakeCall()
    await run(xml, call)
    assert ("conference", ConferencePlan(name="room", wait_method="GET")) in call.asked


@pytest.mark.parametrize(
    ("noun", "result", "wanted"),
    [
        (
            "<Client>bob</Client>",
            DialResult(
                status="completed", call_sid="CA2", duration_s=7, bridged=True, sip_call_id="x", sip_response_code=200
            ),
            {
                "DialCallStatus": "completed",
                "DialCallSid": "CA2",
                "DialCallDuration": "7",
                "DialBridged": "true",
                "DialSipCallId": "x",
                "DialSipResponseCode": "200",
            },
        ),
        (
            "<Client>bob</Client>",
            DialResult(status="busy", call_sid="CA2", duration_s=0),
            {"DialCallStatus": "busy", "DialCallSid": "CA2", "DialBridged": "false"},
        ),
        (
            "<Sip>sip:bob@x</Sip>",
            DialResult(
                status="failed",
                call_sid="CA2",
                sip_call_id="abc",
                sip_response_code=404,
                sip_headers=(("X-Why", "gone"),),
                recording_url="http://gw/RE1",
            ),
            {
                "DialCallStatus": "failed",
                "DialCallSid": "CA2",
                "DialBridged": "false",
                "DialSipCallId": "abc",
                "DialSipResponseCode": "404",
                "DialSipHeader_X-Why": "gone",
                "RecordingUrl": "http://gw/RE1",
            },
        ),
        (
            "<Client>bob</Client>",
            DialResult(status="completed", call_sid="CA2", duration_s=None, bridged=True),
            {"DialCallStatus": "completed", "DialCallSid": "CA2", "DialBridged": "true"},
        ),
    ],
)
async def test_how_it_ended_goes_to_the_action(noun: str, result: DialResult, wanted: dict[str, str]) -> None:
    call = FakeCall()
    call.dialled = result
    step = await run(f"<Dial action='/done'>{noun}</Dial>", call)
    assert params(step) == wanted
    assert await run(f"<Dial>{noun}</Dial>", call) == FallThrough()


async def test_a_whisper_can_not_dial() -> None:
    with pytest.raises(DocumentFault) as caught:
        await run("<Dial>+1</Dial>", FakeCall(is_answered=True, is_whisper=True))
    assert caught.value.code == 13201


async def test_a_text_that_is_no_number_rings_nobody() -> None:
    call = FakeCall()
    await run("<Dial>nobody at all</Dial>", call)
    assert not any(isinstance(what, tuple) and what[0] == "dial" for what in call.asked)
    assert call.codes == [13215]
