"""What becomes of a REFER: the application's document takes the other party over, or a dialog of ours is replaced (RFC 3891)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from gateway.calls.child import Child
from gateway.calls.dialing import Dialing
from gateway.calls.referral import Referral
from gateway.calls.talk import Party, Talk
from gateway.calls.until import first_of
from gateway.errors import GatewayError
from gateway.twilio_codes import Code
from gateway.twiml.control import DialPlan, DialResult, DocumentFault, HungUp
from gateway.twiml.interpreter import DocumentRequest
from sip.errors import RemoteError
from sip.headers import Address
from sip.replaces import Replaces
from sip.uri import Uri

if TYPE_CHECKING:
    from gateway.calls.calls import Calls
    from gateway.calls.exchange import LiveCall
    from sip.message import Request

_TRIES, _WAIT_S = 10, 0.1

_TOLD = {"busy": 486, "no-answer": 480, "canceled": 487, "failed": 503}
"""What a NOTIFY says of a dialled party that gave no response of its own."""

log = structlog.get_logger(__name__)


class Transfer:
    """One REFER of one side of a talk. A transfer that fails leaves the talk as it was, and the asker is told why."""

    def __init__(self, calls: Calls, talk: Talk, asker: Party, referral: Referral) -> None:
        self._calls = calls
        self._talk = talk
        self._asker = asker
        self._other = talk.other(asker)
        self._referral = referral

    async def run(self) -> None:
        """As Twilio: with a `referUrl` the application says what happens. Without, only who talks with us already can be connected."""
        try:
            await self._run()
        finally:
            self._talk.is_asked = False

    async def _run(self) -> None:
        call = self._asker.live.call
        try:
            replaces = replaced_by(self._referral.refer_to)
        except RemoteError as fault:
            self._referral.refuse(fault.status)
            return
        log.info("asked to transfer", call_sid=call.sid, refer_to=self._referral.refer_to)
        if self._talk.refer_url:
            self._referral.accept()
            await self._ask()
        elif replaces is not None:
            self._referral.accept()
            self._referral.tell(await self._connect(replaces))
        else:
            self._calls.notify(call, Code.REFER_WITHOUT_URL, f"REFER to {self._referral.refer_to} but no referUrl")
            self._referral.refuse(603)

    async def _ask(self) -> None:
        """The application's document goes on with the other party."""
        live, url = self._other.live, self._talk.refer_url
        params = (("ReferTransferTarget", self._referral.refer_to),)
        request = DocumentRequest(url=url, method=self._talk.refer_method, params=params)
        try:
            request, plan = await self._calls.fetch(live, request)
        except (GatewayError, DocumentFault) as fault:
            self._calls.notify(live.call, fault.code, f"{fault.message} ({fault.url or url})")
            self._referral.tell(503)
            return
        if self._other.talk is not self._talk:
            self._referral.tell(487)
            return
        found = await self._find(live, plan) if plan is not None else None
        if isinstance(found, DialResult):
            self._referral.tell(
                _TOLD.get(found.status, 503) if found.sip_response_code is None else found.sip_response_code
            )
            self._talk.resume()
            return
        live.prepared = found
        if not self._calls.update(live.call.sid, request):
            self._referral.tell(487)
            return
        self._referral.tell(200)
        self._asker.live.leg.hang_up("transferred")

    async def _find(self, live: LiveCall, plan: DialPlan) -> Child | DialResult:
        """Dial before the old call is given up: who answered, or how it failed. Meanwhile the other party hears it ring."""
        self._talk.pause(self._asker)
        plan = replace(plan, referred_by=self._referral.referred_by)
        finding = asyncio.ensure_future(Dialing(self._calls, live, plan, lambda: self._referral.tell(180)).find())
        try:
            await first_of(finding, self._other.over)
        finally:
            if not finding.done():
                finding.cancel()
                await asyncio.wait([finding])
        found = DialResult(status="canceled") if finding.cancelled() else finding.result()
        if isinstance(found, Child):
            if self._other.over.done():
                found.drop()
                return DialResult(status="canceled")
            live.leg.ended.add_done_callback(lambda _: live.prepared.drop() if live.prepared is not None else None)
        return found

    async def _connect(self, meant: Replaces) -> int:
        """Join our other party with the one at the far side of the dialog meant; the status that tells how it went."""
        found = await settled(meant, self._calls.live.values(), self._asker.live.call.account_sid)
        target = found.party.other if found is not None and found.party is not None else None
        if found is None or target is None or target.talk is self._talk:
            return 481
        if self._other.talk is not self._talk or self._asker.talk is not self._talk:
            return 487
        self._talk.replace(self._asker, target)
        found.leg.hang_up("transferred")
        asyncio.get_running_loop().call_soon(self._asker.live.leg.hang_up, "transferred")  # once it has been told
        self._calls.limit(target.live, self._calls.config.limits.max_call_seconds)  # no `<Dial>` limits them any more
        return 200


def dialog(meant: Replaces, lives: Iterable[LiveCall], account_sid: str) -> LiveCall | None:
    """The live call whose dialog is meant: of this account, whoever else has one."""
    return next((live for live in lives if live.leg.is_dialog(meant) and live.call.account_sid == account_sid), None)


def replaced_by(refer_to: str) -> Replaces | None:
    """The dialog that a Refer-To wants replaced. Raises `RemoteError` for what can't be read."""
    return _replaced_in(Address.parse(refer_to).uri)


async def settled(meant: Replaces, lives: Iterable[LiveCall], account_sid: str) -> LiveCall | None:
    """The same, where it has to be in a talk: it may have been answered this very moment, and be about to begin one."""
    found = dialog(meant, lives, account_sid)
    for _ in range(_TRIES):
        if found is not None and found.party is not None:
            break
        await asyncio.sleep(_WAIT_S)
        found = dialog(meant, lives, account_sid)
    return found


async def replaced_by_address(address: str, lives: Iterable[LiveCall], account_sid: str) -> LiveCall | None:
    """Whose place a call to this SIP address takes; None: it says nothing of that, or nobody has that dialog."""
    if "replaces=" not in address.lower():
        return None
    try:
        meant = _replaced_in(Uri.parse(address))
    except RemoteError:
        return None
    return await settled(meant, lives, account_sid) if meant is not None else None


async def replaced_by_invite(
    invite: Request, lives: Iterable[LiveCall], ringing: Iterable[Child], account_sid: str
) -> LiveCall | Child | None:
    """Whose place a new INVITE takes, be it one that only rings; None: it has no Replaces. Raises `RemoteError` (RFC 3891 section 3)."""
    values = invite.headers.get_all("Replaces")
    if not values:
        return None
    if len(values) > 1:
        raise RemoteError(400, "More Than One Replaces")
    meant = Replaces.parse(values[0])
    for child in ringing:
        if child.rings_as(meant) and child.call.account_sid == account_sid:
            return child
    found = await settled(meant, lives, account_sid)
    if found is None or found.party is None:
        raise RemoteError(481, "No Such Dialog")
    if meant.early_only:
        raise RemoteError(486, "Already Answered")
    return found


def _replaced_in(uri: Uri) -> Replaces | None:
    value = next((value for name, value in uri.headers if name.lower() == "replaces"), None)
    return Replaces.parse(value) if value is not None else None


async def take_over(live: LiveCall, replaced: LiveCall) -> None:
    """Answer *live* and let it talk with the partner of *replaced*, which is hung up. Whoever has left meanwhile ends it."""
    try:
        await live.leg.answer()
    except HungUp:
        return
    party = replaced.party
    if party is None or party.talk is None:
        live.leg.hang_up("nobody to talk with")
        return
    party.talk.replace(party, Party(live=live))
    replaced.leg.hang_up("replaced")
