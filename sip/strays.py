"""Answers that nobody waits for any more: other forks, and hops that were given up (RFC 3261 sections 9.1 and 13.2.2.4)."""

from __future__ import annotations

from sip.authentication import Authenticator
from sip.client_invite import ClientInvite, State, cancel_of
from sip.core import Core
from sip.dialog import Dialog
from sip.errors import RemoteError
from sip.machine import Machine
from sip.message import Request, Response

MOST_STRAYS = 16


class Strays:
    """User of transactions that their session has left: rings are cancelled, answers are ACKed and ended by BYE."""

    def __init__(self, core: Core, authenticator: Authenticator) -> None:
        self._core = core
        self._authenticator = authenticator
        self._acks: dict[str, bytes] = {}
        self._canceled: set[object] = set()

    def receive_response(self, machine: Machine, response: Response, now: float) -> None:
        if not isinstance(machine, ClientInvite):
            return  # to a BYE or CANCEL of ours: nobody is interested
        if response.status < 200:
            if machine.state is State.PROCEEDING and machine.key not in self._canceled:
                self._canceled.add(machine.key)
                self._core.send_request(self, cancel_of(machine.request), machine.flow, now)
        elif response.status < 300:
            self.end(machine.request, response, machine, now)

    def failed(self, machine: Machine, now: float, status: int) -> None:
        """Good."""

    def end(self, invite: Request, response: Response, machine: Machine, now: float) -> None:
        """ACK a 2xx, then BYE; when it comes again, the ACK again."""
        tag = response.to.tag or ""
        if tag in self._acks:
            self._core.send(machine.flow, self._acks[tag])
            return
        if len(self._acks) >= MOST_STRAYS:
            return
        try:
            dialog = Dialog.as_uac(invite, response, self._core.contact(machine.flow), machine.flow)
        except RemoteError:
            return
        flow = self._core.flow_for(dialog)
        self._acks[tag] = self._core.send_ack(dialog.request("ACK", cseq=invite.cseq.number), flow)
        bye = dialog.request("BYE")
        self._authenticator.authorize(bye, flow)
        self._core.send_request(self, bye, flow, now)
