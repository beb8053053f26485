"""What every test shares: real peers that are missing are named, and are a failure in continuous integration."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Set as AbstractSet

import pytest
from hypothesis import settings

from tests.peers.chromium import browser

PROGRAMS = ("baresip", "linphonec", "sipp", "chromium", "espeak-ng", "openssl")
NAMES = re.compile("|".join((*PROGRAMS, "postgresql")))
MISSING = pytest.StashKey[AbstractSet[str]]()

if os.environ.get("CI") != "true":  # there hypothesis repeats itself and knows no deadline by itself
    settings.register_profile("crosspoint", deadline=None)  # a busy machine's time says nothing of the code
    settings.load_profile("crosspoint")


def pytest_configure(config: pytest.Config) -> None:
    found = {"chromium": browser()} | {name: shutil.which(name) for name in PROGRAMS if name != "chromium"}
    config.stash[MISSING] = {name for name in PROGRAMS if not found[name]}


def needs(item: pytest.Item) -> AbstractSet[str]:
    """The programs that a test says it needs: `@pytest.mark.peers("baresip", "sipp")`; none said: all of them."""
    marker = item.get_closest_marker("peers")
    return set() if marker is None else set(marker.args or PROGRAMS)


def pytest_runtest_setup(item: pytest.Item) -> None:
    absent = needs(item) & item.config.stash[MISSING]
    if not absent:
        return
    message = f"not installed: {', '.join(sorted(absent))}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{message} (CI=true)", pytrace=False)
    pytest.skip(message)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    said = (str(report.longrepr) for report in terminalreporter.stats.get("skipped", []))
    absent = {
        name for text in said if "not installed: " in text for name in NAMES.findall(text.split("installed: ")[1])
    }
    if absent:
        terminalreporter.section("PEERS MISSING", sep="*", red=True)
        terminalreporter.line(f"tests with {', '.join(sorted(absent))} were SKIPPED: run .ci/install_peers.sh as root")
