"""Out of a room in every state, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.api import Api
from tests.e2e.gateway import NUMBER, Gateway
from tests.e2e.test_crowd import figures
from tests.e2e.test_rooms import by_caller, join, room, serve_tone, sid_of
from tests.peers.audio import tones_in
from tests.peers.baresip import Phone
from tests.peers.probe import Choir, Probe


async def test_leaving_in_every_state(gateway: Gateway) -> None:
    """Alone with music, as a host who waits, on hold, told something, out of time, by star, by an update: each in its words."""
    application, api = gateway.application, Api(gateway)
    more = 'statusCallback="/events" statusCallbackEvent="join leave end announcement"'
    application.answers(
        "/number",
        by_caller(
            {
                "alone": room(more, "a"),
                "guest": room(f'startConferenceOnEnter="false" {more}', "b"),
                "host": room(f'startConferenceOnEnter="false" endConferenceOnExit="true" {more}', "b"),
                "star": room(more, "c").replace("<Dial", '<Dial hangupOnStar="true"'),
                "short": room(more, "c").replace("<Dial", '<Dial timeLimit="3"'),
                "moved": room(f'{more} record="record-from-start" eventCallbackUrl="/recorded"', "c"),
                "": room(more, "c"),
            }
        ),
    )
    application.answers("/events", "<Response/>")
    application.answers("/recorded", "<Response/>")
    application.answers("/done", "<Response><Hangup/></Response>")
    application.answers("/new", "<Response><Hangup/></Response>")
    long = serve_tone(gateway, "/long", 2300, 20.0)
    names = ("alone", "guest", "host", "star", "short", "held", "told", "moved")
    probes = {name: Probe(name) for name in names}

    def left(name: str) -> str:
        sid = sid_of(gateway, probes[name])
        return next(
            (
                one["ReasonParticipantLeft"]
                for one in application.all("/events")
                if one["StatusCallbackEvent"] == "participant-leave" and one["CallSid"] == sid
            ),
            "",
        )

    async with Choir(*probes.values()) as choir:
        await join(gateway, *probes.values())
        sids = {name: sid_of(gateway, one) for name, one in probes.items()}
        await api(lambda client: client.conferences("c").participants(sids["held"]).update(hold=True))
        await api(lambda client: client.conferences("c").participants(sids["told"]).update(announce_url=long))
        await choir.until(lambda: probes["told"].strength(2300) > 0.1)
        probes["alone"].hang_up()
        probes["host"].hang_up()
        probes["held"].hang_up()
        probes["told"].hang_up()
        probes["star"].press("*")
        await api(lambda client: client.calls(sids["moved"]).update(url=f"{application.url}/new"))
        await choir.until(lambda: all(left(name) for name in names), within_s=10.0)
        await asyncio.wait_for(asyncio.gather(*(one.closed for one in probes.values())), 10.0)
        recorded = await application.wait_for("/recorded")
        conferences = await api(lambda client: client.conferences.list())
        await choir.until(lambda: len([1 for one in application.all("/events") if "Reason" in one]) == 3)
    assert {name: left(name) for name in names} == {
        "alone": "participant_hung_up",
        "guest": "moderator_ended_conference",
        "host": "participant_hung_up",
        "star": "participant_hung_up",
        "short": "participant_hung_up",
        "held": "participant_hung_up",
        "told": "participant_hung_up",
        "moved": "participant_updated_via_api",
    }
    assert {one.friendly_name: (one.status, one.reason_conference_ended) for one in conferences} == {
        "a": ("completed", "last-participant-left"),
        "b": ("completed", "participant-with-end-conference-on-exit-left"),
        "c": ("completed", "last-participant-left"),
    }
    (failed,) = [one for one in application.all("/events") if one["StatusCallbackEvent"] == "announcement-fail"]
    assert (failed["AnnounceUrl"], "CallSid" in failed) == (long, False), "who was to hear it is not there any more"
    assert recorded.keys() >= {"ConferenceSid", "FriendlyName", "Timestamp", "RecordingUrl"}
    assert (
        recorded["EventName"],
        int(recorded["RecordingFileSize"]) > 44 + 16_000 * int(recorded["Duration"]) * 0.9,
    ) == (
        "conference-record-end",
        True,
    )
    done = {one["CallSid"]: one["DialCallStatus"] for one in application.all("/done")}
    assert done == {sid: "answered" for name, sid in sids.items() if name != "moved"}
    for _ in range(30):
        if not (rows := (await figures(gateway))["rows"]):
            break
        await asyncio.sleep(0.3)  # the engine tells its figures once a second
    assert rows == 0


async def test_a_room_whose_engine_dies_ends_with_its_calls(gateway: Gateway) -> None:
    application = gateway.application
    application.answers("/events", "<Response/>")
    application.answers("/done", "<Response/>")
    application.answers("/number", room('waitUrl="" statusCallback="/events" statusCallbackEvent="start end"'))
    probes = [Probe("ann", 440), Probe("ben", 700)]
    async with Choir(*probes):
        await join(gateway, *probes)
        await application.wait_for("/events")
        os.kill(engine_of(gateway), signal.SIGKILL)
        await asyncio.wait_for(asyncio.gather(*(one.closed for one in probes)), 10.0)
        ended = await application.wait_for("/events", count=2)
    assert ended["StatusCallbackEvent"] == "conference-end"


def engine_of(gateway: Gateway) -> int:
    """The child that is the media engine."""
    parent = gateway.program.process.pid
    for task in Path(f"/proc/{parent}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"media.driver" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    raise AssertionError("no engine")


@pytest.mark.peers("baresip")
async def test_telephones_of_three_codecs_are_in_one_room(gateway: Gateway, tmp_path: Path) -> None:
    """Opus at 48 kHz, G.722 at 16 and G.711 at 8: everybody hears the two others, as loud as they are."""
    gateway.application.answers("/number", room('waitUrl="" beep="false"'))
    gateway.application.answers("/voice", room('waitUrl="" beep="false"'))
    gateway.application.answers("/done", "<Response/>")
    narrow = Probe("narrow", 440)
    async with (
        Choir(narrow) as choir,
        Phone("alice", tmp_path / "a", tone=700, proxy=gateway.sip, codec="opus/48000/2") as full,
        Phone("bob", tmp_path / "b", tone=950, proxy=gateway.sip, codec="G722/16000/1") as wide,
    ):
        await narrow.call(gateway.sip, NUMBER)
        for phone in (full, wide):
            await phone.dial("1000")
            await phone.wait_for("CALL_ESTABLISHED")
        await choir.until(lambda: min(narrow.level(700), narrow.level(950)) > 0.2, within_s=8.0)
        await asyncio.sleep(2.0)  # real speech, real time
        levels = [narrow.level(hertz) for hertz in (440, 700, 950)]
        for phone in (full, wide):
            await phone.hang_up()
    assert levels == [pytest.approx(0.0, abs=0.01), pytest.approx(0.3, abs=0.06), pytest.approx(0.3, abs=0.06)]
    assert full.tones((440, 700, 950)) == {440, 950}
    assert wide.tones((440, 700, 950)) == {440, 700}
    assert tones_in(narrow.sound(1.0)[:, None], 8000, (440, 700, 950)) <= {700, 950}
