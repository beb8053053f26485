"""Callbacks whose receiver is away: the gateway may be killed or stopped meanwhile; they arrive, each once."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.e2e.application import Application
from tests.e2e.gateway import AUTH_TOKEN, Gateway
from tests.peers.rtp_phone import RtpPhone

LATE = "+15550177"
CALLS = 8


@pytest.fixture
def receiver(gateway: Gateway) -> Application:
    """Where one number's callbacks go: nothing listens there yet."""
    late = Application(AUTH_TOKEN)
    text = gateway.config_path.read_text(encoding="utf-8")
    text += f'\n[[number]]\nnumber = "{LATE}"\nvoice_url = "{gateway.application.url}/number"\n'
    gateway.config_path.write_text(text + f'status_callback = "{late.url}/late"\n', encoding="utf-8")
    return late


async def _calls(gateway: Gateway) -> set[str]:
    """Calls that end; gives their sids."""
    before = len(gateway.application.all("/number"))
    gateway.application.answers("/number", "<Response><Hangup/></Response>")

    async def call(number: int) -> None:
        async with RtpPhone(gateway.sip, LATE, caller=f"+1555800{number:04}") as phone:
            await asyncio.wait_for(phone.ended.wait(), 10)

    await asyncio.gather(*(call(number) for number in range(CALLS)))
    return {asked["CallSid"] for asked in gateway.application.all("/number")[before:]}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
async def test_callbacks_that_wait_survive_the_end_of_the_gateway(
    gateway: Gateway, receiver: Application, number: signal.Signals
) -> None:
    receiver.answers("/late", "", status=204)
    await gateway.restart()  # with the number whose receiver is away
    sids = await _calls(gateway)
    await asyncio.sleep(1.5)  # tried once and again; all are on disk
    assert f"callbacks_waiting {CALLS}.0" in (await gateway.get("/metrics"))[1]
    gateway.signal(number)
    await gateway.exit_code()
    async with receiver:
        await gateway.restart()
        await receiver.wait_for("/late", count=CALLS)
        sids |= await _calls(gateway)
        await receiver.wait_for("/late", count=2 * CALLS)
        await gateway.restart()
        await asyncio.sleep(1)  # what had arrived does not come again
    arrived = [one for one in receiver.received if one.path == "/late"]
    assert len(sids) == 2 * CALLS
    assert sorted(one.params["CallSid"] for one in arrived) == sorted(sids)
    assert len({one.token for one in arrived}) == 2 * CALLS
    assert {(one.params["CallStatus"], one.params["SequenceNumber"]) for one in arrived} == {("completed", "0")}
    assert all(one.is_signed for one in arrived)
