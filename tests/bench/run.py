"""`make bench`: every table, one after another."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

BENCHES = {
    "sip": ("tests.bench.bench_sip", "SIP messages"),
    "media": ("tests.bench.bench_media", "Media engine"),
    "rooms": ("tests.bench.bench_rooms", "Rooms"),
    "detection": ("tests.bench.bench_detection", "Who answered"),
    "recordings": ("tests.bench.bench_recordings", "Recordings"),
    "calls": ("tests.bench.bench_calls", "Calls through a whole gateway"),
    "rest": ("tests.bench.bench_rest", "REST API"),
}


def main(names: Sequence[str]) -> int:
    """Run the named benches, or all."""
    console = Console()
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        console.print(f"no such bench: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
        return 2
    console.print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    for name in names or BENCHES:
        module, title = BENCHES[name]
        table = Table(title=title, title_justify="left")
        table.add_column("figure")
        table.add_column("value", justify="right")
        table.add_column("unit")
        for figure, value, unit in importlib.import_module(module).rows():
            table.add_row(figure, f"{value:,.1f}", unit)
        console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
