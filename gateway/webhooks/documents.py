"""How documents are fetched for calls: the call's own parameters, its cookies, its extra ones on top."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from gateway.errors import WebhookFault
from gateway.twiml.control import CallControl
from gateway.twiml.interpreter import DocumentRequest
from gateway.twiml.reply import Reply
from gateway.webhooks.client import Exchange, Fetch, WebhookClient
from gateway.webhooks.journal import LONGEST_BODY
from gateway.webhooks.visit import Visit

MAX_VISITS = 20_000
"""Calls of which anything is kept; the oldest go first."""


class Documents:
    """What an `Interpreter` asks. Knows calls by their sids only; parameters come from the call's control."""

    def __init__(self, client: WebhookClient) -> None:
        self._client = client
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._last: dict[str, Exchange] = {}

    async def __call__(self, call: CallControl, request: DocumentRequest) -> Reply:
        given = {name for name, _ in request.params}
        params = [(name, value) for name, value in call.parameters() if name not in given]
        fetch = Fetch(url=request.url, method=request.method, params=[*params, *request.params])
        visit = self.visit(call.call_sid)
        try:
            reply = await self._client.fetch(fetch, visit)
        except WebhookFault as fault:
            self._last[call.call_sid] = Exchange(fetch=fetch, duration_ms=0, fault=fault)
            raise
        kept = replace(reply, body=reply.body[:LONGEST_BODY])
        self._last[call.call_sid] = Exchange(fetch=fetch, duration_ms=0, reply=kept)
        return reply

    def last(self, call_sid: str) -> Exchange | None:
        """What was asked last for a live call, and what came back."""
        return self._last.get(call_sid)

    def visit(self, call_sid: str) -> Visit:
        visit = self._visits.get(call_sid)
        if visit is None:
            visit = self._visits[call_sid] = Visit()
            if len(self._visits) > MAX_VISITS:
                self.forget(next(iter(self._visits)))
        return visit

    def forget(self, call_sid: str) -> None:
        """The call is over and has made its last request."""
        self._visits.pop(call_sid, None)
        self._last.pop(call_sid, None)
