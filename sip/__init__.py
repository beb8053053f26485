"""SIP for user agents: a sans-IO core (`Stack`), its asyncio driver (`Endpoint`), and what both speak in."""

from sip.admission import Accept, Admission, Refuse
from sip.digest import Credentials
from sip.endpoint import Endpoint
from sip.errors import BadMessage, LocalError, RemoteError, SipError
from sip.events import SessionEvent
from sip.handle import ServerRequest, Session
from sip.headers import Address
from sip.message import Request, Response
from sip.resolve import Resolver
from sip.stack import Stack
from sip.timers import TimerValues
from sip.transport import Flow, Hop
from sip.uri import Uri

__all__ = [
    "Accept",
    "Address",
    "Admission",
    "BadMessage",
    "Credentials",
    "Endpoint",
    "Flow",
    "Hop",
    "LocalError",
    "Refuse",
    "RemoteError",
    "Request",
    "Resolver",
    "Response",
    "ServerRequest",
    "Session",
    "SessionEvent",
    "SipError",
    "Stack",
    "TimerValues",
    "Uri",
]
