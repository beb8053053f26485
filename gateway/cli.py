"""`crosspoint serve | check | demo | call | flow`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from gateway.app import App
from gateway.config import Config, ConfigError, load
from gateway.log import configure
from gateway.storage.store import StorageFault

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A self-hosted SIP/RTP media gateway that speaks TwiML.",
)
ConfigFile = Annotated[Path, typer.Option("--config", help="The TOML file.")]

FAILED, BAD_USAGE = 1, 2


def _load(path: Path, exit_code: int) -> Config:
    try:
        return load(path, os.environ)
    except ConfigError as fault:
        for line in fault.faults:
            typer.echo(line, err=True)
        raise typer.Exit(exit_code) from fault


@cli.command()
def check(config: ConfigFile) -> None:
    """Name every fault of a configuration by its key."""
    _load(config, FAILED)
    typer.echo(f"{config}: fine")


@cli.command()
def serve(config: ConfigFile) -> None:
    """Run until SIGTERM or SIGINT: the first lets calls end, the second ends them."""
    loaded = _load(config, BAD_USAGE)
    configure(json=not sys.stderr.isatty())
    try:
        code = uvloop.run(_serve(loaded))
    except (OSError, StorageFault) as fault:
        typer.echo(f"crosspoint can't start: {fault}", err=True)
        raise typer.Exit(FAILED) from fault
    raise typer.Exit(code)


async def _serve(config: Config) -> int:
    asked = asyncio.Event()
    app = App(config)

    def stop() -> None:
        if asked.is_set():
            app.hurry()
        asked.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    async with app:
        sip = ",".join(app.endpoint.addresses)
        typer.echo(f"crosspoint ready sip={sip} http=http://{app.http.address}")
        sys.stdout.flush()
        await asked.wait()
        await app.drain()
    return 0


@cli.command()
def demo() -> None:
    """Place a call between two built-in phones, bridge and record it, and show what happened."""
    from gateway.demo import run  # noqa: PLC0415 - the phones are not loaded by `serve`

    configure(json=not sys.stderr.isatty(), level=30)
    raise typer.Exit(uvloop.run(run()))


def main() -> None:
    """The command `crosspoint`."""
    cli()
