"""Where messages go, and what we say of where we are (RFC 3261 sections 18.1.1, 18.2.2; RFC 3581, 3263, 5626)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from sip.dialog import Dialog
from sip.headers import Via
from sip.message import Request
from sip.transport import DEFAULT_PORTS, Flow

AVOID_S = 60.0
MOST_AVOIDED = 1_000

Local = tuple[str, int]


def write_address(host: str, port: int) -> str:
    """host:port, IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@lru_cache(4096)
def read_address(host: str) -> IPv4Address | IPv6Address | None:
    """A numeric host, brackets or not; None for a name."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


class Paths:
    """Turns URIs, Vias and dialogs into flows. Owns the list of peers that did not answer lately."""

    def __init__(
        self,
        *,
        sent_by: Callable[[Flow], str] = lambda flow: write_address(*flow.local),
        local_for: Callable[[str, str], Local | None] = lambda transport, host: None,
    ) -> None:
        """*sent_by*: host and port of ours on a flow; *local_for*: our address on a transport towards a host, if we have one."""
        self._sent_by = sent_by
        self._local_for = local_for
        self._avoided: dict[tuple[str, Local], float] = {}

    def via(self, flow: Flow, token: str) -> str:
        return f"SIP/2.0/{flow.transport.upper()} {self._sent_by(flow)};rport;branch=z9hG4bK{token}"

    def inside(self, dialog: Dialog) -> Flow:
        """For a request inside a dialog: the connection that the peer holds (RFC 5626); else the route or target where that
        is an address that we can believe; else where the dialog came from (a name, or a peer behind a NAT)."""
        flow = dialog.flow
        if flow.connection:
            return flow
        uri = dialog.next_uri
        back = Flow(flow.transport, flow.local, flow.remote)
        if dialog.behind_nat and not dialog.routes:
            return back
        address, source = read_address(uri.host), read_address(flow.remote[0])
        if address is None or source is None or not _is_credible(address, source):
            return back
        asked = (uri.param("transport") or ("tls" if uri.scheme == "sips" else flow.transport)).lower()
        transport, local = flow.transport, flow.local
        if asked != transport and (other := self._local_for(asked, str(address))) is not None:
            transport, local = asked, other
        return Flow(transport, local, (str(address), uri.port or DEFAULT_PORTS.get(transport, 5060)))

    def again(self, request: Request, flow: Flow, *, is_server: bool) -> Flow:
        """After a connection has gone: a client connects again, a server to where the Via says (18.2.2)."""
        port = (request.via.port or DEFAULT_PORTS[flow.transport]) if is_server else flow.remote[1]
        return Flow(flow.transport, flow.local, (flow.remote[0], port))

    def avoid(self, flow: Flow, now: float) -> None:
        """This peer did not answer."""
        if len(self._avoided) >= MOST_AVOIDED:
            self._avoided.clear()
        self._avoided[flow.transport, flow.remote] = now + AVOID_S

    def best_first(self, flows: Iterable[Flow], now: float) -> list[Flow]:
        """In their order, but those that did not answer lately last."""
        return sorted(flows, key=lambda flow: self._avoided.get((flow.transport, flow.remote), 0.0) > now)


def reply_flow(via: Via, flow: Flow) -> Flow:
    """Where a response goes: streams answer on themselves; datagrams to `rport`, else to the sent-by port (RFC 3581, 18.2.2)."""
    if flow.reliable or via.rport is not None:
        return flow
    return Flow(flow.transport, flow.local, (flow.remote[0], via.port or DEFAULT_PORTS["udp"]))


def _is_credible(address: IPv4Address | IPv6Address, source: IPv4Address | IPv6Address) -> bool:
    """Whether a peer at *source* can mean *address*, or only thinks so from behind its NAT."""
    if address == source:
        return True
    if address.version != source.version or address.is_unspecified or address.is_multicast:
        return False
    if address.is_loopback or address.is_link_local:
        return source.is_loopback or source.is_link_local
    return source.is_private or not address.is_private
