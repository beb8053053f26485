"""Host names to addresses, by the machine's own resolver (hosts file, search domains): one that hangs is in nobody else's way."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

LOOKUP_S = 5.0
MOST_AT_ONCE = 256
KEPT_S = 3600.0
"""An answer stands in for so long where the resolver itself fails; a name that is said not to exist does not."""

MOST_KEPT = 1_000

Found = list[tuple[Any, ...]]
LookUp = Callable[[str, int], Found]
_Key = tuple[str, int]


def system(host: str, family: int) -> Found:
    return socket.getaddrinfo(host, 0, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)


class Names(AbstractResolver):
    """A thread for each name that is looked up, since getaddrinfo can't be called off: not from a pool, which a few names that hang would
    empty, and not one that the end of the process waits for. The same name asked at once is looked up once.
    """

    def __init__(self, look_up: LookUp = system, *, lookup_s: float = LOOKUP_S) -> None:
        self._look_up = look_up
        self._lookup_s = lookup_s
        self._running: dict[_Key, asyncio.Future[Found]] = {}
        self._kept: OrderedDict[_Key, tuple[float, Found]] = OrderedDict()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises `OSError` where there is no answer within `lookup_s`."""
        key, now = (host, int(family)), asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._lookup_s):
                found = await asyncio.shield(self._running.get(key) or self._begin(key))
        except (TimeoutError, OSError) as fault:
            kept = self._kept.get(key)
            if kept is None or now - kept[0] > KEPT_S or _is_unknown(fault):
                raise OSError(f"{host}: {fault or 'no answer of the resolver'}") from fault
            found = kept[1]
        else:
            self._keep(key, now, found)
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Threads that still wait end by themselves."""

    def _begin(self, key: _Key) -> asyncio.Future[Found]:
        if len(self._running) >= MOST_AT_ONCE:
            raise OSError("too many names are being looked up")
        loop = asyncio.get_running_loop()
        future = self._running[key] = loop.create_future()
        future.add_done_callback(lambda _: self._running.pop(key, None))
        future.add_done_callback(lambda done: done.exception())  # seen, also where nobody waits any more

        def settle(found: Found | None, fault: Exception | None) -> None:
            if future.done():
                return
            if fault is not None:
                future.set_exception(fault)
            else:
                future.set_result(found or [])

        def run() -> None:
            found: Found | None = None
            fault: Exception | None = None
            try:
                found = self._look_up(*key)
            except (OSError, UnicodeError) as error:
                fault = error if isinstance(error, OSError) else OSError(str(error))
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, found, fault)

        threading.Thread(target=run, name=f"look up {key[0]}", daemon=True).start()
        return future

    def _keep(self, key: _Key, now: float, found: Found) -> None:
        self._kept[key] = (now, found)
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


def _is_unknown(fault: Exception) -> bool:
    return isinstance(fault, socket.gaierror) and fault.errno in (
        socket.EAI_NONAME,
        getattr(socket, "EAI_NODATA", None),
    )
