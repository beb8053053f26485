"""The channel between gateway and engine: what is written there reads back with every Python."""

from __future__ import annotations

import pickle

import pytest

from media.amd import AnsweredBy
from media.commands import Side
from media.streams import Direction
from media.words import Word


@pytest.mark.parametrize("member", [*Direction, *Side, *AnsweredBy])
def test_words_are_pickled_by_class_and_value(member: Word) -> None:
    """Python 3.11.0 to 3.11.3 pickles members of a StrEnum by `getattr`, which the channel refuses."""
    assert b"getattr" not in pickle.dumps(member)
    assert pickle.loads(pickle.dumps(member)) is member
