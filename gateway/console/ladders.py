"""The SIP ladder of any recent call, as text and as a picture: `/console/calls/CA….txt`, `/console/calls/CA….svg` (HTTP Basic)."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy import or_, select

from gateway.api.auth import Gatekeeper
from gateway.api.errors import ApiError, unauthorized
from gateway.ids import is_sid
from gateway.ladder import build, draw_text
from gateway.ladder_svg import draw_svg
from gateway.storage.models import CallRow
from gateway.storage.store import Store
from gateway.trace import Trace


class Ladders:
    """Owns nothing: rows say which dialogs belong to a call and its children, the trace has their messages."""

    def __init__(self, store: Store, trace: Trace, gate: Gatekeeper) -> None:
        self._store = store
        self._trace = trace
        self._gate = gate

    def routes(self) -> list[web.RouteDef]:
        return [web.get(r"/console/calls/{sid:CA[0-9a-f]{32}}.{shape:txt|svg}", self._get)]

    async def _get(self, request: web.Request) -> web.Response:
        try:
            account = self._gate.admit(request.headers.get("Authorization", ""), request.remote or "")
        except ApiError as fault:
            response = fault.response()
            if fault.status == unauthorized().status:
                response.headers["WWW-Authenticate"] = 'Basic realm="Crosspoint"'
            return response
        sid = request.match_info["sid"]
        ladder = build(self._trace.of(await self._call_ids(sid, account)))
        if not ladder.rungs:
            return web.Response(status=404, text="no message of this call is kept any more\n")
        if request.match_info["shape"] == "svg":
            return web.Response(text=draw_svg(ladder, sid), content_type="image/svg+xml")
        return web.Response(text=draw_text(ladder) + "\n")

    async def _call_ids(self, sid: str, account: str) -> list[str]:
        """Call-IDs of the call, its parent and its children; nothing of a call that is not this account's to see."""
        if not is_sid(sid, "CA"):
            return []
        own = await self._store.get(CallRow, sid)
        if own is None or not self._gate.may_see(account, own.account_sid):
            return []
        top = own.parent_sid or own.sid
        rows = await self._store.all(select(CallRow).where(or_(CallRow.sid == top, CallRow.parent_sid == top)))
        return [row.sip_call_id for row in rows if row.sip_call_id]
