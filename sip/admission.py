"""Who may begin something with us: the verdict, given before any state is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sip.message import Request, Response
from sip.transport import Flow


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answered without any state: a repeated request is judged again, the ACK is absorbed."""

    response: Response
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Accept:
    """Let in, and who it is."""

    principal: object = None


Admission = Refuse | Accept
Admit = Callable[[Request, Flow, float], Admission]
