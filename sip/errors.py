"""What `sip` raises, and whose fault it is.

SipError
├── LocalError        we asked for something that the RFC forbids: a bug on our side
└── RemoteError       they did; answer with `status` and `reason`
    └── BadMessage    the octets are no SIP message; `request` is what could be read of it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sip.message import Request


class SipError(Exception):
    """Anything that `sip` raises."""


class LocalError(SipError):
    """We asked for something that the RFC forbids."""


class RemoteError(SipError):
    """The peer sent something wrong: answer with `status` and `reason`."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status, self.reason = status, reason

    def __str__(self) -> str:
        return f"{self.status} {self.reason}"


class BadMessage(RemoteError):
    """Octets that are no SIP message; `request` is there when enough could be read to answer it."""

    def __init__(self, status: int, reason: str, request: Request | None = None) -> None:
        super().__init__(status, reason)
        self.request = request
