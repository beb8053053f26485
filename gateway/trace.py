"""SIP messages of recent calls, kept for ladders: bounded by calls and by messages of one call."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass

MAX_CALLS = 2_000
MAX_MESSAGES = 200

_CALL_ID = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]+)", re.IGNORECASE)
_CSEQ = re.compile(rb"\r\ncseq[ \t]*:[ \t]*(\d+)[ \t]+([A-Za-z]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Traced:
    """One message as a ladder shows it. `at` in seconds on the loop's clock; `peer` as `udp:address:port`."""

    call_id: str
    at: float
    sent: bool
    peer: str
    label: str
    cseq: str
    has_sdp: bool


class Trace:
    """Owns the messages of recent Call-IDs."""

    def __init__(self, *, calls: int = MAX_CALLS, messages: int = MAX_MESSAGES) -> None:
        self._calls, self._messages = calls, messages
        self._kept: OrderedDict[str, deque[Traced]] = OrderedDict()

    def add(self, at: float, sent: bool, peer: str, data: bytes) -> None:
        """Note one message; anything without a Call-ID (keep-alives, garbage) is passed over. Never raises."""
        found = _CALL_ID.search(data, 0, 8192)
        if found is None:
            return
        call_id = found[1].decode("utf-8", "replace").strip()
        kept = self._kept.get(call_id)
        if kept is None:
            kept = self._kept[call_id] = deque(maxlen=self._messages)
            if len(self._kept) > self._calls:
                self._kept.popitem(last=False)
        line = data[: data.find(b"\r\n")].decode("utf-8", "replace")
        cseq = _CSEQ.search(data, 0, 8192)
        kept.append(
            Traced(
                call_id=call_id,
                at=at,
                sent=sent,
                peer=peer,
                label=_label(line),
                cseq=f"{int(cseq[1])} {cseq[2].decode()}" if cseq else "",
                has_sdp=b"\r\n\r\nv=0" in data,
            )
        )

    def of(self, call_ids: Sequence[str]) -> list[Traced]:
        """The messages of these dialogs together, in order of time."""
        return sorted((m for call_id in call_ids for m in self._kept.get(call_id, ())), key=lambda m: m.at)


def _label(line: str) -> str:
    """`INVITE` or `180 Ringing`."""
    if line.startswith("SIP/2.0 "):
        return line[8:60]
    return line.partition(" ")[0][:20]
