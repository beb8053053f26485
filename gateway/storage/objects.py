"""An object store (S3 and its like) behind three verbs, by obstore; its credentials come from the environment (`AWS_…`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gateway.storage.opening import StorageFault

if TYPE_CHECKING:
    from obstore.store import S3Store

PART = 8 * 1024 * 1024
TYPES = {".wav": "audio/wav", ".mp3": "audio/mpeg", ".svg": "image/svg+xml"}


class ObjectsAway(Exception):
    """The store did not take, give or delete; later it may."""


class NoSuchObject(Exception):
    """Nothing has this key."""


class Objects(Protocol):
    """Files by key."""

    async def put(self, key: str, path: Path) -> None:
        """Returns when the store has it. Raises `ObjectsAway`, `OSError` (the file)."""
        ...

    async def get(self, key: str, path: Path) -> None:
        """Raises `NoSuchObject`, `ObjectsAway`, `OSError` (the file)."""
        ...

    async def delete(self, key: str) -> None:
        """What is not there is as good as deleted. Raises `ObjectsAway`."""
        ...


class Bucket:
    """`s3://bucket/prefix`."""

    def __init__(self, url: str, *, endpoint: str = "", region: str = "") -> None:
        """Raises `StorageFault` for a URL or settings that mean nothing, or where obstore is not installed."""
        self._store = _open(url, endpoint, region)

    async def put(self, key: str, path: Path) -> None:
        import obstore  # noqa: PLC0415 - an extra

        try:
            await obstore.put_async(
                self._store, key, path, attributes={"Content-Type": TYPES.get(path.suffix, "")}, chunk_size=PART
            )
        except FileNotFoundError:
            raise
        except _faults() as fault:
            raise ObjectsAway(_words(fault)) from fault

    async def get(self, key: str, path: Path) -> None:
        import obstore  # noqa: PLC0415

        try:
            found = await obstore.get_async(self._store, key)
            with path.open("wb") as file:
                async for piece in found.stream(min_chunk_size=1 << 20):
                    file.write(piece)
        except FileNotFoundError as fault:
            raise NoSuchObject(key) from fault
        except _faults() as fault:
            raise ObjectsAway(_words(fault)) from fault

    async def delete(self, key: str) -> None:
        import obstore  # noqa: PLC0415

        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except _faults() as fault:
            raise ObjectsAway(_words(fault)) from fault


def _open(url: str, endpoint: str, region: str) -> S3Store:
    try:
        from obstore.exceptions import BaseError  # noqa: PLC0415
        from obstore.store import S3Store  # noqa: PLC0415
    except ImportError as fault:
        raise StorageFault("storage.recordings: s3:// needs obstore (crosspoint[s3] has it)") from fault
    options: dict[str, str] = {}
    if endpoint:
        options |= {"endpoint": endpoint, "virtual_hosted_style_request": "false"}
    if region:
        options["region"] = region
    try:
        return S3Store.from_url(
            url,
            config=options,  # type: ignore[arg-type]  # a TypedDict of the same words
            client_options={"allow_http": True, "timeout": "300s", "connect_timeout": "10s"},
            retry_config={"max_retries": 2},
        )
    except (BaseError, ValueError) as fault:
        raise StorageFault(f"storage.recordings: {url} can't be used: {_words(fault)}") from fault


def _faults() -> tuple[type[BaseException], ...]:
    from obstore.exceptions import BaseError  # noqa: PLC0415

    return (BaseError, OSError)


def _words(fault: BaseException) -> str:
    return " ".join(str(fault).split())[:200]
