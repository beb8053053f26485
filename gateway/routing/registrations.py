"""REGISTER served: the registrar's answers, its bindings kept in storage across restarts."""

from __future__ import annotations

import time

from gateway.config import SipConfig
from gateway.routing.inbound import PhonePrincipal
from gateway.storage.models import BindingRow
from gateway.storage.store import Store
from sip.handle import ServerRequest
from sip.registrar import Binding, Change, Registrar


def wall_clock() -> float:
    """Seconds since 1970: registrations have to mean something after a restart."""
    return time.time()  # noqa: TID251 - see above


class Registrations:
    """Owns the registrar and its copy in storage."""

    def __init__(self, config: SipConfig, store: Store) -> None:
        self._store = store
        self.registrar = Registrar(
            min_expires_s=config.register_min_s, max_expires_s=config.register_max_s, on_change=self._keep
        )

    async def load(self) -> int:
        """Take up what an earlier run kept; how many telephones there are."""
        rows = await self._store.bindings()
        self.registrar.load(map(_binding, rows), wall_clock())
        return len(rows)

    def register(self, request: ServerRequest) -> None:
        """Answer a REGISTER that admission let in."""
        principal = request.principal
        if not isinstance(principal, PhonePrincipal):
            request.reply(403)
            return
        response = self.registrar.register(
            request.request, principal.username, request.flow, wall_clock(), address=principal.address
        )
        headers = [(name, value) for name, value in response.headers if name in ("Contact", "Min-Expires")]
        request.reply(response.status, response.reason, headers=headers)

    def forget(self, user: str) -> None:
        """The telephones of somebody who may no longer register."""
        self.registrar.forget(user)

    def _keep(self, change: Change) -> None:
        for binding in change.removed:
            self._store.drop(_row(binding))
        for binding in change.saved:
            self._store.put(_row(binding))


def _row(binding: Binding) -> BindingRow:
    return BindingRow(
        user=binding.user.lower(),
        key=binding.key[:512],
        contact=binding.contact,
        call_id=binding.call_id,
        cseq=binding.cseq,
        expires_at=binding.expires_at,
        flow={"transport": binding.transport, "local": list(binding.local), "remote": list(binding.remote)},
        instance=binding.instance,
        q=binding.q,
        user_agent=binding.user_agent,
    )


def _binding(row: BindingRow) -> Binding:
    local, remote = row.flow["local"], row.flow["remote"]
    return Binding(
        user=row.user,
        contact=row.contact,
        call_id=row.call_id,
        cseq=row.cseq,
        expires_at=row.expires_at,
        transport=str(row.flow["transport"]),
        local=(str(local[0]), int(local[1])),  # type: ignore[index]  # written by _row
        remote=(str(remote[0]), int(remote[1])),  # type: ignore[index]  # written by _row
        instance=row.instance,
        q=row.q,
        user_agent=row.user_agent,
    )
