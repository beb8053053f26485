"""Session timers (RFC 4028): how often a session is refreshed, by whom, and when it is taken for dead."""

from __future__ import annotations

from dataclasses import dataclass

from sip.errors import RemoteError
from sip.headers import find_param, parse_number, parse_params
from sip.message import Request, Response

MIN_SE_S = 90
DEFAULT_EXPIRES_S = 1800


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInterval:
    """An agreed interval. Times in seconds after the last refresh."""

    expires_s: int
    we_refresh: bool

    @property
    def refresh_after_s(self) -> float:
        return self.expires_s / 2

    @property
    def end_after_s(self) -> float:
        """The other side did not refresh (or ours failed): BYE shortly before the expiry (section 10)."""
        return self.expires_s - min(32.0, self.expires_s / 3)


def read_session_expires(message: Request | Response) -> tuple[int, str | None] | None:
    """(seconds, refresher) of Session-Expires; None without one. Raises `RemoteError` 400."""
    value = message.headers.get("Session-Expires")
    if value is None:
        return None
    number, _, params = value.partition(";")
    return parse_number(number.strip(), "Session-Expires"), find_param(parse_params(";" + params) if params else (), "refresher")


def as_uas(request: Request, wanted_s: int = DEFAULT_EXPIRES_S) -> SessionInterval | None:
    """What our 2xx to *request* says (section 9). None: no timer. Raises `RemoteError` 422 where the peer asks for too little."""
    asked = read_session_expires(request)
    supported = "timer" in request.supported
    if asked is not None:
        seconds, refresher = asked
        if seconds < MIN_SE_S:
            raise RemoteError(422, "Session Interval Too Small")
        return SessionInterval(expires_s=seconds, we_refresh=refresher == "uas" or not supported)
    least = request.headers.get("Min-SE")
    floor = parse_number(least.partition(";")[0].strip(), "Min-SE") if least else MIN_SE_S
    return SessionInterval(expires_s=max(wanted_s, floor, MIN_SE_S), we_refresh=True)


def as_uac(response: Response, asked_s: int) -> SessionInterval | None:
    """What a 2xx to our request agrees (section 7.2): without Session-Expires the peer knows no timers and we refresh alone."""
    agreed = read_session_expires(response)
    if agreed is None:
        return SessionInterval(expires_s=asked_s, we_refresh=True)
    seconds, refresher = agreed
    return SessionInterval(expires_s=max(seconds, MIN_SE_S), we_refresh=refresher != "uas")


def header_as_uas(request: Request, interval: SessionInterval) -> list[tuple[str, str]]:
    """Headers of our 2xx."""
    refresher = "uas" if interval.we_refresh else "uac"
    headers = [("Session-Expires", f"{interval.expires_s};refresher={refresher}")]
    if refresher == "uac":
        headers.append(("Require", "timer"))
    return headers


def header_as_uac(expires_s: int, min_se_s: int = MIN_SE_S) -> list[tuple[str, str]]:
    """Headers of our INVITE or refresh."""
    return [("Session-Expires", str(max(expires_s, min_se_s))), ("Min-SE", str(min_se_s))]
