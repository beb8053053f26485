"""SIP messages of recent calls, kept for ladders: bounded by calls, by messages of one call and by octets."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass

MAX_CALLS = 2_000
MAX_MESSAGES = 200
MAX_OCTETS = 48 * 1024 * 1024
LONGEST = 16_384
"""Octets of one message that are kept."""

_CALL_ID = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]+)", re.IGNORECASE)
_CSEQ = re.compile(rb"\r\ncseq[ \t]*:[ \t]*(\d+)[ \t]+([A-Za-z]+)", re.IGNORECASE)
_SECRETS = re.compile(
    r"(^(?:proxy-)?authorization[ \t]*:[ \t]*(?:digest|basic)?|^x-crosspoint-own[ \t]*:|\binline:)"
    r"(?:(?<!inline:)[^\n]*(?:\n[ \t][^\n]*)*|[^\s|]+)",
    re.IGNORECASE | re.MULTILINE,
)
"""Credentials (folded lines, too), what we know ourselves by, and media keys: what stands before them is shown."""

Kept = tuple[float, bool, object, bytes]
"""When, whether sent, the peer, the message: read only when somebody wants to see it."""


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
    data: bytes = b""

    @property
    def text(self) -> str:
        """For an operator's eyes: lines, nothing that moves a cursor, no answer to a challenge and no media key."""
        lines = self.data.decode("utf-8", "replace").replace("\r\n", "\n")
        shown = "".join(letter if letter == "\n" or letter.isprintable() else "·" for letter in lines)
        return _SECRETS.sub(lambda found: found[1] + "…", shown)


class Trace:
    """Owns the messages of recent Call-IDs."""

    def __init__(self, *, calls: int = MAX_CALLS, messages: int = MAX_MESSAGES, octets: int = MAX_OCTETS) -> None:
        self._calls, self._messages, self._most = calls, messages, octets
        self._kept: OrderedDict[str, deque[Kept]] = OrderedDict()
        self._octets = 0

    def add(self, at: float, sent: bool, peer: object, data: bytes) -> None:
        """Note one message; anything without a Call-ID (keep-alives, garbage) is passed over. Never raises."""
        found = _CALL_ID.search(data, 0, 8192)
        if found is None:
            return
        call_id = found[1].decode("utf-8", "replace").strip()
        data = data[:LONGEST]
        kept = self._kept.get(call_id)
        if kept is None:
            kept = self._kept[call_id] = deque()
        elif len(kept) == self._messages:
            self._octets -= len(kept.popleft()[3])
        kept.append((at, sent, peer, data))
        self._octets += len(data)
        while len(self._kept) > self._calls or (self._octets > self._most and len(self._kept) > 1):
            _, gone = self._kept.popitem(last=False)
            self._octets -= sum(len(one[3]) for one in gone)

    def of(self, call_ids: Sequence[str]) -> list[Traced]:
        """The messages of these dialogs together, in order of time."""
        found = [_read(call_id, kept) for call_id in call_ids for kept in self._kept.get(call_id, ())]
        return sorted(found, key=lambda message: message.at)

    def newest(self, call_ids: Sequence[str]) -> float:
        """When the last message of these dialogs came or went: has anything happened since? 0: none is kept."""
        return max((self._kept[call_id][-1][0] for call_id in call_ids if call_id in self._kept), default=0.0)


def _read(call_id: str, kept: Kept) -> Traced:
    at, sent, peer, data = kept
    cseq = _CSEQ.search(data, 0, 8192)
    return Traced(
        call_id=call_id,
        at=at,
        sent=sent,
        peer=str(peer),
        label=_label(data[: data.find(b"\r\n")].decode("utf-8", "replace")),
        cseq=f"{int(cseq[1])} {cseq[2].decode()}" if cseq else "",
        has_sdp=b"\r\n\r\nv=0" in data,
        data=data,
    )


def _label(line: str) -> str:
    """`INVITE` or `180 Ringing`."""
    if line.startswith("SIP/2.0 "):
        return line[8:60]
    return line.partition(" ")[0][:20]
