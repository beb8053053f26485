"""`<Gather>`.

| attribute | values | default | code |
|---|---|---|---|
| input | dtmf, speech, both | dtmf | 13326 |
| action / method | URL / POST, GET | this document / POST | 11100 / 13312 |
| timeout | seconds, auto | 5 | 13313 |
| finishOnKey | one of 0-9 * #, or empty: none | # | 13311 |
| numDigits | from 1 | no limit | 13314 |
| actionOnEmptyResult | true, false | false | 13338 |
| speechTimeout | seconds, auto | timeout | 13327 |
| maxSpeechTime | seconds | 60 | 13328 |
| language, hints | BCP 47, at most 500 of 100 characters | en-US, none | 13331, 13330 |
| bargeIn | true, false | true | 13332 |
| speechModel, enhanced, profanityFilter | of no effect on speech: told | none | 13334, 12200, 13333 |
| speechModel with speechTimeout=auto | | | 13335 |
| partialResultCallback, …Method | URL / POST, GET | none / POST | 11100 / 13329 |

Nests Say, Play (not of digits), Pause: anything else 13320.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.twiml.control import Collected, CollectPlan, DocumentFault, HungUp, StatusCallback
from gateway.twiml.verb import FallThrough, Next, Redirect
from tests.fakes.fake_call import BASE, FakeCall
from tests.gateway.twiml.running import codes, run

PLAN = CollectPlan()
SPEECH = replace(PLAN, digits=False, speech=True, speech_timeout_s=5.0)


def params(step: Next) -> dict[str, str]:
    assert isinstance(step, Redirect)
    return dict(step.params)


@pytest.mark.parametrize(
    ("attributes", "plan", "noted"),
    [
        ("", replace(PLAN, speech_timeout_s=5.0), []),
        ('input="speech"', replace(PLAN, digits=False, speech=True, speech_timeout_s=5.0), []),
        ('input="dtmf speech"', replace(PLAN, speech=True, speech_timeout_s=5.0), []),
        ('input="speech dtmf" speechTimeout="auto"', replace(PLAN, speech=True), []),
        ('speechTimeout="2" timeout="9"', replace(PLAN, timeout_s=9.0, speech_timeout_s=2.0), []),
        ('timeout="3"', replace(PLAN, timeout_s=3.0, speech_timeout_s=3.0), []),
        ('timeout="auto"', replace(PLAN, speech_timeout_s=5.0), []),
        ('numDigits="4" finishOnKey="*"', replace(PLAN, most=4, finish_on="*", speech_timeout_s=5.0), []),
        ('finishOnKey=""', replace(PLAN, finish_on="", speech_timeout_s=5.0), []),
        ('bargeIn="false"', replace(PLAN, barge_in=False, speech_timeout_s=5.0), []),
        (
            'hints="yes, no,  $OOV_CLASS_DIGIT"',
            replace(PLAN, hints=("yes", "no", "$OOV_CLASS_DIGIT"), speech_timeout_s=5.0),
            [],
        ),
        (
            'language="de-DE" maxSpeechTime="10"',
            replace(PLAN, language="de-DE", max_speech_s=10.0, speech_timeout_s=5.0),
            [],
        ),
        (
            'partialResultCallback="/partial" partialResultCallbackMethod="GET"',
            replace(
                PLAN,
                speech_timeout_s=5.0,
                partial_callback=StatusCallback(
                    url="http://app.example/partial", method="GET", events=frozenset({"partial"})
                ),
            ),
            [],
        ),
        ('input="voice"', replace(PLAN, speech_timeout_s=5.0), [13326]),
        (f'timeout="{"9" * 400}"', replace(PLAN, speech_timeout_s=5.0), [13313]),
        (f'speechTimeout="{"9" * 5000}"', replace(PLAN, speech_timeout_s=5.0), [13327]),
        ('timeout="soon"', replace(PLAN, speech_timeout_s=5.0), [13313]),
        ('timeout="-1"', replace(PLAN, speech_timeout_s=5.0), [13313]),
        ('timeout="0"', replace(PLAN, timeout_s=0.0, speech_timeout_s=0.0), []),
        ('finishOnKey="12"', replace(PLAN, speech_timeout_s=5.0), [13311]),
        ('finishOnKey="A"', replace(PLAN, speech_timeout_s=5.0), [13311]),
        ('numDigits="0"', replace(PLAN, speech_timeout_s=5.0), [13314]),
        ('numDigits="-3"', replace(PLAN, speech_timeout_s=5.0), [13314]),
        ('speechTimeout="-1"', replace(PLAN, speech_timeout_s=5.0), [13327]),
        ('bargeIn="maybe"', replace(PLAN, speech_timeout_s=5.0), [13332]),
        (f'hints="{"x" * 101}"', replace(PLAN, speech_timeout_s=5.0), [13330]),
        ('speechModel="phone_call" enhanced="true" profanityFilter="true"', replace(PLAN, speech_timeout_s=5.0), []),
        ('speechModel="default" profanityFilter="false" input="speech"', SPEECH, []),
        (
            'speechModel="phone_call" enhanced="true" profanityFilter="true" input="speech"',
            SPEECH,
            [13334, 12200, 13333],
        ),
        ('speechModel="hal" input="speech"', SPEECH, [13334]),
        ('speechModel="default" speechTimeout="auto" input="speech"', replace(SPEECH, speech_timeout_s=None), [13335]),
        ('actionOnEmptyResult="x"', replace(PLAN, speech_timeout_s=5.0), [13338]),
    ],
)
async def test_attributes_become_a_plan(attributes: str, plan: CollectPlan, noted: list[int]) -> None:
    call = FakeCall()
    await run(f"<Gather {attributes}/>", call)
    assert ("collect", plan) in call.asked
    assert codes(f"<Gather {attributes}/>") == noted


async def test_prompts_are_heard_while_it_listens() -> None:
    call = FakeCall()
    await run("<Gather><Say>a</Say><Pause/><Play>/b</Play></Gather>", call)
    names = [what[0] if isinstance(what, tuple) else what for what in call.asked]
    assert names == ["load", "answer", "collect", "say", "pause", "play", "result", "collected"]


async def test_all_files_are_fetched_before_the_first_prompt_and_one_that_is_not_there_ends_it() -> None:
    call = FakeCall()
    call.faults["load"] = DocumentFault(11200, "answered 404")
    with pytest.raises(DocumentFault):
        await run("<Gather><Say>a</Say><Play>/b</Play><Play loop='2'>c.wav</Play></Gather>", call)
    assert call.asked == [("load", "http://app.example/b", "http://app.example/menu/c.wav")]


@pytest.mark.parametrize("inner", ["<Dial>+1</Dial>", "<Gather/>", "<Record/>", "<Play digits='1'/>"])
async def test_other_verbs_within_are_noted_and_left_out(inner: str) -> None:
    assert codes(f"<Gather>{inner}</Gather>") == [13320]
    call = FakeCall()
    await run(f"<Gather>{inner}</Gather>", call)
    assert len(call.asked) == 4


async def test_digits_go_to_the_action() -> None:
    call = FakeCall()
    call.collected = Collected(digits="123", finished_by="#")
    step = await run('<Gather action="got?x=1" method="GET"/>', call)
    assert isinstance(step, Redirect)
    assert (step.url, step.method) == ("http://app.example/menu/got?x=1", "GET")
    assert params(step) == {"Digits": "123", "FinishedOnKey": "#", "msg": "Gather End"}


async def test_without_an_action_this_document_is_asked_again() -> None:
    call = FakeCall()
    call.collected = Collected(digits="1")
    step = await run("<Gather/>", call)
    assert isinstance(step, Redirect)
    assert (step.url, step.method) == (BASE, "POST")


@pytest.mark.parametrize("got", [Collected(), Collected(finished_by="#"), Collected(speech="")])
async def test_nothing_entered_falls_through(got: Collected) -> None:
    call = FakeCall()
    call.collected = got
    assert await run('<Gather input="dtmf speech" action="/x"/>', call) == FallThrough()


async def test_nothing_entered_is_told_where_that_is_wanted() -> None:
    step = await run('<Gather action="/x" actionOnEmptyResult="true"/>', FakeCall())
    assert params(step)["Digits"] == ""


async def test_speech_alone_that_was_not_heard_has_no_digits() -> None:
    step = await run('<Gather input="speech" action="/x" actionOnEmptyResult="true"/>', FakeCall())
    assert params(step) == {"msg": "Gather End"}


async def test_speech_goes_to_the_action_with_its_confidence() -> None:
    call = FakeCall()
    call.collected = Collected(speech="I want a pizza.", confidence=0.91)
    step = await run('<Gather input="speech dtmf"/>', call)
    assert params(step) == {
        "SpeechResult": "I want a pizza.",
        "Confidence": "0.91",
        "Language": "en-US",
        "msg": "Gather End",
    }


async def test_confidence_is_optional() -> None:
    call = FakeCall()
    call.collected = Collected(speech="yes")
    assert "Confidence" not in params(await run('<Gather input="speech"/>', call))


async def test_a_caller_who_leaves_is_not_told_of() -> None:
    call = FakeCall()
    call.leaves_at = "result"
    with pytest.raises(HungUp):
        await run("<Gather action='/x'><Say>a</Say></Gather>", call)
    assert call.asked[-1] == "collected"


async def test_a_partial_callback_that_is_no_url_is_noted_and_left_out() -> None:
    call = FakeCall(base_url="")
    call.collected = Collected()
    await run('<Gather partialResultCallback="relative"/>', call)
    assert call.codes == [11100]
