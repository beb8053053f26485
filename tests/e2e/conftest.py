"""A gateway for a test, its log shown where the test fails, and its application's signatures always checked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.gateway import Gateway

SHOWN = 30_000


@pytest.fixture
async def gateway(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Gateway]:
    """`@pytest.mark.parametrize("gateway", [{…}], indirect=True)` passes other options."""
    one = Gateway(tmp_path / "gateway", **getattr(request, "param", {}))
    try:
        async with one:
            yield one
    finally:
        with suppress(OSError):
            request.node.add_report_section("call", "log of the gateway", one.logs()[-SHOWN:])
    assert not one.application.unsigned, "every request carries a signature that Twilio's library accepts"
    assert "Traceback" not in one.logs(), "nothing that a peer does may raise out of the core"
