"""Nouns of services that this gateway does not have: known, so that a warning can name them, and not looked into."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twiml.verb import Noun


@dataclass(frozen=True, kw_only=True)
class _Foreign(Noun):
    is_opaque = True


class Room(_Foreign, element="Room"):
    """A video room."""


class Conversation(_Foreign, element="Conversation"):
    """A conversation."""


class VirtualAgent(_Foreign, element="VirtualAgent"):
    """A dialogue agent."""


class Autopilot(_Foreign, element="Autopilot"):
    """A retired assistant."""


class ConversationRelay(_Foreign, element="ConversationRelay"):
    """Speech to text to speech over a web socket."""


class ConversationRelaySession(_Foreign, element="ConversationRelaySession"):
    """The same by a stored configuration."""


class AiSession(_Foreign, element="AiSession"):
    """An assistant's session."""


class Sim(_Foreign, element="Sim"):
    """A SIM card."""


class WhatsApp(_Foreign, element="WhatsApp"):
    """A WhatsApp number."""


class Application(_Foreign, element="Application"):
    """Another application."""


FOREIGN_CONNECTIONS = (
    Room,
    Conversation,
    VirtualAgent,
    Autopilot,
    ConversationRelay,
    ConversationRelaySession,
    AiSession,
)
FOREIGN_PARTIES = (Sim, WhatsApp, Application)
