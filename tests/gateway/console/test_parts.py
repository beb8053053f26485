"""The parts of pages that are pure: the picture of what goes on, the story of a request, advice, short names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.calls.call import Call, Happening
from gateway.config import parse
from gateway.console.advice import advice
from gateway.console.live import House, families
from gateway.console.render import clock, moment, party, since
from gateway.console.webhooks import asked
from gateway.ids import AccountSid, new_call_sid
from gateway.storage.models import EventRow
from gateway.twilio_codes import Code
from tests.gateway.console.conftest import DOCUMENT
from tests.gateway.rows import ACCOUNT

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def call(from_: str = "sip:alice@x", *, parent: Call | None = None, second: int = 0, account: str = ACCOUNT) -> Call:
    return Call(
        sid=new_call_sid(),
        account_sid=AccountSid(account),
        direction="outbound-dial" if parent else "inbound",
        from_=from_,
        to="client:bob",
        parent=parent,
        created_at=AT.replace(second=second),
    )


def house(*calls: Call) -> House:
    return House(
        config=parse(dict(DOCUMENT), {}),
        calls={one.sid: one for one in calls},
        booked=list,
        rooms=list,
        lines=list,
        telephones=lambda user: [],
        trunks=dict,
        numbers=lambda account: [],
    )


def test_children_stand_below_their_parent_and_the_newest_family_first() -> None:
    old, new = call(second=1), call(second=9)
    first, second = call(parent=old, second=20), call(parent=old, second=30)
    orphan = call(parent=call(), second=5)
    assert families([first, old, new, second, orphan]) == [new, orphan, old, first, second]


def test_a_picture_is_the_same_until_something_happens_and_shows_only_ones_own() -> None:
    own, strange = call(), call(account="AC" + "f" * 32)
    one = house(own, strange)
    picture = one.picture(ACCOUNT)
    assert [view.sid for view in picture.calls] == [own.sid]
    assert one.picture(ACCOUNT) == picture
    own.happened(Happening.RINGING)
    assert one.picture(ACCOUNT) != picture
    other = one.picture("AC" + "f" * 32)
    assert [view.sid for view in other.calls] == [strange.sid]
    assert (other.phones, other.trunks) == ((), ())


def test_a_thousand_calls_are_counted_and_a_hundred_shown() -> None:
    picture = house(*(call() for _ in range(1000))).picture(ACCOUNT)
    assert (picture.call_count, len(picture.calls)) == (1000, 100)


def event(body: str = "", *, code: object = 200, **parameters: str) -> EventRow:
    request: dict[str, object] = {"method": "POST", "url": "http://x/voice", "parameters": parameters}
    response: dict[str, object] = {"response_code": code, "request_duration": 12, "response_body": body}
    return EventRow(id=1, call_sid="CA" + "0" * 32, request=request, response=response, created_at=AT)


def test_a_document_is_told_verb_by_verb() -> None:
    body = "<Response><Say>Good  morning</Say><Dial><Client>bob</Client><Number>+1</Number></Dial><Hangup/></Response>"
    told = asked(event(body, CallStatus="ringing"))
    assert told.verbs == ("Say Good morning", "Dial Client bob Number +1", "Hangup")
    assert (told.kind, told.gist, told.is_good) == ("document", "CallStatus ringing", True)


@pytest.mark.parametrize(
    "body",
    [
        "not xml",
        "<Response><Say></Response>",
        '<!DOCTYPE a [<!ENTITY b "c">]><Response><Say>&b;</Say></Response>',
        "<Response>" * 9000,
        "<\x00>",
    ],
)
def test_what_is_no_document_has_no_verbs_and_breaks_nothing(body: str) -> None:
    assert asked(event(body)).verbs == ()


def test_long_documents_and_words_are_cut() -> None:
    told = asked(event(f"<Response>{'<Say>' + 'x' * 500 + '</Say>'}{'<Pause/>' * 40}</Response>"))
    assert len(told.verbs) == 13
    assert told.verbs[-1] == "…"
    assert len(told.verbs[0]) == 60


def test_a_callback_is_told_from_a_document_and_a_failure_from_an_answer() -> None:
    told = asked(
        event("<Response><Say>x</Say></Response>", CallbackSource="call-progress-events", CallStatus="completed")
    )
    assert (told.kind, told.verbs) == ("callback", ())
    assert not asked(event(code=503)).is_good
    row = event(code=None)
    row.response |= {"error_code": 11202, "error_message": "refused"}
    assert asked(row).fault == "11202: refused"


def test_a_row_with_odd_contents_is_still_told() -> None:
    row = EventRow(id=1, call_sid="CA", request={"parameters": [1]}, response={"request_duration": None}, created_at=AT)
    assert (asked(row).parameters, asked(row).duration_ms, asked(row).status) == ([], 0, None)


def test_every_code_that_this_gateway_speaks_has_advice() -> None:
    assert [code for code in Code if not advice(code)] == []
    assert advice(99_999) == ""


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("sip:alice@127.0.0.1:5060", "alice"), ("client:bob", "bob"), ("+15550100", "+15550100"), ("sips:a@b", "a"),
        ("sip:@x", "sip:@x"), ("", "unknown"),
    ],
)  # fmt: skip
def test_a_party_is_named_in_short(text: str, short: str) -> None:
    assert party(text) == short


def test_times_are_marked_up_for_the_script_and_readable_without_it() -> None:
    assert (
        str(moment(AT)) == '<time datetime="2026-11-21T08:00:00.000Z" data-shape="full">2026-11-21 08:00:00 UTC</time>'
    )
    assert ">–<" in str(moment(None))
    assert 'class="since"' in str(since(AT))
    assert [clock(0), clock(67), clock(3723), clock(None)] == ["0:00", "1:07", "1:02:03", "0:00"]
