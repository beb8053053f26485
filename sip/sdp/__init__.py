"""Session descriptions: model, reader, writer, and offer and answer as algebra on the model."""

from sip.sdp.model import AudioFormat, Direction, Media, Origin, SessionDescription
from sip.sdp.parse import parse
from sip.sdp.write import write

__all__ = ["AudioFormat", "Direction", "Media", "Origin", "SessionDescription", "parse", "write"]
