"""The SIP ladder of a call and its family, with people's names over the columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.console.history import Story
from gateway.console.render import party
from gateway.ladder import Ladder, build
from gateway.storage.models import CallRow
from gateway.trace import Trace


class Teller:
    """Owns nothing: rows say which dialogs belong to a call, the trace has their messages."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def ladder(self, family: Sequence[CallRow]) -> Ladder:
        """Empty where no message is kept any more."""
        names = {
            row.sip_call_id: party(row.from_ if row.direction == "inbound" else row.to)[:32]
            for row in family
            if row.sip_call_id
        }
        return build(self._trace.of(list(names)), names)


def summary(story: Story, ladder: Ladder) -> dict[str, Any]:
    """A call for a program that follows it (`crosspoint call`)."""
    call = story.call
    return {
        "sid": call.sid,
        "status": call.status,
        "sip_response_code": call.sip_response_code,
        "duration": call.duration_s,
        "answered_by": call.answered_by or None,
        "legs": [
            {
                "sid": row.sid,
                "from": row.from_,
                "to": row.to,
                "direction": row.direction,
                "status": row.status,
                "answered_at": _stamp(row.answered_at),
                "ended_at": _stamp(row.ended_at),
            }
            for row in story.family
        ],
        "ladder": {
            "columns": ladder.columns,
            "rungs": [[round(rung.at_ms, 1), rung.source, rung.target, rung.label] for rung in ladder.rungs],
        },
        "recordings": [
            {"sid": row.sid, "status": row.status, "channels": row.channels, "duration": row.duration_s}
            for row in story.recordings
        ],
        "notifications": [{"code": row.code, "log": row.log, "message": row.message} for row in story.notifications],
    }


def _stamp(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
