"""Calls placed by the genuine helper library through a running gateway: paced, steered, told about, kept over a restart."""

from __future__ import annotations

import asyncio
import re
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twilio.rest import Client

from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, NUMBER, Gateway
from tests.peers.audio import tones_of_file
from tests.peers.baresip import Phone
from tests.peers.sipp import Sipp

STAY = '<Response><Pause length="30"/></Response>'
EVENTS = ["initiated", "ringing", "answered", "completed"]


@asynccontextmanager
async def paced(home: Path, calls_per_second: float) -> AsyncIterator[Gateway]:
    """A gateway with a rate of its own, and ports for so many calls."""
    made = Gateway(home, rtp_more="port_rest_s = 1")
    text = made.config_path.read_text(encoding="utf-8")
    text = re.sub(r"calls_per_second = .*\n", "", text)
    made.config_path.write_text(text.replace("[limits]", f"[limits]\ncalls_per_second = {calls_per_second}"))
    async with made as gateway:
        yield gateway


@asynccontextmanager
async def library(gateway: Gateway) -> AsyncIterator[Callable[[Callable[[Client], Any]], Any]]:
    client = Client(ACCOUNT_SID, AUTH_TOKEN)
    client.api.base_url = gateway.public_url

    async def ask(work: Callable[[Client], Any]) -> Any:  # noqa: ANN401 - whatever the library gives
        return await asyncio.to_thread(work, client)

    try:
        yield ask
    finally:
        client.http_client.session.close()


def call(client: Client, *, to: str) -> None:
    client.calls.create(to=to, from_=NUMBER, twiml="<Response/>")


def end(client: Client, *, sid: str, status: str) -> None:
    client.calls(sid).update(status=status)


def status_of(client: Client, *, sid: str) -> str:
    return str(client.calls(sid).fetch().status)


def invited(messages: str) -> list[str]:
    """Whom sipp was called for, in order: a repeated INVITE counts once."""
    found = re.findall(r"^INVITE sip:(\+\d+)@.*?^Call-ID: (\S+)", messages, re.MULTILINE | re.DOTALL)
    return [number for number, _ in dict.fromkeys(found)]


async def until(test: Callable[[], bool], *, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not test():  # noqa: ASYNC110 - a file of another program
            await asyncio.sleep(0.05)


@pytest.mark.peers("baresip")
async def test_a_call_with_digits_a_dual_recording_and_four_callbacks(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/next", '<Response><Pause length="3"/></Response>')
    application.answers("/events", "")
    application.answers("/recorded", "")
    async with Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob, library(gateway) as ask:
        made = await ask(
            lambda client: client.calls.create(
                to=f"{gateway.uri('bob')}?X-Order=17",
                from_="Jack",
                url=f"{application.url}/next",
                send_digits="w1W2#",
                record=True,
                recording_channels="dual",
                recording_status_callback=f"{application.url}/recorded",
                status_callback=f"{application.url}/events",
                status_callback_event=EVENTS,
            )
        )
        assert (made.status, made.direction, made.from_formatted) == ("queued", "outbound-api", "Jack")
        await application.wait_for("/events", count=4, within_s=30)
        await application.wait_for("/recorded")
        done = await ask(lambda client: client.calls(made.sid).fetch())
        recordings = await ask(lambda client: client.calls(made.sid).recordings.list())
        sound = tmp_path / "recording.wav"
        sound.write_bytes(await gateway.fetch(f"{application.last('/recorded')['RecordingUrl']}.wav"))
        digits = [event.param for event in bob.events if event.type == "CALL_DTMF_START"]
    told = sorted(application.all("/events"), key=lambda one: int(one["SequenceNumber"]))
    assert [(one["CallStatus"], one["SequenceNumber"]) for one in told] == [
        ("initiated", "0"),
        ("ringing", "1"),
        ("in-progress", "2"),
        ("completed", "3"),
    ]
    for one in told:
        assert (one["CallSid"], one["AccountSid"], one["From"], one["Direction"]) == (
            made.sid,
            ACCOUNT_SID,
            "Jack",
            "outbound-api",
        )
        assert one["CallbackSource"] == "call-progress-events"
        assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000", one["Timestamp"])
    final, recorded = told[-1], application.last("/recorded")
    assert (final["Duration"], final["CallDuration"]) == ("1", done.duration)
    assert 5 <= int(done.duration) <= 9, "digits, then the document"
    assert final["RecordingSid"] == recorded["RecordingSid"] == recordings[0].sid
    assert (recorded["RecordingChannels"], recorded["RecordingSource"]) == ("2", "OutboundAPI")
    assert recorded["RecordingStatus"] == "completed"
    assert (recordings[0].channels, recordings[0].track, recordings[0].source) == (2, "both", "OutboundAPI")
    assert tones_of_file(sound, [700], channel=0) == {700}, "what the phone sang"
    assert tones_of_file(sound, [700], channel=1) == set(), "what it was told"
    assert digits == ["1", "2", "#"]
    assert not application.unsigned
    assert [one.path for one in application.received if one.path == "/next"] == ["/next"]


@pytest.mark.peers("baresip", "sipp")
async def test_created_calls_leave_at_the_rate_in_order_and_are_cancelled_where_they_are(tmp_path: Path) -> None:
    """One waits, one rings, one talks."""
    async with (
        paced(tmp_path / "gateway", 20) as gateway,
        Sipp("uas_answer", tmp_path / "uas", port=gateway.trunk_port, calls=50) as called,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
        Phone("carol", tmp_path / "c", tone=440, proxy=gateway.sip, answers="manual") as carol,
        library(gateway) as ask,
    ):
        application = gateway.application
        application.answers("/events", "")
        told = {"from_": NUMBER, "twiml": STAY, "status_callback": f"{application.url}/events"}
        numbers = [f"+1555010{number:04}" for number in range(50)]

        def create(client: Client) -> list[Any]:
            return [client.calls.create(to=to, from_=NUMBER, twiml="<Response/>") for to in numbers]

        talking = await ask(lambda client: client.calls.create(to=gateway.uri("bob"), **told))
        ringing = await ask(lambda client: client.calls.create(to="client:carol", **told))
        await bob.wait_for("CALL_ESTABLISHED")
        await carol.wait_for("CALL_INCOMING")
        loop = asyncio.get_running_loop()
        began = loop.time()
        made = await ask(create)
        waiting = await ask(lambda client: client.calls.create(to="client:carol", **told))
        assert (await ask(lambda client: client.calls(waiting.sid).fetch())).status == "queued"
        canceled = await ask(lambda client: client.calls(waiting.sid).update(status="canceled"))
        assert canceled.status == "canceled"
        for sid, status, after in (
            (talking.sid, "canceled", "in-progress"),
            (talking.sid, "completed", "completed"),
            (ringing.sid, "canceled", "canceled"),
        ):
            await ask(partial(end, sid=sid, status=status))
            await asyncio.sleep(0.5)
            assert await ask(partial(status_of, sid=sid)) == after
        await bob.wait_for("CALL_CLOSED")
        await carol.wait_for("CALL_CLOSED")
        await until(lambda: len(invited(called.messages())) == 50, within_s=20)
        assert loop.time() - began >= 50 / 20 - 0.2, "not faster than the rate"
        assert invited(called.messages()) == numbers
        rows = await ask(lambda client: [client.calls(call.sid).fetch() for call in (made[0], made[-1])])
        assert int(rows[1].queue_time) >= int(rows[0].queue_time)
        events = {one["CallSid"]: one["CallStatus"] for one in application.all("/events")}
        assert events == {talking.sid: "completed", ringing.sid: "canceled"}, "of the one that waited nothing is told"


@pytest.mark.peers("sipp")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_calls_that_wait_leave_after_a_restart_and_none_leaves_twice(tmp_path: Path, how: signal.Signals) -> None:
    numbers = [f"+1555010{number:04}" for number in range(12)]
    async with (
        paced(tmp_path / "gateway", 4) as gateway,
        Sipp("uas_answer", tmp_path / "uas", port=gateway.trunk_port, calls=99) as called,
        library(gateway) as ask,
    ):
        for to in numbers:
            await ask(partial(call, to=to))
        await until(lambda: len(invited(called.messages())) >= 3, within_s=20)
        gateway.signal(how)
        await gateway.exit_code()
        left = len(invited(called.messages()))
        assert left < len(numbers), "in the middle"
        await gateway.restart()
        await until(lambda: len(set(invited(called.messages()))) >= len(numbers) - 1, within_s=20)
        await asyncio.sleep(1)
        found = invited(called.messages())
        assert len(found) == len(set(found)), "none twice"
        # one that was about to be dialled when the power went may be lost, for it is never dialled twice
        assert numbers[-1] in found
        assert len(found) >= len(numbers) - (1 if how is signal.SIGKILL else 0)
        assert found == sorted(found), "in order"
        rows = await ask(lambda client: client.calls.list())
        assert len(rows) == len(numbers)
        assert {row.status for row in rows} <= {"completed", "failed"}


@pytest.mark.peers("baresip")
async def test_a_database_locked_for_ten_seconds_ends_no_call_and_has_it_all_afterwards(
    gateway: Gateway, tmp_path: Path
) -> None:
    application = gateway.application
    application.answers("/voice", f"<Response><Dial action='/done'><Sip>{gateway.uri('bob')}</Sip></Dial></Response>")
    application.answers("/done", "<Response><Hangup/></Response>")
    async with (
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("carol", tmp_path / "c", tone=550, proxy=gateway.sip) as carol,
        library(gateway) as ask,
    ):
        await alice.dial("1000")
        await alice.wait_for("CALL_ESTABLISHED")
        await bob.wait_for("CALL_ESTABLISHED")
        other = sqlite3.connect(gateway.home / "crosspoint.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        began = asyncio.get_running_loop().time()
        seen = len(bob.events)
        await carol.dial("1000")
        await carol.wait_for("CALL_ESTABLISHED")
        await bob.wait_for("CALL_ESTABLISHED", after=seen)
        await asyncio.sleep(0.5)
        await carol.hang_up()
        second = await application.wait_for("/done", count=1, within_s=8)
        assert not alice.saw("CALL_CLOSED")
        await asyncio.sleep(max(0.0, began + 10 - asyncio.get_running_loop().time()))
        other.execute("ROLLBACK")
        other.close()
        assert not alice.saw("CALL_CLOSED"), "it went on"
        await alice.hang_up()
        await bob.wait_for("CALL_CLOSED")
        await application.wait_for("/done", count=2)
        async with asyncio.timeout(10):
            while True:
                rows = await ask(lambda client: client.calls.list())
                if len(rows) == 4 and all(row.status == "completed" for row in rows):
                    break
                await asyncio.sleep(0.2)
        assert second["CallSid"] in {row.sid for row in rows}
    assert alice.seconds(700) >= 9, "heard through it all"
    assert "given up" not in gateway.logs()
