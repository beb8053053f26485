"""The fragment of a URL.

| key | range | default |
|---|---|---|
| ct | 100-10000 ms | 5000 |
| rt | 100-15000 ms | 15000 |
| tt | 100-15000 ms | 15000 |
| rc | 0-5 | 1 |
| rp | 4xx, 5xx, ct, rt, all | ct |
"""

from __future__ import annotations

import pytest

from gateway.webhooks.overrides import RETRIES, Overrides, split


@pytest.mark.parametrize(
    ("fragment", "wanted"),
    [
        ("", Overrides()),
        ("#", Overrides()),
        ("#top", Overrides()),
        ("#rc=3&rp=5xx,rt", Overrides(retries=3, retry_on=frozenset({"5xx", "rt"}))),
        ("#rp=all", Overrides(retry_on=RETRIES)),
        ("#rp=none&rc=9", Overrides(retries=5, retry_on=frozenset())),
        ("#ct=2000&rt=3000&tt=4000", Overrides(connect_ms=2000, read_ms=3000, total_ms=4000)),
        ("#ct=1&rt=99999&tt=0", Overrides(connect_ms=100, read_ms=15_000, total_ms=100)),
        ("#ct=-5&rc=x&rt=&tt=1e3&e=ashburn&sni=y", Overrides()),
    ],
)
def test_a_fragment_changes_how_a_url_is_asked(fragment: str, wanted: Overrides) -> None:
    assert split("http://h/p?q=1" + fragment) == ("http://h/p?q=1", wanted)


def test_what_is_no_url_is_left_for_others_to_refuse() -> None:
    assert split("http://[#rc=2") == ("http://[", Overrides(retries=2))
