"""Enumerations that travel between gateway and engine."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Word(StrEnum):
    """Pickled by class and value: Python 3.11.0 to 3.11.3 would write a call of `getattr`, which the channel does not speak."""

    def __reduce_ex__(self, proto: object) -> tuple[Any, ...]:
        return type(self), (self.value,)
