"""Replaces: an INVITE, or the URI of a Refer-To, that names a dialog whose place it takes (RFC 3891)."""

from __future__ import annotations

from dataclasses import dataclass

from sip.errors import RemoteError


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaces:
    """The dialog meant. Tags as its user agent here sees them: `to_tag` is our own, `from_tag` the peer's (section 3)."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @staticmethod
    def parse(text: str) -> Replaces:
        """Raises `RemoteError` 400 where a tag is missing or there twice (section 6.1)."""
        call_id, *params = (part.strip() for part in text.split(";"))
        found: dict[str, str] = {}
        for param in params:
            name, _, value = param.partition("=")
            name = name.strip().lower()
            if name in found:
                raise RemoteError(400, "Malformed Replaces")
            found[name] = value.strip()
        if not call_id or not found.get("to-tag") or not found.get("from-tag") or not text.isprintable():
            raise RemoteError(400, "Malformed Replaces")
        return Replaces(
            call_id=call_id, to_tag=found["to-tag"], from_tag=found["from-tag"], early_only="early-only" in found
        )

    def means(self, call_id: str, local_tag: str, remote_tag: str) -> bool:
        """Whether it is this dialog of ours. Tags the other way round are taken, too: some phones copy them as they see them."""
        tags = {(self.to_tag, self.from_tag), (self.from_tag, self.to_tag)}
        return self.call_id == call_id and (local_tag, remote_tag) in tags
