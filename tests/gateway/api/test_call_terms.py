"""Created calls: what has no effect, what is told of the wait, and new terms while they wait."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from twilio.rest import Client

from gateway.storage.resources import CallerIdRow
from gateway.twiml.control import StatusCallback
from tests.gateway.api.conftest import APPLICATION, Gateway
from tests.gateway.api.test_calls import CREATE, fault_of
from tests.gateway.rows import ACCOUNT, NOON


async def test_what_an_application_replaces_is_not_even_looked_at(gateway: Gateway) -> None:
    junk = {"url": "nowhere", "method": "PUT", "status_callback": "x", "application_sid": APPLICATION}
    await gateway.ask(lambda client: client.calls.create(**(CREATE | junk)))
    assert (await gateway.live.placed.get()).first.url == "http://127.0.0.1:9000/app"


async def test_what_has_no_effect_is_warned_of(gateway: Gateway) -> None:
    call = await gateway.ask(
        lambda client: client.calls.create(
            **CREATE, twiml="<Response/>", byoc="BY" + "0" * 32, send_digits="1", machine_detection="Enable"
        )
    )
    found = await gateway.ask(lambda client: client.calls(call.sid).notifications.list())
    assert {(note.error_code, note.log) for note in found} == {("32019", "1"), ("21234", "1"), ("20001", "1")}


async def test_a_call_that_waits_tells_how_long_and_takes_new_terms(gateway: Gateway) -> None:
    gateway.departures._interval_s = 60.0
    made = [await gateway.ask(lambda client: client.calls.create(**CREATE)) for _ in range(4)]
    await gateway.live.placed.get()
    waits = [(await gateway.ask(partial(fetched, sid=call.sid))).queue_time for call in made[1:]]
    assert waits == ["0", "60000", "120000"]
    last = made[-1].sid
    changed = await gateway.ask(lambda client: client.calls(last).update(status_callback="http://a/s", time_limit=77))
    assert changed.status == "queued"
    _, request = gateway.departures._waiting[last]
    assert (request.time_limit_s, request.status_callback) == (77, StatusCallback(url="http://a/s"))


def fetched(client: Client, *, sid: str) -> Any:  # noqa: ANN401
    return client.calls(sid).fetch()


@pytest.mark.parametrize("gateway", [{"limits": {"own_callers": True}}], indirect=True)
async def test_only_an_accounts_own_numbers_are_shown_where_that_is_set(gateway: Gateway) -> None:
    validated = CallerIdRow(
        sid="PN" + "5" * 32,
        account_sid=ACCOUNT,
        created_at=NOON,
        updated_at=NOON,
        number="+14155550177",
        friendly_name="",
    )
    gateway.directory.put(validated)
    form = {"To": "+14155550111", "From": "+14155550100", "Twiml": "<Response/>"}
    for path in ("/Calls.json", "/Conferences/room/Participants.json"):
        for changes, code in (
            ({}, None),
            ({"From": "(415) 555-0100"}, None),
            ({"From": "+14155550177"}, None),
            ({"From": "+14155550199"}, 21210),
            ({"CallerId": "+14155550199"}, 21210),
            ({"From": "+14155550199", "To": "sip:a@b"}, None),
        ):
            _, body, _ = await gateway.raw("POST", path, data=form | changes)
            assert body.get("code") == code, (path, changes, body)


RANGES = {
    "timeout": (3, 59),
    "speech_threshold": (1000, 6000),
    "speech_end_threshold": (500, 5000),
    "silence_timeout": (2000, 10_000),
}


@pytest.mark.parametrize("name", RANGES)
async def test_machine_detection_takes_what_lies_within_twilios_ranges_and_nothing_else(
    gateway: Gateway, name: str
) -> None:
    low, high = RANGES[name]
    for value in (low - 1, high + 1, "soon"):
        fault = await fault_of(gateway, machine_detection="Enable", **{f"machine_detection_{name}": value})
        assert (fault.status, fault.code) == (400, 21234), value
    for value in (low, high):
        terms = CREATE | {"machine_detection": "DetectMessageEnd", f"machine_detection_{name}": value}
        await gateway.ask(partial(created, terms=terms))
        detection = (await gateway.live.placed.get()).detection
        assert detection is not None
        assert getattr(detection, f"{name}_s" if name == "timeout" else f"{name}_ms") == value


def created(client: Client, *, terms: dict[str, Any]) -> object:
    return client.calls.create(**terms)
