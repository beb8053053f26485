"""Session timers (RFC 4028): how often a session is refreshed, by whom, and when it is taken for dead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sip.errors import RemoteError
from sip.headers import find_param, parse_number, parse_params
from sip.machine import Machine
from sip.message import Request, Response
from sip.timers import Timer

if TYPE_CHECKING:
    from sip.session import Session

MIN_SE_S = 90
DEFAULT_EXPIRES_S = 1800
LONGEST_MIN_SE_S = 86_400
TRY_AGAIN_S = 5.0
"""After a refresh that failed, or could not be sent because an offer was open."""


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
    return parse_number(number.strip(), "Session-Expires"), find_param(
        parse_params(";" + params) if params else (), "refresher"
    )


def read_min_se(message: Request | Response) -> int:
    """Seconds of Min-SE; 0 without one. Raises `RemoteError` 400."""
    value = message.headers.get("Min-SE")
    return 0 if value is None else parse_number(value.partition(";")[0].strip(), "Min-SE")


def as_uas(request: Request, wanted_s: int = DEFAULT_EXPIRES_S) -> SessionInterval:
    """What our 2xx to *request* says (section 9): no longer than we want, no shorter than the peer allows.

    Raises `RemoteError`: 422 where the peer asks for too little, 400 for what can't be read.
    """
    asked = read_session_expires(request)
    floor = max(read_min_se(request), MIN_SE_S)
    if asked is None:
        return SessionInterval(expires_s=max(wanted_s, floor), we_refresh=True)
    seconds, refresher = asked
    if seconds < MIN_SE_S:
        raise RemoteError(422, "Session Interval Too Small")
    we_refresh = refresher == "uas" or "timer" not in request.supported
    return SessionInterval(expires_s=max(min(seconds, wanted_s), floor), we_refresh=we_refresh)


def as_uac(response: Response, asked_s: int) -> SessionInterval:
    """What a 2xx to our request agrees (section 7.2): without Session-Expires (or with one that can't be read)
    the peer knows no timers and we refresh alone."""
    try:
        agreed = read_session_expires(response)
    except RemoteError:
        agreed = None
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


def header_as_uac(expires_s: int, min_se_s: int = MIN_SE_S, we_refresh: bool | None = None) -> list[tuple[str, str]]:
    """Headers of our INVITE or refresh; inside a dialog the refresher stays who it was (section 7.4)."""
    refresher = "" if we_refresh is None else ";refresher=uac" if we_refresh else ";refresher=uas"
    return [("Session-Expires", f"{max(expires_s, min_se_s)}{refresher}"), ("Min-SE", str(min_se_s))]


class Refresher:
    """Keeps one session alive, and notes when the peer does not. Its deadlines are timers of the session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._machine: Machine | None = None
        self._min_se_s = MIN_SE_S
        self.interval: SessionInterval | None = None

    def check(self, request: Request) -> None:
        """Raises `RemoteError` 422 or 400, before the user is asked."""
        as_uas(request)

    def agree(self, interval: SessionInterval, now: float) -> None:
        """Count from now."""
        session = self._session
        self.interval = interval
        session.core.timers.clear(session, Timer.REFRESH)
        if interval.we_refresh:
            session.core.timers.set(session, Timer.REFRESH, now + interval.refresh_after_s)
        session.core.timers.set(session, Timer.EXPIRE, now + interval.end_after_s)

    def accept(self, request: Request, now: float) -> list[tuple[str, str]]:
        """A refresh of the peer: agree the interval, and say so in our 2xx."""
        interval = as_uas(request, self._session.core.session_expires_s)
        self.agree(interval, now)
        return header_as_uas(request, interval)

    def answered(self, response: Response, now: float) -> None:
        """A 2xx to our INVITE or refresh."""
        asked_s = self.interval.expires_s if self.interval is not None else self._session.core.session_expires_s
        self.agree(as_uac(response, asked_s), now)

    def headers(self) -> list[tuple[str, str]]:
        """Of a re-INVITE or UPDATE of ours: each is a refresh."""
        if self.interval is None:
            return header_as_uac(self._session.core.session_expires_s, self._min_se_s)
        return header_as_uac(self.interval.expires_s, self._min_se_s, self.interval.we_refresh)

    def refresh(self, now: float) -> None:
        """Half of the interval is over and it is our turn (section 10): by UPDATE where the peer knows it, else by re-INVITE."""
        session = self._session
        if self._machine is not None or not session.is_confirmed or session.turns.is_busy:
            self._soon(now)
        elif "UPDATE" in session.peer_allows and session.dialog is not None:
            request = session.dialog.request("UPDATE")
            request.headers.add("Supported", "timer")
            for name, value in self.headers():
                request.headers.add(name, value)
            self._machine = session.send(request, now)
        elif session.turns.local_sdp:
            session.turns.offer(session.turns.local_sdp, now)

    def owns(self, machine: Machine) -> bool:
        return machine is self._machine

    def sent_again(self, machine: Machine) -> None:
        """After a challenge the refresh goes on in another transaction."""
        self._machine = machine

    def refreshed(self, response: Response, now: float) -> None:
        """A final response to our UPDATE. What failed is tried again until the interval ends (section 10)."""
        self._machine = None
        session = self._session
        if response.status < 300:
            if session.dialog is not None:
                session.dialog.refresh_target(response)
            self.answered(response, now)
        elif response.status in (405, 501):
            session.peer_allows -= {"UPDATE"}
            self.refresh(now)
        elif response.status == 422:
            self.lengthen(response)
            self._soon(now)
        else:
            self._soon(now)

    def lengthen(self, response: Response) -> None:
        """422: the peer's Min-SE holds from now on (section 7.4)."""
        try:
            self._min_se_s = max(self._min_se_s, min(read_min_se(response), LONGEST_MIN_SE_S))
        except RemoteError:
            return

    def _soon(self, now: float) -> None:
        self._session.core.timers.set(self._session, Timer.REFRESH, now + TRY_AGAIN_S)
