"""One call's documents.

| what happens | what follows |
|---|---|
| a document runs out | Finish.ENDED; an unanswered call is answered first |
| `<Redirect>`, `action` | the next document, relative to this one |
| `<Hangup>`, `<Reject>` | Finish.HUNG_UP, Finish.GONE |
| the caller leaves | Finish.GONE; the action of Record, Dial, Enqueue is told once more, its reply ignored |
| fault of a fetch, a document or a verb | the fallback URL with ErrorCode and ErrorUrl; else a spoken apology, Finish.FAILED |
| documents without end | 11215 |
| cancellation | stops the verb that runs |
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from gateway.errors import WebhookFault
from gateway.twiml.control import Collected, DialResult, DocumentFault, EnqueueResult, Recorded, Utterance
from gateway.twiml.interpreter import (
    SORRY,
    WAITING_LINE,
    WAITING_ROOM,
    DocumentRequest,
    Finish,
    Interpreter,
    Rules,
)
from gateway.twiml.reply import Reply
from tests.fakes.fake_call import FakeCall

VOICE = "http://app.example/voice"
FALLBACK = "http://app.example/fallback"
FIRST = DocumentRequest(url=VOICE, fallback_url=FALLBACK)

Script = Mapping[str, str | Reply | WebhookFault]


class Application:
    """Answers by path; keeps what it was asked. A path that is not scripted is a 404."""

    def __init__(self, script: Script) -> None:
        self.asked: list[tuple[str, DocumentRequest, str]] = []
        self._script = script

    async def __call__(self, call: object, request: DocumentRequest) -> Reply:
        assert isinstance(call, FakeCall)
        self.asked.append((request.url, request, dict(call.parameters())["CallStatus"]))
        path = request.url.removeprefix("http://app.example").partition("?")[0]
        found = self._script.get(path, WebhookFault(11200, "answered 404", url=request.url, status=404))
        if isinstance(found, WebhookFault):
            raise found
        return found if isinstance(found, Reply) else Reply(url=request.url, body=found.encode())

    @property
    def urls(self) -> list[str]:
        return [url for url, _, _ in self.asked]


async def run(
    script: Script, call: FakeCall, first: DocumentRequest = FIRST, rules: Rules | None = None
) -> tuple[Finish, Application]:
    application = Application(script)
    return await Interpreter(application).run(call, first, rules), application


def said(call: FakeCall) -> list[str]:
    return [what[1].ssml for what in call.asked if isinstance(what, tuple) and isinstance(what[1], Utterance)]


async def test_verbs_run_in_order_until_the_document_runs_out() -> None:
    call = FakeCall()
    finish, _ = await run({"/voice": "<Response><Say>a</Say><Pause/><Say>b</Say></Response>"}, call)
    assert finish is Finish.ENDED
    assert said(call) == ["<speak>a</speak>", "<speak>b</speak>"]


@pytest.mark.parametrize("body", ["", "<Pause length='3'/>"])
async def test_a_document_without_an_answer_answers_at_its_end(body: str) -> None:
    call = FakeCall()
    finish, _ = await run({"/voice": f"<Response>{body}</Response>"}, call)
    assert finish is Finish.ENDED
    assert call.asked[-1] == "answer"


async def test_a_dial_that_was_to_answer_on_the_bridge_and_failed_answers_nothing() -> None:
    call = FakeCall()
    call.dialled = DialResult(status="busy")
    finish, _ = await run({"/voice": '<Response><Dial answerOnBridge="true">+1555</Dial></Response>'}, call)
    assert finish is Finish.ENDED
    assert not call.is_answered


async def test_redirects_are_relative_to_the_document_that_says_them() -> None:
    script = {
        "/voice": "<Response><Redirect>menu/first?x=1</Redirect><Say>never</Say></Response>",
        "/menu/first": "<Response><Redirect method='GET'>second</Redirect></Response>",
        "/menu/second": "<Response><Redirect>/third</Redirect></Response>",
        "/third": "<Response><Hangup/></Response>",
    }
    call = FakeCall()
    finish, application = await run(script, call)
    assert finish is Finish.HUNG_UP
    base = "http://app.example"
    assert application.urls == [VOICE, f"{base}/menu/first?x=1", f"{base}/menu/second", f"{base}/third"]
    assert [request.method for _, request, _ in application.asked] == ["POST", "POST", "GET", "POST"]


async def test_the_base_is_where_the_document_came_from_at_last() -> None:
    moved = Reply(url="http://other.example/a/b", body=b"<Response><Redirect>c</Redirect></Response>")
    _, application = await run({"/voice": moved}, FakeCall())
    assert application.urls[1] == "http://other.example/a/c"


async def test_without_an_action_gather_asks_its_own_document_again() -> None:
    call = FakeCall()
    call.collected = Collected(digits="1")
    replies = iter(["<Response><Gather/></Response>", "<Response/>"])

    async def fetch(_: object, request: DocumentRequest) -> Reply:
        asked.append(request)
        return Reply(url=request.url, body=next(replies).encode())

    asked: list[DocumentRequest] = []
    await Interpreter(fetch).run(call, FIRST)
    assert [request.url for request in asked] == [VOICE, VOICE]
    assert dict(asked[1].params)["Digits"] == "1"


async def test_inline_documents_have_no_base() -> None:
    call = FakeCall()
    call.collected = Collected(digits="1")
    inline = "<Response><Gather/><Say>x</Say></Response>"
    finish, application = await run({}, call, DocumentRequest(twiml=inline))
    assert (finish, application.urls, call.codes) == (Finish.FAILED, [], [11100])


@pytest.mark.parametrize(
    ("script", "code", "error_url"),
    [
        ({}, "11200", VOICE),
        ({"/voice": "<Response><Dial>"}, "12100", VOICE),
        ({"/voice": "<Answer/>"}, "12102", VOICE),
        ({"/voice": Reply(url=VOICE, body=b"{}", content_type="application/json")}, "12300", VOICE),
        ({"/voice": Reply(url=VOICE, body=b"", content_type="")}, "12300", VOICE),
        ({"/voice": Reply(url=VOICE, headers=(("Transfer-Encoding", "chunked"),))}, "11770", VOICE),
        ({"/voice": WebhookFault(11205, "no connection", url=VOICE)}, "11205", VOICE),
        ({"/voice": "<Response><Redirect>ftp://x</Redirect></Response>"}, "11100", "ftp://x"),
        ({"/voice": "<Response><Redirect>/gone</Redirect></Response>"}, "11200", "http://app.example/gone"),
        ({"/voice": "<Response><Play>/x.txt</Play></Response>"}, "13420", "http://app.example/x.txt"),
    ],
)
async def test_every_fault_goes_to_the_fallback_with_its_code(script: Script, code: str, error_url: str) -> None:
    call = FakeCall()
    call.faults["play"] = DocumentFault(13420, "no audio", url="http://app.example/x.txt")
    finish, application = await run({**script, "/fallback": "<Response><Hangup/></Response>"}, call)
    assert finish is Finish.HUNG_UP
    url, request, _ = application.asked[-1]
    assert url == FALLBACK
    assert dict(request.params) == {"ErrorCode": code, "ErrorUrl": error_url}
    assert int(code) in call.codes


async def test_the_fallback_carries_what_the_failed_request_carried() -> None:
    call = FakeCall()
    call.collected = Collected(digits="7")
    script = {"/voice": "<Response><Gather action='/gone'/></Response>", "/fallback": "<Response/>"}
    _, application = await run(script, call)
    params = dict(application.asked[-1][1].params)
    assert (params["Digits"], params["ErrorCode"]) == ("7", "11200")


@pytest.mark.parametrize("script", [{}, {"/fallback": "nothing"}, {"/fallback": "<Response><Redirect/></Response>"}])
async def test_when_nothing_helps_the_caller_is_told_and_hung_up(script: Script) -> None:
    call = FakeCall()
    first = FIRST if script.get("/fallback") != "<Response><Redirect/></Response>" else DocumentRequest(url=VOICE)
    finish, application = await run(script, call, first)
    assert finish is Finish.FAILED
    assert said(call) == [f"<speak>{SORRY}</speak>"]
    assert application.urls.count(FALLBACK) <= 1


async def test_a_fallback_may_be_asked_again_once_a_document_has_run() -> None:
    script = {
        "/fallback": "<Response><Redirect>/menu</Redirect></Response>",
        "/menu": "<Response><Redirect>/x</Redirect></Response>",
    }
    call = FakeCall()
    call.faults["say"] = DocumentFault(13500, "no voice")

    async def fetch(_: object, request: DocumentRequest) -> Reply:
        asked.append(request.url)
        if len(asked) > 6:
            raise WebhookFault(11200, "down", url=request.url)
        return await Application(script)(call, request)

    asked: list[str] = []
    finish = await Interpreter(fetch).run(call, FIRST)
    assert finish is Finish.FAILED
    assert asked.count(FALLBACK) == 3


async def test_a_voice_that_fails_too_leaves_a_plain_hang_up() -> None:
    call = FakeCall()
    call.faults["say"] = DocumentFault(13520, "no voice")
    finish, _ = await run({}, call)
    assert finish is Finish.FAILED


async def test_a_whisper_that_fails_is_not_spoken_about() -> None:
    call = FakeCall(is_answered=True, is_whisper=True)
    finish, _ = await run({}, call, DocumentRequest(url=VOICE))
    assert (finish, call.asked) == (Finish.FAILED, [])


async def test_a_whisper_that_dials_is_refused() -> None:
    call = FakeCall(is_answered=True, is_whisper=True)
    finish, _ = await run({"/voice": "<Response><Dial>+1</Dial></Response>"}, call, DocumentRequest(url=VOICE))
    assert (finish, call.codes) == (Finish.FAILED, [13201])


async def test_a_whisper_may_hold_only_what_a_whisper_may_hold() -> None:
    call = FakeCall(is_answered=True, is_whisper=True)
    script = {"/voice": "<Response><Record/><Say>hi</Say></Response>"}
    finish, _ = await run(script, call, DocumentRequest(url=VOICE))
    assert (finish, call.codes, len(said(call))) == (Finish.ENDED, [12200], 1)


@pytest.mark.parametrize(
    ("rules", "verb", "finish", "code"),
    [
        (WAITING_LINE, "<Leave/>", Finish.LEFT, []),
        (WAITING_LINE, "<Dial>+1</Dial>", Finish.ENDED, [12200]),
        (WAITING_ROOM, "<Gather/>", Finish.ENDED, [13238]),
        (WAITING_ROOM, "<Leave/>", Finish.ENDED, [13238]),
        (None, "<Leave/>", Finish.ENDED, [12200]),
    ],
)
async def test_each_kind_of_document_has_its_verbs(
    rules: Rules | None, verb: str, finish: Finish, code: list[int]
) -> None:
    call = FakeCall(is_answered=True)
    got, _ = await run({"/voice": f"<Response>{verb}</Response>"}, call, rules=rules)
    assert (got, call.codes) == (finish, code)


async def test_a_caller_who_leaves_ends_the_documents() -> None:
    call = FakeCall(is_answered=True)
    call.leaves_at = "pause"
    finish, application = await run({"/voice": "<Response><Pause/><Redirect>/next</Redirect></Response>"}, call)
    assert (finish, application.urls) == (Finish.GONE, [VOICE])


@pytest.mark.parametrize(
    ("verb", "asked", "param"),
    [
        ("<Record action='/done'/>", "record", ("Digits", "hangup")),
        ("<Dial action='/done'>+1555</Dial>", "dial", ("DialCallStatus", "completed")),
        ("<Enqueue action='/done'>line</Enqueue>", "enqueue", ("QueueResult", "hangup")),
    ],
)
async def test_the_last_action_is_told_after_a_hang_up_and_its_reply_ignored(
    verb: str, asked: str, param: tuple[str, str]
) -> None:
    call = FakeCall()
    call.recorded = Recorded(sid="RE1", url="http://gw/RE1", duration_s=2, digits="hangup")
    call.enqueued = EnqueueResult(result="hangup")
    call.leaves_at = asked
    script = {"/voice": f"<Response>{verb}<Say>no</Say></Response>", "/done": "<Response><Say>no</Say></Response>"}
    finish, application = await run(script, call)
    assert finish is Finish.GONE
    url, request, status = application.asked[-1]
    assert (url, status) == ("http://app.example/done", "completed")
    assert param in request.params
    assert said(call) == []


async def test_a_last_action_that_fails_asks_no_fallback() -> None:
    call = FakeCall()
    call.leaves_at = "dial"
    finish, application = await run({"/voice": "<Response><Dial action='/x'>+1</Dial></Response>"}, call)
    assert (finish, application.urls) == (Finish.GONE, [VOICE, "http://app.example/x"])
    assert 11200 in call.codes


async def test_reject_ends_without_an_answer() -> None:
    call = FakeCall()
    finish, _ = await run({"/voice": "<Response><Reject reason='busy'/></Response>"}, call)
    assert (finish, call.asked) == (Finish.GONE, [("reject", "busy")])


async def test_documents_without_end_are_stopped() -> None:
    call = FakeCall()
    finish, application = await run({"/voice": "<Response><Redirect/></Response>"}, call)
    assert finish is Finish.FAILED
    assert 11215 in call.codes
    assert 1_000 <= len(application.asked) <= 1_010


async def test_notes_of_a_document_are_notified_before_it_runs() -> None:
    call = FakeCall()
    await run({"/voice": "<Response><Foo/><Pause length='x'/></Response>"}, call)
    assert call.codes == [12200, 13910]


async def test_cancelling_stops_the_verb_that_runs() -> None:
    call = FakeCall(is_answered=True)
    call.blocked = asyncio.get_running_loop().create_future()
    application = Application({"/voice": "<Response><Pause/><Say>never</Say></Response>"})
    running = asyncio.create_task(Interpreter(application).run(call, FIRST))
    await call.paused.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert said(call) == []


async def test_a_bug_in_a_verb_ends_its_call_and_no_other() -> None:
    call = FakeCall()
    call.faults["say"] = ZeroDivisionError()  # type: ignore[assignment] # what no verb may raise
    finish, _ = await run({"/voice": "<Response><Say>x</Say></Response>"}, call, DocumentRequest(url=VOICE))
    assert (finish, call.codes) == (Finish.FAILED, [12400])


async def test_a_bug_in_a_verb_goes_to_the_fallback_as_any_fault_does() -> None:
    call = FakeCall()
    call.faults["play"] = ZeroDivisionError()  # type: ignore[assignment] # what no verb may raise
    script = {
        "/voice": "<Response><Play>/a.wav</Play></Response>",
        "/fallback": "<Response><Say>sorry</Say></Response>",
    }
    finish, application = await run(script, call)
    assert (finish, said(call), call.codes) == (Finish.ENDED, ["<speak>sorry</speak>"], [12400])
    assert application.asked[-1][1].params == (("ErrorCode", "12400"), ("ErrorUrl", VOICE))


@pytest.mark.parametrize("text", ["http://[", "http://[::1/", "http://[x]/"])
@pytest.mark.parametrize("verb", ["Redirect", "Play"])
async def test_brackets_that_hold_no_address_are_a_bad_url(verb: str, text: str) -> None:
    call = FakeCall()
    finish, application = await run({"/voice": f"<Response><{verb}>{text}</{verb}></Response>"}, call)
    assert call.codes == [11100, 11200]
    assert application.urls == [VOICE, FALLBACK]
    assert finish is Finish.FAILED


@pytest.mark.parametrize(
    ("body", "charset", "spoken"),
    [
        (b"Hello & goodbye", "", "<speak>Hello &amp; goodbye</speak>"),
        (b"caf\xe9", "latin-1", "<speak>caf\xe9</speak>"),
        (b"<Response><Say>x</Say></Response>", "", "<speak>x</speak>"),
    ],
)
async def test_plain_text_is_spoken_unless_it_is_twiml(body: bytes, charset: str, spoken: str) -> None:
    call = FakeCall()
    reply = Reply(url=VOICE, body=body, charset=charset, content_type="text/plain")
    finish, _ = await run({"/voice": reply}, call)
    assert (finish, said(call)) == (Finish.ENDED, [spoken])


async def test_audio_is_played_once() -> None:
    call = FakeCall()
    reply = Reply(url="http://app.example/a.mp3", content_type="audio/mpeg")
    finish, _ = await run({"/voice": reply}, call)
    assert finish is Finish.ENDED
    assert ("play", "http://app.example/a.mp3", 1) in call.asked


@pytest.mark.parametrize(
    ("body", "charset", "code"),
    [(b"<html/>", "", 12102), (b"<Response>", "", 12100), (b"words", "klingon", 12100)],
)
async def test_plain_text_that_looks_like_xml_must_be_twiml(body: bytes, charset: str, code: int) -> None:
    call = FakeCall()
    reply = Reply(url=VOICE, body=body, charset=charset, content_type="text/plain")
    finish, _ = await run({"/voice": reply}, call, DocumentRequest(url=VOICE))
    assert (finish, call.codes) == (Finish.FAILED, [code])


async def test_a_caller_who_leaves_while_the_application_thinks_is_gone() -> None:
    call = FakeCall()

    async def fetch(_: object, request: DocumentRequest) -> Reply:
        call.leave()
        raise WebhookFault(11200, "too slow", url=request.url)

    assert await Interpreter(fetch).run(call, FIRST) is Finish.GONE

    async def late(_: object, request: DocumentRequest) -> Reply:
        return Reply(url=request.url, body=b"<Response><Say>x</Say></Response>")

    assert await Interpreter(late).run(call, FIRST) is Finish.GONE
    assert call.asked == []
