"""A kind of resource that is set up by the REST API: list, create, fetch, update, delete; what the file sets up is read only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

from aiohttp import web

from gateway.api.errors import not_found, of_the_file
from gateway.api.forms import form_of
from gateway.api.pages import Json, paged
from gateway.api.services import ACCOUNT, Services
from gateway.ids import new_sid
from gateway.storage.models import Row
from gateway.storage.resources import Resource
from gateway.storage.writing import copy_of

R = TypeVar("R", bound=Resource)


class Shelf(ABC, Generic[R]):
    """Owns nothing. A kind says in `made` and `changed` what its forms do; both run under the directory's lock."""

    path: ClassVar[str]
    """Below the account."""

    key: ClassVar[str]
    """The name of its list."""

    what: ClassVar[str]
    """As people call it."""

    prefix: ClassVar[str]
    kind: type[R]

    def __init__(self, services: Services) -> None:
        self._s = services
        self._directory = services.directory

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{self.path}.json", self.index),
            web.post(f"{self.path}.json", self.create),
            web.get(f"{self.path}/{{sid}}.json", self.fetch),
            web.post(f"{self.path}/{{sid}}.json", self.update),
            web.delete(f"{self.path}/{{sid}}.json", self.delete),
        ]

    # -- what a kind says -------------------------------------------------------------------------------------------

    @abstractmethod
    def shown(self, row: R) -> Json:
        """Its JSON."""

    @abstractmethod
    def made(self, request: web.Request, form: dict[str, str]) -> R:
        """A new row. Raises `ApiError`."""

    @abstractmethod
    def changed(self, request: web.Request, row: R, form: dict[str, str]) -> R:
        """The row as it is to be. Raises `ApiError`."""

    def gone(self, row: R) -> Sequence[Row]:
        """What goes with it. Raises `ApiError` where it must stay."""
        return ()

    def is_wanted(self, query: Mapping[str, str], item: Json) -> bool:
        """A list's filters."""
        return True

    def rows(self, request: web.Request) -> list[R]:
        """What is there, the newest first. Raises `ApiError` for a parent in the path that is not."""
        return self._directory.all(self.kind, request[ACCOUNT])

    # -- requests ---------------------------------------------------------------------------------------------------

    async def index(self, request: web.Request) -> web.Response:
        items = [self.shown(row) for row in self.rows(request)]
        return paged(request, self.key, [item for item in items if self.is_wanted(request.query, item)])

    async def create(self, request: web.Request) -> web.Response:
        form = await form_of(request)
        async with self._s.keeper.lock:
            row = self.made(request, form)
            await self._s.keeper.save(row)
        return web.json_response(self.shown(row) | self.once(row), status=201)

    async def fetch(self, request: web.Request) -> web.Response:
        return web.json_response(self.shown(self.row(request)))

    async def update(self, request: web.Request) -> web.Response:
        form = await form_of(request)
        async with self._s.keeper.lock:
            row = self.row(request)
            if self._directory.is_fixed(row):
                raise of_the_file(self.what)
            row = self.changed(request, row, form)
            await self._s.keeper.save(row)
        return web.json_response(self.shown(row))

    async def delete(self, request: web.Request) -> web.Response:
        async with self._s.keeper.lock:
            row = self.row(request)
            if self._directory.is_fixed(row):
                raise of_the_file(self.what)
            await self._s.keeper.remove(*self.gone(row), row)
        return web.Response(status=204)

    def once(self, row: R) -> Json:
        """What is shown only when it is made."""
        return {}

    def row(self, request: web.Request) -> R:
        """The one that the path names. Raises `ApiError`."""
        asked = request.match_info["sid"]
        for row in self.rows(request):
            if row.sid == asked:
                return row
        raise not_found(request)

    def new(self, request: web.Request, **values: Any) -> R:  # noqa: ANN401 - columns
        now = datetime.now(UTC)
        sid = new_sid(self.prefix)
        return self.kind(sid=sid, account_sid=request[ACCOUNT], created_at=now, updated_at=now, **values)

    def renewed(self, row: R, **values: Any) -> R:  # noqa: ANN401 - columns
        return copy_of(row, updated_at=datetime.now(UTC), **values)


def has(query: Mapping[str, str], item: Json, *filters: tuple[str, str]) -> bool:
    """Whether each given filter (parameter, field) is equal to the field."""
    return all(not query.get(name) or query[name] == item[field] for name, field in filters)
