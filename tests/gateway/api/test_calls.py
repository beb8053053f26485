"""The Calls resource by the genuine helper library (rest.md section 2): create, fetch, list, update, delete."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from twilio.base.exceptions import TwilioRestException

from gateway.storage.models import CallRow, DepartureRow
from gateway.twiml.control import MachineDetection, RecordingPlan, StatusCallback
from gateway.twiml.interpreter import DocumentRequest
from tests.gateway.api.conftest import APPLICATION, Gateway
from tests.gateway.rows import ACCOUNT, NOON, call_row

CREATE: dict[str, Any] = {"to": "+14155550111", "from_": "+14155550100", "url": "http://127.0.0.1:9000/v"}


async def fault_of(gateway: Gateway, **changes: Any) -> TwilioRestException:  # noqa: ANN401
    wanted = {name: value for name, value in (CREATE | changes).items() if value is not None}
    with pytest.raises(TwilioRestException) as caught:
        await gateway.ask(lambda client: client.calls.create(**({"to": "", "from_": ""} | wanted)))
    return caught.value


# -- create ---------------------------------------------------------------------------------------------------------


async def test_a_created_call_is_queued_and_leaves(gateway: Gateway) -> None:
    call = await gateway.ask(lambda client: client.calls.create(**CREATE))
    assert (call.status, call.direction, call.api_version) == ("queued", "outbound-api", "2010-04-01")
    assert (call.to, call.to_formatted, call._from, call.from_formatted) == (
        "+14155550111", "(415) 555-0111", "+14155550100", "(415) 555-0100",
    )  # fmt: skip
    assert (call.date_created, call.start_time, call.end_time, call.duration, call.price) == (None,) * 5
    assert call.phone_number_sid.startswith("PN")
    assert call.subresource_uris["recordings"].endswith(f"/Calls/{call.sid}/Recordings.json")
    placed = await gateway.live.placed.get()
    assert placed.sid == call.sid
    assert placed.first == DocumentRequest(url="http://127.0.0.1:9000/v", method="POST")
    assert (placed.timeout_s, placed.time_limit_s, placed.recording, placed.detection) == (60, 14_400, None, None)
    assert await gateway.store.scalar(select(func.count()).select_from(DepartureRow)) == 0


async def test_every_parameter_reaches_the_call(gateway: Gateway) -> None:
    await gateway.ask(
        lambda client: client.calls.create(
            to="sip:bob@sip.example.org?X-Order=17",
            from_="Jack",
            url="http://127.0.0.1:9000/v",
            method="GET",
            fallback_url="http://127.0.0.1:9000/f",
            fallback_method="GET",
            status_callback="http://127.0.0.1:9000/s",
            status_callback_method="GET",
            status_callback_event=["initiated", "ringing", "answered", "completed"],
            timeout=25,
            time_limit=600,
            record=True,
            recording_channels="dual",
            recording_track="inbound",
            trim="do-not-trim",
            recording_status_callback="http://127.0.0.1:9000/r",
            recording_status_callback_method="GET",
            recording_status_callback_event=["in-progress", "completed"],
            sip_auth_username="jack",
            sip_auth_password="secret",
            caller_id="+14155550100",
            call_reason="your parcel",
            machine_detection="DetectMessageEnd",
            machine_detection_timeout=20,
            machine_detection_speech_threshold=2000,
            machine_detection_speech_end_threshold=1000,
            machine_detection_silence_timeout=4000,
            async_amd="true",
            async_amd_status_callback="http://127.0.0.1:9000/amd",
            async_amd_status_callback_method="GET",
            byoc="BY" + "0" * 32,
        )
    )
    placed = await gateway.live.placed.get()
    assert (placed.to, placed.from_, placed.caller_id) == ("sip:bob@sip.example.org?X-Order=17", "Jack", "+14155550100")
    assert placed.first == DocumentRequest(
        url="http://127.0.0.1:9000/v", method="GET", fallback_url="http://127.0.0.1:9000/f", fallback_method="GET"
    )
    assert placed.status_callback == StatusCallback(
        url="http://127.0.0.1:9000/s", method="GET", events=frozenset({"initiated", "ringing", "answered", "completed"})
    )
    assert placed.recording == RecordingPlan(
        channels=2,
        track="inbound",
        trim=False,
        callback=StatusCallback(
            url="http://127.0.0.1:9000/r", method="GET", events=frozenset({"in-progress", "completed"})
        ),
        source="OutboundAPI",
    )
    assert placed.detection == MachineDetection(
        mode="DetectMessageEnd",
        timeout_s=20,
        speech_threshold_ms=2000,
        speech_end_threshold_ms=1000,
        silence_timeout_ms=4000,
        callback=StatusCallback(url="http://127.0.0.1:9000/amd", method="GET"),
    )
    assert (placed.detects_async, placed.timeout_s, placed.time_limit_s) == (True, 25, 600)
    assert (placed.sip_username, placed.sip_password, placed.call_reason) == ("jack", "secret", "your parcel")


async def test_digits_to_send_leave_detection_out(gateway: Gateway) -> None:
    await gateway.ask(lambda client: client.calls.create(**CREATE, send_digits="ww12#W*A", machine_detection="Enable"))
    placed = await gateway.live.placed.get()
    assert (placed.send_digits, placed.detection) == ("ww12#W*A", None)


async def test_an_application_wins_over_url_and_callbacks_and_url_over_twiml(gateway: Gateway) -> None:
    await gateway.ask(
        lambda client: client.calls.create(
            **CREATE, application_sid=APPLICATION, status_callback="http://127.0.0.1:9000/x"
        )
    )
    placed = await gateway.live.placed.get()
    assert placed.first.url == "http://127.0.0.1:9000/app"
    assert placed.status_callback == StatusCallback(url="http://127.0.0.1:9000/as")
    assert placed.application_sid == APPLICATION
    await gateway.ask(lambda client: client.calls.create(**CREATE, twiml="<Response/>"))
    assert (await gateway.live.placed.get()).first.twiml == ""
    await gateway.ask(lambda client: client.calls.create(to="client:bob", from_="client:al", twiml="<Response/>"))
    placed = await gateway.live.placed.get()
    assert (placed.first.twiml, placed.first.url, placed.to, placed.from_) == (
        "<Response/>",
        "",
        "client:bob",
        "client:al",
    )


async def test_events_may_come_as_one_text_and_unknown_ones_are_passed_over(gateway: Gateway) -> None:
    form = {"To": "+14155550111", "From": "+14155550100", "Url": "http://a/", "StatusCallback": "http://a/s"}
    await gateway.raw("POST", "/Calls.json", data=form | {"StatusCallbackEvent": "initiated answered dancing"})
    placed = await gateway.live.placed.get()
    assert placed.status_callback == StatusCallback(url="http://a/s", events=frozenset({"initiated", "answered"}))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": None}, 21201),
        ({"from_": None}, 21213),
        ({"url": None}, 21205),
        ({"url": "ftp://a/"}, 21205),
        ({"url": "not a url"}, 21205),
        ({"to": "hello"}, 21211),
        ({"to": "+1" + "5" * 30}, 21211),
        ({"to": "client:a b"}, 21211),
        ({"to": "sip:"}, 21211),
        ({"to": "sip:bob@x?Via=evil"}, 21228),
        ({"to": "sip:bob@x?X-A=%0d%0aVia:%20evil"}, 21229),
        ({"to": "sip:bob@x?X-A=" + "a" * 1024}, 21227),
        ({"from_": "Jack"}, 21212),
        ({"send_digits": "12x"}, 21206),
        ({"send_digits": "1" * 33}, 21206),
        ({"timeout": 0}, 21208),
        ({"timeout": 601}, 21208),
        ({"timeout": "soon"}, 21208),
        ({"method": "PUT"}, 21209),
        ({"fallback_method": "DELETE"}, 21209),
        ({"application_sid": "AP" + "0" * 32}, 21218),
        ({"sip_auth_username": "jack"}, 21225),
        ({"sip_auth_password": "x" * 256, "sip_auth_username": "a"}, 21223),
        ({"sip_auth_password": "x", "sip_auth_username": "a" * 256}, 21221),
        ({"sip_auth_password": "x", "sip_auth_username": "a\r\nVia: b"}, 21222),
        ({"sip_auth_password": "x\0", "sip_auth_username": "a"}, 21224),
        ({"url": "http://my_host/v"}, 21205),
        ({"fallback_url": "http://my_host:80/v"}, 21205),
        ({"machine_detection": "Maybe"}, 21234),
        ({"machine_detection": "Enable", "machine_detection_timeout": 2}, 21234),
        ({"url": None, "twiml": "<" * 4001}, 32018),
        ({"status_callback": "nowhere"}, 21609),
        ({"recording_channels": "three"}, 20001),
        ({"record": "perhaps"}, 20001),
        ({"call_reason": "x" * 51}, 20001),
        ({"call_reason": "a\r\nVia: b"}, 20001),
        ({"from_": "Jack\r\nVia: b"}, 21212),
        ({"caller_id": "a\0b"}, 21212),
        ({"to": "sip:" + "a" * 250 + "@x"}, 21211),
        ({"url": "http://x:99999/"}, 21205),
        ({"url": "http://[::1/"}, 21205),
        ({"url": "http://x/\0"}, 21205),
    ],
)
async def test_a_bad_parameter_is_400_with_twilios_code_and_no_call(
    gateway: Gateway, changes: dict[str, Any], code: int
) -> None:
    fault = await fault_of(gateway, **changes)
    assert (fault.status, fault.code) == (400, code), fault
    assert await gateway.store.scalar(select(func.count()).select_from(CallRow)) == 0


# -- fetch and list -------------------------------------------------------------------------------------------------


async def test_a_fetched_call_says_all_of_itself(gateway: Gateway) -> None:
    await gateway.store.save(
        call_row(
            7,
            parent_sid="CA" + "e" * 32,
            direction="inbound",
            to="+14155550100",
            answered_at=NOON + timedelta(seconds=9),
            ended_at=NOON + timedelta(seconds=58),
            duration_s=49,
            answered_by="human",
            forwarded_from="+15550009",
            caller_name="Ann",
            queue_time_ms=1500,
        )
    )
    call = await gateway.ask(lambda client: client.calls(call_row(7).sid).fetch())
    assert (call.sid, call.account_sid, call.parent_call_sid) == (call_row(7).sid, ACCOUNT, "CA" + "e" * 32)
    assert (call.status, call.duration, call.queue_time, call.answered_by) == ("completed", "49", "1500", "human")
    assert (call.forwarded_from, call.caller_name, call.direction) == ("+15550009", "Ann", "inbound")
    assert call.start_time == NOON + timedelta(seconds=7)
    assert call.end_time == NOON + timedelta(seconds=58)
    assert call.date_created == call.date_updated == NOON + timedelta(seconds=7)
    assert call.uri == f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{call.sid}.json"
    assert call.phone_number_sid is not None


async def test_a_list_is_newest_first_over_pages_and_stays_right_while_calls_come_in(gateway: Gateway) -> None:
    await gateway.store.save(*(call_row(number) for number in range(1, 8)))
    first = await gateway.ask(lambda client: client.calls.page(page_size=3))
    assert [call.sid for call in first] == [call_row(n).sid for n in (7, 6, 5)]
    await gateway.store.save(call_row(8))
    second = await gateway.ask(lambda client: first.next_page())
    assert [call.sid for call in second] == [call_row(n).sid for n in (4, 3, 2)]
    third = await gateway.ask(lambda client: second.next_page())
    assert [call.sid for call in third] == [call_row(1).sid]
    assert await gateway.ask(lambda client: third.next_page()) is None
    back = await gateway.ask(lambda client: third.previous_page())
    assert [call.sid for call in back] == [call_row(n).sid for n in (4, 3, 2)]
    everything = await gateway.ask(lambda client: client.calls.list(page_size=3))
    assert len(everything) == 8
    assert len(await gateway.ask(lambda client: client.calls.list(limit=4))) == 4


async def test_the_envelope_counts_from_nought(gateway: Gateway) -> None:
    await gateway.store.save(*(call_row(number) for number in range(1, 4)))
    _, body, _ = await gateway.raw("GET", "/Calls.json?PageSize=2&Status=completed")
    assert {k: v for k, v in body.items() if k != "calls"} == {
        "page": 0,
        "page_size": 2,
        "start": 0,
        "end": 1,
        "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json?Status=completed&PageSize=2&Page=0",
        "first_page_uri": f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json?Status=completed&PageSize=2&Page=0",
        "next_page_uri": f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json?Status=completed&PageSize=2&Page=1&PageToken=PA{call_row(2).sid}",
        "previous_page_uri": None,
    }
    _, body, _ = await gateway.raw("GET", "/Calls.json?PageSize=2&Page=1")
    assert [call["sid"] for call in body["calls"]] == [call_row(1).sid]


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({"to": "+15550099"}, [5]),
        ({"to": "(555) 000-2"}, []),
        ({"from_": "+15550001"}, [5, 4, 3, 2, 1]),
        ({"status": "busy"}, [4]),
        ({"parent_call_sid": "CA" + "e" * 32}, [3]),
        ({"start_time": date(2026, 11, 21)}, [5, 4, 3, 2]),
        ({"start_time_after": date(2026, 11, 22)}, [1]),
        ({"start_time_before": date(2026, 11, 22)}, [5, 4, 3, 2]),
        ({"start_time_after": datetime(2026, 11, 21, 12, 0, 4, tzinfo=UTC)}, [5, 4, 1]),
        ({"start_time_before": datetime(2026, 11, 21, 12, 0, 3, tzinfo=UTC)}, [3, 2]),
        ({"end_time_after": date(2026, 11, 21)}, [2]),
        ({"start_time": date.max}, []),
        ({"start_time_before": datetime.max.replace(tzinfo=UTC)}, [5, 4, 3, 2, 1]),
        ({"start_time_after": datetime.max.replace(tzinfo=UTC)}, []),
    ],
)
async def test_filters(gateway: Gateway, filters: dict[str, Any], numbers: list[int]) -> None:
    await gateway.store.save(
        call_row(1, started_at=NOON + timedelta(days=1)),
        call_row(2, ended_at=NOON + timedelta(minutes=1)),
        call_row(3, parent_sid="CA" + "e" * 32),
        call_row(4, status="busy"),
        call_row(5, to="+15550099"),
        call_row(6, account_sid="AC" + "f" * 32, to="+15550099", from_="x"),
    )
    found = await gateway.ask(lambda client: client.calls.list(**filters))
    assert [call.sid for call in found] == [call_row(number).sid for number in numbers]


async def test_bad_filters_are_named(gateway: Gateway) -> None:
    for query, code in (
        ("Status=dancing", 20001),
        ("StartTime=yesterday", 20001),
        ("StartTime=0001-01-01T00:00:00%2B14:00", 20001),
        ("PageSize=1001", 20007),
        ("Page=-1", 20001),
    ):
        status, body, _ = await gateway.raw("GET", f"/Calls.json?{query}")
        assert (status, body["code"]) == (400, code), query


# -- update ---------------------------------------------------------------------------------------------------------


async def test_a_call_in_progress_gets_a_new_document(gateway: Gateway) -> None:
    sid = call_row(1).sid
    gateway.live.there.add(sid)
    await gateway.store.save(call_row(1, status="in-progress"))
    call = await gateway.ask(
        lambda client: client.calls(sid).update(url="http://a/n", method="GET", fallback_url="http://a/f")
    )
    assert call.status == "in-progress"
    await gateway.ask(lambda client: client.calls(sid).update(twiml="<Response><Hangup/></Response>"))
    assert gateway.live.told == [
        ("redirect", sid, DocumentRequest(url="http://a/n", method="GET", fallback_url="http://a/f")),
        ("redirect", sid, DocumentRequest(twiml="<Response><Hangup/></Response>")),
    ]


@pytest.mark.parametrize(
    ("status", "asked", "told"),
    [
        ("ringing", "canceled", [True]),
        ("ringing", "completed", [True]),
        ("in-progress", "completed", [False]),
        ("in-progress", "canceled", []),
        ("completed", "completed", []),
        ("busy", "canceled", []),
    ],
)
async def test_status_ends_a_call_where_it_may(gateway: Gateway, status: str, asked: str, told: list[bool]) -> None:
    sid = call_row(1).sid
    gateway.live.there.add(sid)
    await gateway.store.save(call_row(1, status=status))
    call = await gateway.ask(lambda client: client.calls(sid).update(status=asked))
    assert call.status == status
    assert gateway.live.told == [("hang up", sid, canceled) for canceled in told]


async def test_a_call_that_is_over_cannot_be_redirected(gateway: Gateway) -> None:
    await gateway.store.save(call_row(1))
    with pytest.raises(TwilioRestException) as caught:
        await gateway.ask(lambda client: client.calls(call_row(1).sid).update(url="http://a/"))
    assert (caught.value.status, caught.value.code) == (400, 21220)


async def test_an_update_that_asks_for_nothing_is_a_fault(gateway: Gateway) -> None:
    await gateway.store.save(call_row(1, status="in-progress"))
    status, body, _ = await gateway.raw("POST", f"/Calls/{call_row(1).sid}.json", data={})
    assert (status, body["code"]) == (400, 21205)
    status, body, _ = await gateway.raw("POST", f"/Calls/{call_row(1).sid}.json", data={"Status": "ringing"})
    assert (status, body["code"]) == (400, 20001)


async def test_callback_and_time_limit_of_a_live_call_change(gateway: Gateway) -> None:
    sid = call_row(1).sid
    gateway.live.there.add(sid)
    await gateway.store.save(call_row(1, status="in-progress"))
    await gateway.ask(lambda client: client.calls(sid).update(status_callback="http://a/s", time_limit=30))
    assert gateway.live.told == [("change", sid, StatusCallback(url="http://a/s"), 30)]


# -- delete ---------------------------------------------------------------------------------------------------------


async def test_a_call_that_is_over_can_be_deleted_and_is_gone(gateway: Gateway) -> None:
    sid = call_row(1).sid
    await gateway.store.save(call_row(1))
    assert await gateway.ask(lambda client: client.calls(sid).delete()) is True
    with pytest.raises(TwilioRestException) as caught:
        await gateway.ask(lambda client: client.calls(sid).fetch())
    assert (caught.value.status, caught.value.code) == (404, 20404)


async def test_a_call_that_goes_on_cannot_be_deleted(gateway: Gateway) -> None:
    await gateway.store.save(call_row(1, status="in-progress"))
    with pytest.raises(TwilioRestException) as caught:
        await gateway.ask(lambda client: client.calls(call_row(1).sid).delete())
    assert (caught.value.status, caught.value.code) == (409, 20009)


async def test_fifty_calls_created_at_once_leave_in_the_order_of_their_creation(gateway: Gateway) -> None:
    made: list[str] = []
    for _ in range(50):
        _, body, _ = await gateway.raw(
            "POST", "/Calls.json", data={"To": "+14155550111", "From": "+1", "Twiml": "<Response/>"}
        )
        made.append(body["sid"])
    async with asyncio.timeout(10):
        assert [(await gateway.live.placed.get()).sid for _ in made] == made
