"""`crosspoint serve | check | demo | call`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import uvloop
from rich.console import Console

from gateway.config import Config, ConfigError, load
from gateway.follow import Api, NoAnswer, origin, place_and_follow
from gateway.follow_view import Lines, Screen
from gateway.log import configure

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
    gc.disable()  # what is loaded now stays: looking for garbage among it costs a fifth of the start
    from gateway.storage.store import StorageFault  # noqa: PLC0415 - the other commands start without all of it

    loaded = _load(config, BAD_USAGE)
    configure(json=not sys.stderr.isatty())
    try:
        code = uvloop.run(_serve(loaded))
    except (OSError, StorageFault) as fault:
        typer.echo(f"crosspoint can't start: {fault}", err=True)
        raise typer.Exit(FAILED) from fault
    raise typer.Exit(code)


async def _serve(config: Config) -> int:
    from gateway.app import App  # noqa: PLC0415

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
        gc.freeze()  # neither a later search nor the interpreter's end goes through it again
        gc.enable()
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
    url: Annotated[str, typer.Option("--url", help="Where the TwiML is.")] = "",
    twiml: Annotated[str, typer.Option("--twiml", help="The TwiML itself, instead of --url.")] = "",
    config: Annotated[Path | None, typer.Option("--config", help="Its public_url and account are used.")] = None,
    gateway: Annotated[str, typer.Option("--gateway", help="The gateway's public URL, instead of --config.")] = "",
) -> None:
    """Place a call through a running gateway and follow it live; Ctrl-C hangs up. Exit code 0: it was answered and is over.

    The gateway is named by --config, else by --gateway (or it is where an --url of this machine leads) with TWILIO_ACCOUNT_SID
    and TWILIO_AUTH_TOKEN set.
    """
    if bool(url) == bool(twiml):
        _refuse("give --url or --twiml, and not both")
    api = _api(config, gateway or origin(url))
    try:
        status = asyncio.run(_follow(api, to=to, from_=from_, url=url, twiml=twiml))
    except NoAnswer as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(FAILED) from fault
    raise typer.Exit(0 if status == "completed" else FAILED)


async def _follow(api: Api, *, to: str, from_: str, url: str, twiml: str) -> str:
    """On a terminal a picture that moves, else a line for each change. The first Ctrl-C hangs up, the second leaves."""
    loop, stop, left = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    console = Console()
    screen = Screen(console)
    see = screen.see if console.is_terminal else Lines(typer.echo, loop.time).see

    def interrupt() -> None:
        if stop.is_set():
            left.set()
        screen.is_hanging_up = True
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, interrupt)
    with screen.live if console.is_terminal else contextlib.nullcontext():
        following = asyncio.ensure_future(
            place_and_follow(api, to=to, from_=from_, url=url, twiml=twiml, see=see, stop=stop)
        )
        leaving = asyncio.ensure_future(left.wait())
        await asyncio.wait((following, leaving), return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not following.done():
            following.cancel()
            raise NoAnswer("left before the call's end: it may go on; the console shows it")
    if console.is_terminal:
        screen.finish()
    return following.result()


def _api(config: Path | None, url: str) -> Api:
    """The gateway that a command speaks to."""
    if config is not None:
        loaded = _load(config, BAD_USAGE)
        return Api(url=loaded.http.public_url, account_sid=loaded.account.sid, auth_token=loaded.account.auth_token)
    sid, token = os.environ.get("TWILIO_ACCOUNT_SID", ""), os.environ.get("TWILIO_AUTH_TOKEN", "")
    if not (url and sid and token):
        _refuse("give --config FILE, or --gateway URL with TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN set")
    return Api(url=url, account_sid=sid, auth_token=token)


def _refuse(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(BAD_USAGE)


def main() -> None:
    """The command `crosspoint`."""
    cli()
