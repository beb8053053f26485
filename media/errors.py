"""What the engine refuses to do; packets are never among it, they are counted.

MediaError
 ├── NoRowLeft       every row of the bus is lent
 ├── NoPortLeft      every port pair is lent or rests
 ├── NoSuchCodec     an encoding name that no codec answers to
 ├── NoSuchModel     a voice detector's model is missing, or another one
 ├── EngineGone      the engine's process has ended
 └── WireFault       the command channel carried something that is no command or event
"""

from __future__ import annotations


class MediaError(Exception):
    """Root of what this package raises."""


class NoRowLeft(MediaError):
    """Every row of the bus is lent."""


class NoPortLeft(MediaError):
    """Every port pair is lent, rests, or is held by another program."""


class NoSuchCodec(MediaError):
    """An encoding name that no codec answers to."""


class NoSuchModel(MediaError):
    """A voice detector's model is missing, or it is not the one that is known."""


class EngineGone(MediaError):
    """The engine's process has ended; its legs are lost."""


class WireFault(MediaError):
    """The command channel carried something that is no command or event."""
