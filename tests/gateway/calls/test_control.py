"""What the webhooks of a call say while its end is still to be told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.calls.call import Call, Happening
from gateway.calls.control import Control
from gateway.calls.ending import Ending
from gateway.ids import AccountSid, new_call_sid
from tests.gateway.rows import ACCOUNT


@pytest.mark.parametrize(
    ("before", "end", "status"),
    [
        ([Happening.RINGING, Happening.ANSWERED], Happening.COMPLETED, "completed"),
        ([Happening.RINGING, Happening.ANSWERED], Happening.FAILED, "completed"),
        ([Happening.RINGING], Happening.NO_ANSWER, "no-answer"),
        ([Happening.RINGING, Happening.ANSWERED, Happening.COMPLETED], Happening.COMPLETED, "completed"),
    ],
)
async def test_a_call_whose_party_has_left_is_over_though_its_recording_is_not(
    before: list[Happening], end: Happening, status: str
) -> None:
    call = Call(sid=new_call_sid(), account_sid=AccountSid(ACCOUNT), direction="inbound", from_="a", to="b")
    for what in before:
        call.happened(what)
    ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
    live: Any = SimpleNamespace(call=call, leg=SimpleNamespace(ended=ended))
    exchange: Any = None
    control = Control(exchange, live)
    assert dict(control.parameters())["CallStatus"] == call.status.value
    ended.set_result(Ending(what=end))
    assert dict(control.parameters())["CallStatus"] == status
