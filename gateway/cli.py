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
from gateway.follow import Api, NoAnswer, place_and_follow
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


@cli.command()
def call(
    to: Annotated[str, typer.Option("--to", help="A number, sip:… or client:…")],
    from_: Annotated[str, typer.Option("--from", help="The caller id.")],
    url: Annotated[str, typer.Option("--url", help="Where the TwiML is.")],
    config: Annotated[Path | None, typer.Option("--config", help="Its public_url and account are used.")] = None,
    gateway: Annotated[str, typer.Option("--gateway", help="The gateway's public URL, instead of --config.")] = "",
) -> None:
    """Place a call through a running gateway and follow it. Without --config: TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN."""
    api = _api(config, gateway)
    try:
        status = asyncio.run(place_and_follow(api, to=to, from_=from_, url=url, say=typer.echo))
    except NoAnswer as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(FAILED) from fault
    raise typer.Exit(0 if status == "completed" else FAILED)


def _api(config: Path | None, url: str) -> Api:
    """The gateway that a command speaks to."""
    if config is not None:
        loaded = _load(config, BAD_USAGE)
        return Api(url=loaded.http.public_url, account_sid=loaded.account.sid, auth_token=loaded.account.auth_token)
    sid, token = os.environ.get("TWILIO_ACCOUNT_SID", ""), os.environ.get("TWILIO_AUTH_TOKEN", "")
    if not (url and sid and token):
        typer.echo("give --config FILE, or --gateway URL with TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN set", err=True)
        raise typer.Exit(BAD_USAGE)
    return Api(url=url, account_sid=sid, auth_token=token)


def main() -> None:
    """The command `crosspoint`."""
    cli()
