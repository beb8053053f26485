"""Documents that are fetched before they run, and requests whose answer nobody runs."""

from __future__ import annotations

import pytest

from gateway.errors import WebhookFault
from gateway.twiml.control import CallControl, Utterance
from gateway.twiml.interpreter import SORRY, DocumentRequest, Finish, Interpreter
from gateway.twiml.reply import Reply
from tests.fakes.fake_call import FakeCall
from tests.gateway.twiml.test_interpreter import FIRST, VOICE, Application, run, said


async def test_a_document_may_be_fetched_before_it_runs_and_is_not_asked_for_again() -> None:
    call = FakeCall()
    application = Application({"/voice": "<Response><Say>x</Say></Response>"})
    interpreter = Interpreter(application)
    ready, plan = await interpreter.fetched(call, FIRST)
    assert (call.asked, plan) == ([], None)
    assert await interpreter.run(call, ready) is Finish.ENDED
    assert application.urls == [VOICE]
    with pytest.raises(WebhookFault):
        await interpreter.fetched(call, DocumentRequest(url="http://app.example/gone"))
    only_rings = Application({"/voice": "<Response><Dial callerId='+15550199'>+15550123</Dial></Response>"})
    _, plan = await Interpreter(only_rings).fetched(call, FIRST)
    assert plan is not None
    assert plan.caller_id == "+15550199"
    assert said(call) == ["<speak>x</speak>"]


async def test_what_is_only_told_is_not_run_whatever_comes_back() -> None:
    call = FakeCall()
    application = Application({"/voice": "<Response><Say>x</Say></Response>"})
    await Interpreter(application).tell(call, FIRST)
    assert (application.urls, call.asked, call.codes) == ([VOICE], [], [])
    await Interpreter(application).tell(call, DocumentRequest(url="http://app.example/gone"))
    assert call.codes == [11200]


async def test_what_raises_while_a_fault_is_told_ends_the_call_alone() -> None:
    call = FakeCall()
    call.faults["say"] = ZeroDivisionError()  # type: ignore[assignment] # what no verb may raise
    finish, _ = await run({}, call, DocumentRequest(url=VOICE))
    assert finish is Finish.FAILED


async def test_a_fallback_that_leads_to_the_same_fault_is_not_asked_for_ever() -> None:
    asked: list[str] = []

    async def fetch(call: CallControl, request: DocumentRequest) -> Reply:
        asked.append(request.url)
        body = b"<Response><Redirect>/bad</Redirect></Response>" if "fallback" in request.url else b"no document"
        return Reply(url=request.url, body=body)

    call = FakeCall()
    first = DocumentRequest(url="http://app.example/bad", fallback_url="http://app.example/fallback")
    assert await Interpreter(fetch).run(call, first) is Finish.FAILED
    assert asked.count("http://app.example/fallback") in (5, 6)
    assert call.asked[-1] == ("say", Utterance(ssml=f"<speak>{SORRY}</speak>"), 1)
