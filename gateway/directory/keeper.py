"""The directory in storage: what the REST API sets up is there after a restart."""

from __future__ import annotations

import asyncio

from sqlalchemy import select

from gateway.directory.directory import Directory
from gateway.storage.models import Row
from gateway.storage.resources import RESOURCES, MappingRow
from gateway.storage.store import Store


class Keeper:
    """Writes first, then lets it take effect: what was promised is on disk. `lock`: around a check and what depends on it."""

    def __init__(self, directory: Directory, store: Store) -> None:
        self._directory = directory
        self._store = store
        self.lock = asyncio.Lock()

    async def load(self) -> None:
        """Take up what is stored. Raises one of `DATABASE_ERRORS`."""
        for kind in RESOURCES:
            self._directory.put(*await self._store.all(select(kind)))
        self._directory.put(*await self._store.all(select(MappingRow)))

    async def save(self, *rows: Row) -> None:
        """Raises one of `DATABASE_ERRORS`; nothing has changed then."""
        await self._store.save(*rows)
        self._directory.put(*rows)

    async def remove(self, *rows: Row) -> None:
        """Raises one of `DATABASE_ERRORS`; nothing has changed then."""
        await self._store.remove(*rows)
        self._directory.drop(*rows)
