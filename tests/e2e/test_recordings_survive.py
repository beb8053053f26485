"""What recordings outlive: kill -9 in the middle of twenty, a file system that fills; and what the calls notice of it, which is nothing."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.e2e.gateway import NUMBER, Gateway
from tests.e2e.test_recordings import CALLED_HZ, CALLER_HZ, heard, sine, sound
from tests.peers.rtp_phone import RtpPhone
from tests.peers.sipp import Sipp

RECORD = (
    '<Response><Record playBeep="false" timeout="0" trim="do-not-trim" recordingStatusCallback="/recorded"/></Response>'
)
LOSS_S = 1.0
SMALL = 2 * 1024 * 1024


@pytest.mark.peers("sipp")
async def test_kill_9_during_twenty_recorded_calls_loses_a_second_at_most_and_no_callback(
    gateway: Gateway, tmp_path: Path
) -> None:
    application = gateway.application
    dialled, recorded = 3, 17
    callers = [f"+155570000{number:02}" for number in range(dialled + recorded)]
    async with (
        Sipp("uas_tone", tmp_path / "called", tone=CALLED_HZ, calls=dialled) as called,
        AsyncExitStack() as phones,
    ):
        dial = (
            '<Response><Dial record="record-from-answer-dual" recordingStatusCallback="/recorded">'
            f"<Sip>sip:bob@{called.address}</Sip></Dial></Response>"
        )
        application.answers("/number", lambda params: dial if params["From"] in callers[:dialled] else RECORD)
        application.answers("/recorded", "")
        calls = []
        for caller in callers:
            calls.append(await phones.enter_async_context(RtpPhone(gateway.sip, NUMBER, caller=caller)))
            calls[-1].say(sine(CALLER_HZ, 30))
            await asyncio.sleep(0.1)
        for phone in calls:
            await asyncio.wait_for(phone.answered.wait(), 10)
        await asyncio.sleep(2.3)
        lasted_s = {}
        for caller, phone in zip(callers, calls, strict=True):
            lasted_s[caller] = asyncio.get_running_loop().time() - phone.answered_at
        await gateway.crash()
        caller_of = {one["CallSid"]: one["From"] for one in application.all("/number")}
        assert application.all("/recorded") == []
        await gateway.start_anew()
        await application.wait_for("/recorded", count=len(callers), within_s=20)
        await asyncio.sleep(0.5)
    told = application.all("/recorded")
    assert len({one["RecordingSid"] for one in told}) == len(told) == len(callers), "each once"
    for one in told:
        assert one["RecordingStatus"] == "completed"
        samples = await sound(gateway, one["RecordingUrl"])
        length_s = len(samples) / 8000
        assert length_s >= lasted_s[caller_of[one["CallSid"]]] - LOSS_S, one
        assert one["RecordingDuration"] == str(int(length_s + 0.5))
        assert heard(samples[:, 0], 0.3) == {CALLER_HZ}
        if samples.shape[1] == 2:
            assert heard(samples[:, 1], 0.3) == {CALLED_HZ}
    status, text = await gateway.get("/metrics")
    assert status == 200
    assert 'crosspoint_recordings{state="running"} 0.0' in text


async def test_a_recording_outlives_the_engine_that_made_it(gateway: Gateway) -> None:
    application = gateway.application
    application.answers("/number", RECORD)
    application.answers("/recorded", "")
    async with RtpPhone(gateway.sip, NUMBER) as phone:
        phone.say(sine(CALLER_HZ, 30))
        await asyncio.wait_for(phone.answered.wait(), 10)
        await asyncio.sleep(1.8)
        lasted_s = asyncio.get_running_loop().time() - phone.answered_at
        gateway.kill_engine()
        one = await application.wait_for("/recorded")
        await asyncio.wait_for(phone.ended.wait(), 5)
    assert one["RecordingStatus"] == "completed"
    samples = await sound(gateway, one["RecordingUrl"])
    assert len(samples) / 8000 >= lasted_s - LOSS_S
    assert heard(samples[:, 0], 0.2) == {CALLER_HZ}


def small_disk(folder: Path) -> Sequence[str]:
    """A command that runs another with *folder* on a file system of 2 MB; else one whose files can't grow beyond that."""
    folder.mkdir(parents=True)
    script = f'mount -t tmpfs -o size={SMALL} tmpfs "$0" && exec "$@"'
    for room in (["unshare", "-rm"], ["unshare", "-m"], ["sudo", "-n", "unshare", "-m"]):
        command = [*room, "sh", "-c", script, str(folder)]
        try:
            if subprocess.run([*command, "true"], capture_output=True, check=False, timeout=10).returncode == 0:
                return command
        except (OSError, subprocess.TimeoutExpired):
            continue
    pytest.skip("no way to a small file system here: neither unshare with user namespaces nor root")


@pytest.mark.peers("sipp")
async def test_a_full_file_system_fails_the_recording_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "gateway"
    disk = small_disk(home / "recordings")
    async with Gateway(home, within=disk) as gateway:
        application = gateway.application
        application.answers("/recorded", "")
        inside = Path(f"/proc/{gateway.program.process.pid}/root{home}/recordings")
        application.answers("/number", RECORD)
        async with RtpPhone(gateway.sip, NUMBER) as phone:
            phone.say(sine(CALLER_HZ, 30))
            await asyncio.wait_for(phone.answered.wait(), 10)
            await asyncio.sleep(1.2)
        early = await application.wait_for("/recorded")
        before = await sound(gateway, early["RecordingUrl"])
        assert early["RecordingStatus"] == "completed"

        room = os.statvfs(inside)
        assert room.f_blocks * room.f_frsize == SMALL
        filler = inside / "filler"
        filler.write_bytes(b"\0" * (room.f_bavail * room.f_frsize - 64 * 1024))
        async with (
            Sipp("uas_tone", tmp_path / "called", tone=CALLED_HZ) as called,
            RtpPhone(gateway.sip, NUMBER, caller="+15557000002") as other,
        ):
            await asyncio.wait_for(other.answered.wait(), 10)
            application.answers(
                "/number",
                '<Response><Dial record="record-from-answer-dual" recordingStatusCallback="/recorded">'
                f"<Sip>sip:bob@{called.address}</Sip></Dial></Response>",
            )
            async with RtpPhone(gateway.sip, NUMBER, caller="+15557000001") as phone:
                await asyncio.wait_for(phone.answered.wait(), 10)
                failed = await application.wait_for("/recorded", count=2)
                also = await application.wait_for("/recorded", count=3)
                packets = len(phone.packets)
                await asyncio.sleep(1.0)
                assert not phone.ended.is_set(), "the call goes on"
                assert not other.ended.is_set()
                assert len(phone.packets) - packets >= 45, "and is heard"
                assert heard(phone.sound()[-8000:].astype(float) / 32768) == {CALLED_HZ}
                assert max(phone.gaps()[50:]) < 0.2, "nobody waited for the disk"
        for one in (failed, also):
            assert one["RecordingStatus"] == "failed"
            assert int(one["ErrorCode"]) > 0
            assert "RecordingDuration" not in one
        assert (await sound(gateway, early["RecordingUrl"]) == before).all(), "the earlier one is whole"

        filler.unlink()
        application.answers("/number", RECORD)
        async with RtpPhone(gateway.sip, NUMBER) as phone:
            phone.say(sine(CALLER_HZ, 30))
            await asyncio.wait_for(phone.answered.wait(), 10)
            await asyncio.sleep(0.5)
        after = await application.wait_for("/recorded", count=4)
        assert after["RecordingStatus"] == "completed", "there is room again"
        assert "Traceback" not in gateway.logs()
