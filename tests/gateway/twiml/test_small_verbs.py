"""The verbs of few attributes.

| verb | attribute | values | default | code |
|---|---|---|---|---|
| Pause | length | whole seconds from 1 | 1 | 13910 |
| Redirect | method | POST, GET | POST | 13710 |
| Reject | reason | rejected, busy | rejected | 13810 |
| Hangup, Leave, Echo | | | | |
| Pay, Prompt, Sms, Message, Queue, Autopilot | not looked into | | | 13750 |
"""

from __future__ import annotations

import pytest

from gateway.twiml.control import HungUp
from gateway.twiml.verb import Ended, FallThrough, Finish, Redirect
from tests.fakes.fake_call import BASE, FakeCall
from tests.gateway.twiml.running import read, run


async def test_pause_never_answers() -> None:
    call = FakeCall()
    assert await run('<Pause length="3"/>', call) == FallThrough()
    assert call.asked == [("pause", 3.0)]


@pytest.mark.parametrize(
    ("attributes", "length", "noted"),
    [
        ("", 1.0, []),
        ('length="10"', 10.0, []),
        ('length=" 10 "', 10.0, []),
        ('length="0"', 1.0, [13910]),
        ('length="-3"', 1.0, [13910]),
        ('length="1.5"', 1.0, [13910]),
        ('length="x"', 1.0, [13910]),
    ],
)
def test_length_of_a_pause(attributes: str, length: float, noted: list[int]) -> None:
    verb, found = read(f"<Pause {attributes}/>")
    assert (vars(verb)["length"], found) == (length, noted)


@pytest.mark.parametrize(
    ("xml", "url", "method"),
    [
        ("<Redirect>next</Redirect>", "http://app.example/menu/next", "POST"),
        ("<Redirect method='get'>\n http://x.example/ \n</Redirect>", "http://x.example/", "GET"),
        ("<Redirect>HTTPS://x.example/</Redirect>", "HTTPS://x.example/", "POST"),
        ("<Redirect/>", BASE, "POST"),
        ("<Redirect method='PUT'>/a</Redirect>", "http://app.example/a", "POST"),
    ],
)
async def test_redirect_goes_on_elsewhere_and_answers_nothing(xml: str, url: str, method: str) -> None:
    call = FakeCall()
    assert await run(xml, call) == Redirect(url, method)
    assert call.asked == []


def test_a_method_that_is_none_is_noted() -> None:
    assert read("<Redirect method='PUT'>/a</Redirect>")[1] == [13710]


@pytest.mark.parametrize(
    ("xml", "reason", "noted"),
    [
        ("<Reject/>", "rejected", []),
        ("<Reject reason='busy'/>", "busy", []),
        ("<Reject reason='tired'/>", "rejected", [13810]),
    ],
)
async def test_reject_refuses_a_call_that_rings(xml: str, reason: str, noted: list[int]) -> None:
    call = FakeCall()
    verb, found = read(xml)
    assert found == noted
    with pytest.raises(HungUp):
        await verb.run(call)
    assert call.asked == [("reject", reason)]


async def test_reject_hangs_up_a_call_that_is_answered() -> None:
    call = FakeCall(is_answered=True)
    assert await run("<Reject/>", call) == Ended(Finish.HUNG_UP)
    assert (call.asked, call.codes) == ([], [12200])


async def test_hangup_answers_first() -> None:
    call = FakeCall()
    assert await run("<Hangup/>", call) == Ended(Finish.HUNG_UP)
    assert call.asked == ["answer"]


async def test_leave_ends_the_wait() -> None:
    assert await run("<Leave/>", FakeCall(is_answered=True)) == Ended(Finish.LEFT)


async def test_echo_lasts_until_the_caller_leaves() -> None:
    call = FakeCall()
    with pytest.raises(HungUp):
        await run("<Echo/>", call)
    assert call.asked == ["answer", "echo"]


@pytest.mark.parametrize("name", ["Pay", "Prompt", "Sms", "Message", "Queue", "Autopilot"])
async def test_a_verb_of_another_service_is_named_and_passed_over(name: str) -> None:
    call = FakeCall()
    verb, noted = read(f"<{name} anything='x'><Parameter name='a'/>text</{name}>")
    assert noted == []
    assert await verb.run(call) == FallThrough()
    ((code, message),) = call.notes
    assert code == 13750
    assert f"<{name}>" in message
    assert call.asked == []
