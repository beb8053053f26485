"""Resources that the configuration file owns: listed and fetched here, changed there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.api.errors import not_found, of_the_file
from gateway.api.pages import Json, paged

Items = Callable[[web.Request], Sequence[Json]]


def fixed_routes(
    path: str,
    key: str,
    what: str,
    items: Items,
    wanted: Callable[[web.Request, Json], bool] = lambda request, item: True,
) -> list[web.RouteDef]:
    """List and fetch by `sid`; whoever wants to change *what* is told where that is done. *wanted* applies a list's filters.

    *items* may raise `ApiError` for a parent in the path that is not there.
    """

    async def index(request: web.Request) -> web.Response:
        return paged(request, key, [item for item in items(request) if wanted(request, item)])

    async def fetch(request: web.Request) -> web.Response:
        for item in items(request):
            if item["sid"] == request.match_info["sid"]:
                return web.json_response(item)
        raise not_found(request)

    async def refuse(request: web.Request) -> web.Response:
        raise of_the_file(what)

    return [
        web.get(f"{path}.json", index),
        web.post(f"{path}.json", refuse),
        web.get(f"{path}/{{sid}}.json", fetch),
        web.post(f"{path}/{{sid}}.json", refuse),
        web.delete(f"{path}/{{sid}}.json", refuse),
    ]


def has(request: web.Request, item: Json, *filters: tuple[str, str]) -> bool:
    """Whether each given filter (parameter, field) is equal to the field."""
    return all(not request.query.get(name) or request.query[name] == item[field] for name, field in filters)
