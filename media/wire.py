"""How commands and events cross the socket between gateway and engine: batches, each a length and a pickle of our own frozen data only."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Sequence

from media.errors import WireFault

LENGTH = struct.Struct(">I")
MOST = 64 * 1024 * 1024
OURS = ("media.commands", "media.events", "media.streams", "media.config")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if module not in OURS:
            raise WireFault(f"{module}.{name} is not spoken here")
        return super().find_class(module, name)


def pack(batch: Sequence[object]) -> bytes:
    """One batch as octets."""
    body = pickle.dumps(tuple(batch), protocol=pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(body)) + body


class Unpacker:
    """Owns the octets of a batch that has not come whole."""

    def __init__(self) -> None:
        self._octets = bytearray()

    def feed(self, data: bytes) -> list[object]:
        """Take what came; answers the commands or events of all batches that are whole. Raises `WireFault`."""
        self._octets += data
        items: list[object] = []
        while len(self._octets) >= LENGTH.size:
            (size,) = LENGTH.unpack_from(self._octets)
            if size > MOST:
                raise WireFault(f"a batch of {size} octets")
            if len(self._octets) < LENGTH.size + size:
                break
            body = bytes(self._octets[LENGTH.size : LENGTH.size + size])
            del self._octets[: LENGTH.size + size]
            items.extend(_load(body))
        return items


def _load(body: bytes) -> tuple[object, ...]:
    try:
        batch = _Unpickler(io.BytesIO(body)).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, ValueError) as fault:
        raise WireFault(str(fault)) from fault
    if not isinstance(batch, tuple):
        raise WireFault("a batch is a tuple")
    return batch
