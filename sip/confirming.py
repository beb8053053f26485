"""The third step of an INVITE: our 2xx repeated until its ACK (RFC 3261 section 13.3.1.4), and our ACKs of the peer's 2xx (13.2.2.4)."""

from __future__ import annotations

from collections import OrderedDict

from sip.core import Core
from sip.dialog import Dialog
from sip.message import Request, Response
from sip.timers import Owner, Timer
from sip.transport import Flow

KEPT_ACKS = 4


class Confirming:
    """One 2xx of ours at a time. Its transaction does not repeat it, so that it survives a proxy that forgets."""

    def __init__(self, core: Core, owner: Owner) -> None:
        self._core = core
        self._owner = owner
        self._flow: Flow | None = None
        self._octets = b""
        self._interval = 0.0
        self._cseq: int | None = None
        self.wants_answer = False
        """The 2xx has our offer: the ACK has its answer."""

    @property
    def is_waiting(self) -> bool:
        return self._cseq is not None

    def begin(self, response: Response, flow: Flow, now: float, *, wants_answer: bool) -> None:
        """The 2xx has been sent once."""
        self._octets, self._flow, self._cseq = response.to_bytes(), flow, response.cseq.number
        self.wants_answer = wants_answer
        self._interval = self._core.values.t1
        self._core.timers.set(self._owner, Timer.RESEND_2XX, now + self._interval)
        self._core.timers.set(self._owner, Timer.ACK_WAIT, now + self._core.values.timeout)

    def resend(self, now: float) -> None:
        """Over every transport: the ACK goes end to end."""
        if self._flow is not None:
            self._core.send(self._flow, self._octets)
            self._interval = min(2 * self._interval, self._core.values.t2)
            self._core.timers.set(self._owner, Timer.RESEND_2XX, now + self._interval)

    def is_acked_by(self, cseq: int) -> bool:
        """Take an ACK; False for one of something else."""
        if self._cseq != cseq:
            return False
        self.stop()
        return True

    def stop(self) -> None:
        self._core.timers.clear(self._owner, Timer.RESEND_2XX, Timer.ACK_WAIT)
        self._flow = self._cseq = None
        self._octets = b""


class Acks:
    """Our ACKs by the CSeq of their INVITE: a repeated 2xx gets the same octets."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._sent: OrderedDict[int, bytes] = OrderedDict()

    def has(self, cseq: int) -> bool:
        return cseq in self._sent

    def again(self, cseq: int, dialog: Dialog) -> None:
        self._core.send(self._core.flow_for(dialog), self._sent[cseq])

    def send(self, request: Request, dialog: Dialog) -> None:
        self._sent[request.cseq.number] = self._core.send_ack(request, self._core.flow_for(dialog))
        if len(self._sent) > KEPT_ACKS:
            self._sent.popitem(last=False)
