"""`<Task>`: attributes of a TaskRouter task, for which there is no router here."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twiml.verb import Noun, attribute


@dataclass(frozen=True, kw_only=True)
class Task(Noun, element="Task", takes_text=True):
    """The text is JSON."""

    priority: int | None = attribute(None)
    timeout: int | None = attribute(None)
