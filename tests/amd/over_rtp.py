"""The made calls through a running gateway: telephones by hand answer and play them, and the callback says who it was."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import aiohttp

from tests.amd.corpus import MadeCall
from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, Gateway
from tests.peers.callee import Answer, Callees
from tests.peers.ports import free_ports

STAY = '<Response><Pause length="60"/></Response>'
AT_ONCE = 50
PER_SECOND = 20.0
RING_MS = 1_000
FEW, BELOW = 400, 20_000
"""More ports than so many are taken below those that tests share: each call has two of its own, as used ones rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the application was told of a call."""

    answered_by: str
    ms: int
    times: int
    """How many callbacks came."""


async def judge_all(
    home: Path,
    calls: Sequence[MadeCall],
    *,
    message_end: bool = False,
    at_once: int = AT_ONCE,
    how: Mapping[str, object] = MappingProxyType({}),
) -> tuple[list[Told], str]:
    """Each call's verdict, in order, and the gateway's metrics at the end. *how*: fields of each `Answer`."""
    count = 2 * len(calls) + 20
    first = free_ports(count) if count < FEW else BELOW - count - count % 2
    gateway = Gateway(home, calls_per_second=PER_SECOND, rtp_ports=(first, first + count - 1))
    async with gateway, Callees() as callees:
        application = gateway.application
        for number, call in enumerate(calls):
            callees.answers[f"c{number}"] = Answer(sound=call.sound, ring_ms=RING_MS, **how)  # type: ignore[arg-type]
        gate = asyncio.Semaphore(at_once)
        login = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
        base = f"{gateway.public_url}/2010-04-01/Accounts/{ACCOUNT_SID}"

        async def one(number: int, client: aiohttp.ClientSession) -> Told:
            async with gate:
                path = f"/amd/{number}"
                application.answers(path, "")
                form = {
                    "To": callees.uri(f"c{number}"),
                    "From": "+15550100",
                    "Twiml": STAY,
                    "MachineDetection": "DetectMessageEnd" if message_end else "Enable",
                    "AsyncAmd": "true",
                    "AsyncAmdStatusCallback": f"{application.url}{path}",
                }
                async with client.post(f"{base}/Calls.json", data=form) as response:
                    assert response.status == 201, await response.text()
                    sid = str((await response.json())["sid"])
                told = await application.wait_for(path, within_s=80)
                async with client.post(f"{base}/Calls/{sid}.json", data={"Status": "completed"}) as response:
                    await response.read()
                return Told(
                    answered_by=told["AnsweredBy"],
                    ms=int(told["MachineDetectionDuration"]),
                    times=len(application.all(path)),
                )

        async with aiohttp.ClientSession(headers=login) as client:
            all_told = await asyncio.gather(*(one(number, client) for number in range(len(calls))))
        _, metrics = await gateway.get("/metrics")
    return list(all_told), metrics + f"callees_late_ms {callees.late_ms:.0f}\n"
