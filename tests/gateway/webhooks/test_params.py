"""What a call's webhooks carry.

| call | carries besides the nine that are always there |
|---|---|
| SIP | SipDomain, SipUsername, SipCallId, SipSourceIp, SipHeader_X-… as the call's extras |
| trunk | the places of From and To, empty |
| outbound-api | AnsweredBy, MachineDetectionDuration once known |
| child | ParentCallSid |
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.calls.call import Call, Happening, Status
from gateway.ids import AccountSid, CallSid
from gateway.webhooks.params import CallView, clean, progress_params, voice_params

VIEW = CallView(
    sid="CA1",
    account_sid="AC1",
    from_="sip:alice@example.com",
    to="sip:555@example.com",
    status="ringing",
    direction="inbound",
)
ALWAYS = {
    "AccountSid": "AC1",
    "ApiVersion": "2010-04-01",
    "CallSid": "CA1",
    "CallStatus": "ringing",
    "Called": "sip:555@example.com",
    "Caller": "sip:alice@example.com",
    "Direction": "inbound",
    "From": "sip:alice@example.com",
    "To": "sip:555@example.com",
}
AT = datetime(2017, 6, 1, 20, 48, 32, tzinfo=UTC)


def call(**more: object) -> Call:
    made = Call(sid=CallSid("CA1"), account_sid=AccountSid("AC1"), direction="outbound-api", from_="+1", to="+2")
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_a_sip_call() -> None:
    extras = (("SipDomain", "example.com"), ("SipHeader_X-Room-Id", "7"))
    assert dict(voice_params(replace(VIEW, extras=extras))) == {
        **ALWAYS,
        "SipDomain": "example.com",
        "SipHeader_X-Room-Id": "7",
    }


def test_a_trunk_call_says_that_places_are_unknown() -> None:
    params = dict(voice_params(replace(VIEW, from_="+15550100", to="+15550199")))
    places = {f"{a}{b}" for a in ("From", "To", "Caller", "Called") for b in ("City", "State", "Zip", "Country")}
    assert params.keys() == ALWAYS.keys() | places
    assert all(params[name] == "" for name in places)


def test_what_is_known_of_a_call_is_told() -> None:
    known = replace(
        VIEW,
        parent_sid="CA0",
        application_sid="AP1",
        forwarded_from="+3",
        caller_name="Alice",
        answered_by="human",
        machine_detection_ms=3210,
    )
    more = {
        "ParentCallSid": "CA0",
        "ApplicationSid": "AP1",
        "ForwardedFrom": "+3",
        "CallerName": "Alice",
        "AnsweredBy": "human",
        "MachineDetectionDuration": "3210",
    }
    assert dict(voice_params(known)) == ALWAYS | more


def test_a_view_is_of_its_call_as_it_stands() -> None:
    one = call(status=Status.IN_PROGRESS, parent=call(sid="CA0"))
    view = CallView.of(one)
    assert (view.sid, view.status, view.parent_sid, view.direction) == ("CA1", "in-progress", "CA0", "outbound-api")
    names = [CallView.of(call(caller_name="Ann", tells_caller_name=tells)).caller_name for tells in (True, False)]
    assert names == ["Ann", ""]


def test_initiated_is_a_status_of_callbacks_only() -> None:
    params = dict(progress_params(call(), Happening.INITIATED, 0, AT))
    assert params["CallStatus"] == "initiated"
    assert params["Timestamp"] == "Thu, 01 Jun 2017 20:48:32 +0000"
    assert (params["CallbackSource"], params["SequenceNumber"]) == ("call-progress-events", "0")
    assert "CallDuration" not in params


def test_the_final_callback_tells_seconds_and_begun_minutes() -> None:
    ended = call(
        status=Status.COMPLETED,
        answered_at=AT,
        ended_at=AT + timedelta(seconds=61),
        sip_response_code=200,
        recording=(("RecordingUrl", "http://x/RE1"),),
    )
    params = dict(progress_params(ended, Happening.COMPLETED, 3, AT))
    assert (params["CallDuration"], params["Duration"], params["CallStatus"]) == ("61", "2", "completed")
    assert (params["RecordingUrl"], params["SipResponseCode"]) == ("http://x/RE1", "200")


def test_an_unanswered_call_lasted_no_time() -> None:
    params = dict(progress_params(call(status=Status.BUSY, ended_at=AT), Happening.BUSY, 0, AT))
    assert (params["CallDuration"], params["Duration"], params["CallStatus"]) == ("0", "0", "busy")


def test_octets_that_are_no_text_do_not_stop_a_request() -> None:
    assert clean([("SipHeader_X-A", "caf\udce9"), ("To", "ü")]) == [("SipHeader_X-A", "caf" + "�" * 3), ("To", "ü")]
