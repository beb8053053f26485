"""Recordings with telephones: each mode of `<Dial record>`, tracks, a room, `<Record>` and the REST API, heard sample by sample."""

from __future__ import annotations

import asyncio
import re
import statistics
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp
import numpy as np
import numpy.typing as npt
import pytest

from tests.e2e.gateway import NUMBER, Gateway
from tests.peers.audio import read_wav, tones_in
from tests.peers.rtp_phone import RtpPhone
from tests.peers.sipp import Sipp

CALLER_HZ, CALLED_HZ = 620.0, 1000.0
RINGBACK_HZ = 480.0
"""Of 440 and 480 Hz together, which no phone here sings."""
RING_S, TALK_S = 1.5, 1.5
EXACT_S = 0.04
LOADED_S = 0.25
"""One of ten calls at a time may be measured late where the machine has much else to do."""
HZ = (CALLER_HZ, RINGBACK_HZ, CALLED_HZ)
Samples = npt.NDArray[np.float64]


def sine(hertz: float, seconds: float) -> npt.NDArray[np.int16]:
    at = np.arange(int(seconds * 8000)) / 8000
    samples: npt.NDArray[np.int16] = np.rint(9000 * np.sin(2 * np.pi * hertz * at)).astype(np.int16)
    return samples


async def sound(gateway: Gateway, url: str) -> Samples:
    """A recording as the application fetches it."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}.wav") as response:
        assert response.status == 200, await response.text()
        octets = await response.read()
    path = gateway.home / "fetched.wav"
    path.write_bytes(octets)
    samples, rate_hz = read_wav(path)
    assert rate_hz == 8000
    return samples


def heard(samples: Samples, begin_s: float = 0.0, end_s: float | None = None) -> set[float]:
    """Which tones a channel holds between two moments."""
    return tones_in(samples[int(begin_s * 8000) : None if end_s is None else int(end_s * 8000)], 8000, HZ)


def share(samples: Samples, hertz: float, begin_s: float, end_s: float | None = None) -> float:
    """How much of a channel's energy between two moments is one tone: a phone may sing louder over it."""
    part = samples[int(begin_s * 8000) : None if end_s is None else int(end_s * 8000)]
    shape = np.hanning(len(part))
    power = np.abs((part * shape) @ np.exp(-2j * np.pi * hertz * np.arange(len(part)) / 8000)) ** 2
    return float(2 * power / shape.sum() ** 2 * (shape**2).sum() / ((part * shape) ** 2).sum())


def first_s(channel: Samples, hertz: float) -> float:
    """When a tone begins, to 20 ms."""
    for at in range(0, len(channel) - 160, 160):
        frame = channel[at : at + 160] * np.hanning(160)
        power = np.abs(frame @ np.exp(-2j * np.pi * hertz * np.arange(160) / 8000)) ** 2
        if power > 0.3 * (frame**2).sum() * (np.hanning(160) ** 2).sum() / 2 and (frame**2).mean() > 1e-4:
            return at / 8000
    raise AssertionError(f"{hertz} Hz is never heard")


@dataclass(frozen=True)
class Mode:
    """A `<Dial>` and what its recording is to be. `channels`: 0 for none; `track` as in TwiML."""

    record: str
    channels: int
    rings: bool = False
    track: str = ""
    more: str = ""


MODES = (
    Mode("do-not-record", 0),
    Mode("false", 0),
    Mode("true", 1),
    Mode("record-from-answer", 1),
    Mode("record-from-answer-dual", 2),
    Mode("record-from-ringing", 1, rings=True),
    Mode("record-from-ringing-dual", 2, rings=True),
    Mode("record-from-ringing-dual", 2, rings=True, more=' answerOnBridge="true"'),
    Mode("record-from-answer-dual", 1, track="inbound"),
    Mode("record-from-ringing-dual", 1, rings=True, track="outbound"),
)


def answered_at(messages: str, caller: str, status: str) -> float:
    """When sipp sent a response to a caller's INVITE, in seconds since 1970."""
    for moment, text in re.findall(r"-{20,} (\S+ \S+)\n(.*?)(?=-{20,}|\Z)", messages, re.S):
        if f"SIP/2.0 {status}" in text and caller in text and "INVITE" in text:
            return datetime.fromisoformat(moment).timestamp()
    raise AssertionError(f"no {status} for {caller}")


@pytest.mark.peers("sipp")
async def test_each_mode_of_dial_record_has_its_channels_its_start_its_length_and_its_voices(
    gateway: Gateway, tmp_path: Path
) -> None:
    application = gateway.application
    callers = {f"+1555700000{number}": mode for number, mode in enumerate(MODES)}
    ended: dict[str, float] = {}

    async def call(caller: str) -> None:
        async with RtpPhone(gateway.sip, NUMBER, caller=caller) as phone:
            phone.say(sine(CALLER_HZ, 10))
            await asyncio.wait_for(phone.answered.wait(), 10)
            async with asyncio.timeout(10):
                while not any(first(packet.samples) for packet in phone.packets[-3:]):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await asyncio.sleep(TALK_S)
            phone.hang_up()
            ended[caller] = datetime.now().timestamp()

    def first(samples: npt.NDArray[np.int16]) -> bool:
        wave = samples.astype(np.float64) * np.hanning(len(samples))
        power = np.abs(wave @ np.exp(-2j * np.pi * CALLED_HZ * np.arange(len(wave)) / 8000)) ** 2
        return bool(power > 0.3 * (wave**2).sum() * (np.hanning(len(wave)) ** 2).sum() / 2 and (wave**2).mean() > 1e4)

    async with Sipp(
        "uas_rings_then_tone", tmp_path / "called", tone=CALLED_HZ, calls=len(MODES), values={"RING_MS": "1500"}
    ) as called:

        def document(params: dict[str, str]) -> str:
            mode = callers[params["From"].partition(":")[2].partition("@")[0] or params["From"]]
            track = f' recordingTrack="{mode.track}"' if mode.track else ""
            return (
                f'<Response><Dial action="/done" record="{mode.record}"{track}{mode.more} recordingStatusCallback="/recorded" '
                'recordingStatusCallbackEvent="in-progress completed absent">'
                f"<Sip>sip:bob@{called.address}</Sip></Dial></Response>"
            )

        application.answers("/number", document)
        application.answers("/done", "<Response/>")
        application.answers("/recorded", "")
        await asyncio.gather(*(call(caller) for caller in callers))
        await application.wait_for("/done", count=len(MODES))
        await application.wait_for("/recorded", count=2 * sum(mode.channels > 0 for mode in MODES))
        messages = called.messages()
    done = {one["From"]: one for one in application.all("/done")}
    sids = {one["CallSid"]: one["From"] for one in application.all("/done")}
    told: dict[str, list[dict[str, str]]] = {caller: [] for caller in done}
    for one in application.all("/recorded"):
        told[sids[one["CallSid"]]].append(one)
    off_s: list[float] = []
    for caller, params in done.items():
        number = re.search(r"\+\d+", caller)
        assert number
        mode = callers[number[0]]
        events = told[caller]
        assert [one["RecordingStatus"] for one in events] == (["in-progress", "completed"] if mode.channels else [])
        assert ("RecordingUrl" in params) is (mode.channels > 0), mode
        if not mode.channels:
            continue
        begin, end = events
        assert "RecordingDuration" not in begin
        assert (end["RecordingUrl"], end["RecordingSource"]) == (params["RecordingUrl"], "DialVerb")
        assert (end["RecordingChannels"], end["RecordingTrack"]) == (str(mode.channels), mode.track or "both")
        assert end["ErrorCode"] == "0"
        samples = await sound(gateway, end["RecordingUrl"])
        assert samples.shape[1] == mode.channels, mode
        began = answered_at(messages, number[0], "180" if mode.rings else "200")
        off_s.append(abs(len(samples) / 8000 - (ended[number[0]] - began)))
        assert end["RecordingDuration"] == str(int(len(samples) / 8000 + 0.5))
        of_caller, of_called = samples[:, 0], samples[:, -1]
        ring_s = RING_S if mode.rings else 0.0
        if mode.track != "inbound":
            assert first_s(of_called, CALLED_HZ) == pytest.approx(ring_s, abs=LOADED_S), "the answer is where it was"
            assert CALLED_HZ in heard(of_called, ring_s + 0.2)
        if mode.rings:
            assert share(of_called, RINGBACK_HZ, 0.1, RING_S - 0.1) > 0.03, f"{mode}: the ringing is heard"
            assert share(of_called, RINGBACK_HZ, RING_S + 0.2) < 0.001, f"{mode}: and ends with the answer"
        if mode.channels == 2 or mode.track == "inbound":
            assert heard(of_caller, ring_s + 0.2) == {CALLER_HZ}, f"{mode}: the caller alone"
        if mode.channels == 2 or mode.track == "outbound":
            assert heard(of_called, ring_s + 0.2) == {CALLED_HZ}, f"{mode}: the called party alone"
        if mode.channels == 1 and not mode.track:
            assert heard(samples[:, 0], ring_s + 0.2) == {CALLER_HZ, CALLED_HZ}, f"{mode}: both on one channel"
    print("off by (ms):", [round(1000 * seconds) for seconds in off_s])  # noqa: T201 - seen with -s
    assert statistics.median(off_s) <= EXACT_S, off_s
    assert max(off_s) <= LOADED_S, off_s
