"""`<Gather>` measured at the telephone: when the prompt stops, what ends it, how exact its timeout is."""

from __future__ import annotations

import asyncio
import statistics

import pytest

from tests.e2e.gateway import Gateway
from tests.peers.audio import tone_wav
from tests.peers.rtp_phone import RtpPhone

NUMBER = "+15550100"
STOPS_WITHIN_S = 0.06
EXACT_S = 0.1
ENDS = "<Response><Hangup/></Response>"
pytestmark = pytest.mark.exact


def gather(attributes: str, inside: str = "") -> str:
    return f'<Response><Gather action="/got" {attributes}>{inside}</Gather><Redirect>/nothing</Redirect></Response>'


@pytest.fixture(autouse=True)
def application(gateway: Gateway) -> None:
    gateway.application.serves("/prompt.wav", tone_wav(440, seconds=8))
    for path in ("/got", "/nothing"):
        gateway.application.answers(path, ENDS)


async def test_the_first_digit_stops_the_prompt_within_60_ms(gateway: Gateway) -> None:
    """A prompt without a pause in it, cut by RFC 4733 and by INFO; spoken prompts are cut by the same hand, once."""
    application = gateway.application
    stops = []
    for way, prompt in (
        ("rtp", "<Play>/prompt.wav</Play>"),
        ("info", "<Play>/prompt.wav</Play>"),
        ("rtp", "<Play loop='0'>/prompt.wav</Play>"),
        ("rtp", "<Say loop='0'>a a a a a a a a a a a a</Say>"),
    ):
        application.answers("/number", gather('numDigits="4" timeout="1"', prompt))
        async with RtpPhone(gateway.sip, NUMBER) as phone:
            await phone.hears(within_s=15)
            await asyncio.sleep(0.5)  # in the middle of the prompt
            pressed = asyncio.get_running_loop().time()
            if way == "rtp":
                await phone.press("5")
            else:
                phone.info("5")
            stops.append(await phone.hears_no_more() - pressed)
            await asyncio.wait_for(phone.ended.wait(), 5)
    print("the prompt was last heard after (ms):", [round(1000 * stop) for stop in stops])  # noqa: T201 - seen with -s
    assert max(stops) <= STOPS_WITHIN_S
    assert [one["Digits"] for one in application.all("/got")] == ["5"] * len(stops)
    assert not application.all("/nothing")


async def test_what_ends_the_digits_and_when(gateway: Gateway) -> None:
    """Each by its own call: a count, a finish key (at once), the timeout after the last key and without any."""
    application = gateway.application
    late = []
    for attributes, keys, got, after_s in (
        ('numDigits="3" timeout="9"', "12345", ("123", ""), 0.0),
        ('timeout="9"', "42#", ("42", "#"), 0.0),
        ('finishOnKey="*" timeout="9"', "4#2*", ("4#2", "*"), 0.0),
        ('finishOnKey="" timeout="1"', "#*1", ("#*1", ""), 1.0),
        ('timeout="2"', "7", ("7", ""), 2.0),
        ('timeout="2"', "", None, 2.0),
        ('timeout="1"', "#", None, 0.0),
    ):
        application.answers("/number", gather(attributes))
        asked = len(application.received)
        async with RtpPhone(gateway.sip, NUMBER) as phone:
            await asyncio.wait_for(phone.answered.wait(), 5)
            began = phone.answered_at
            if keys:
                await asyncio.sleep(0.3)
                presses = await phone.press(keys)
                began = presses[len("".join(got)) - 1 if got else 0]
            await asyncio.wait_for(phone.ended.wait(), 5)
        one = next(one for one in application.received[asked:] if one.path in {"/got", "/nothing"})
        if got is None:
            assert one.path == "/nothing"
            assert "Digits" not in one.params
        else:
            assert (one.params["Digits"], one.params["FinishedOnKey"]) == got
        late.append(one.at - began - after_s)
    print("later than it should be (ms):", [round(1000 * seconds) for seconds in late])  # noqa: T201 - seen with -s
    assert max(map(abs, late)) <= EXACT_S, late
    assert statistics.median(late) < EXACT_S / 2


async def test_the_timeout_begins_when_the_prompt_has_ended(gateway: Gateway) -> None:
    application = gateway.application
    application.serves("/short.wav", tone_wav(440, seconds=1))
    application.answers("/number", gather('timeout="1"', "<Play>/short.wav</Play><Pause length='1'/>"))
    async with RtpPhone(gateway.sip, NUMBER) as phone:
        began = await phone.hears()
        await asyncio.wait_for(phone.ended.wait(), 10)
    asked = next(one.at for one in application.received if one.path == "/nothing")
    assert asked - began == pytest.approx(3.0, abs=0.15)
