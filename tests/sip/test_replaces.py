"""Replaces: which dialog is meant (RFC 3891)."""

from __future__ import annotations

import pytest

from sip.errors import RemoteError
from sip.replaces import Replaces


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@b;to-tag=1;from-tag=2", Replaces(call_id="a@b", to_tag="1", from_tag="2")),
        (" a ; From-Tag = 2 ; To-Tag=1 ; early-only", Replaces(call_id="a", to_tag="1", from_tag="2", early_only=True)),
        ("a;to-tag=1;from-tag=2;more=3", Replaces(call_id="a", to_tag="1", from_tag="2")),
    ],
)
def test_it_is_read(text: str, found: Replaces) -> None:
    assert Replaces.parse(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a;to-tag=1",
        "a;from-tag=1",
        "a;to-tag=;from-tag=2",
        ";to-tag=1;from-tag=2",
        "a;to-tag=1;to-tag=1;from-tag=2",
        "a\n;to-tag=1;from-tag=2",
    ],
)
def test_what_names_no_dialog_is_refused(text: str) -> None:
    with pytest.raises(RemoteError) as caught:
        Replaces.parse(text)
    assert caught.value.status == 400


def test_it_means_one_dialog_whichever_way_round_its_tags_were_written() -> None:
    meant = Replaces.parse("a;to-tag=ours;from-tag=theirs")
    assert meant.means("a", "ours", "theirs")
    assert meant.means("a", "theirs", "ours")
    assert not meant.means("b", "ours", "theirs")
    assert not meant.means("a", "ours", "")
    assert not meant.means("a", "ours", "ours")
