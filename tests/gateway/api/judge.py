"""Judges every answer of the REST API by Twilio's public OpenAPI description: its status, its shape, each property's type."""

from __future__ import annotations

import json
import re
from typing import Any

from aiohttp import web

from gateway.api.render import PREFIX
from tests.gateway.api.schema import DATA, judge

_LIST = {
    "end", "first_page_uri", "next_page_uri", "page", "page_size", "previous_page_uri", "start", "uri"
}  # fmt: skip
_ERROR = {"code", "message", "more_info", "status"}


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))


OPERATIONS = [(*key.split(" "), _pattern(key.split(" ")[1]), value) for key, value in DATA["operations"].items()]
"""Method, path, its pattern, what is to come. `/Local` and its like are before `{Sid}`, so that they are found first."""
OPERATIONS.sort(key=lambda operation: str(operation[1]).count("{"))


class Judge:
    """Sits in the server, so that nothing of the client is touched. `faults` is empty when all is well."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.judged: set[str] = set()

    async def see(self, request: web.Request, response: web.StreamResponse) -> None:
        if not isinstance(response, web.Response) or not request.path.startswith(PREFIX):
            return
        if response.body and response.content_type != "application/json":
            return  # a document, or sound
        body = json.loads(response.body) if isinstance(response.body, bytes) and response.body else None
        found = list(self._faults(request, response.status, body))
        self.faults += [f"{request.method} {request.path} {response.status}: {fault}" for fault in found]

    def _faults(self, request: web.Request, status: int, body: Any) -> list[str]:  # noqa: ANN401 - JSON
        if status >= 400:
            if not isinstance(body, dict) or set(body) != _ERROR or body["status"] != status:
                return [f"{body!r} is no error of Twilio's"]
            return []
        for method, path, pattern, wanted in OPERATIONS:
            if method == request.method and pattern.fullmatch(request.path):
                self.judged.add(f"{method} {path}")
                return self._judge(wanted, status, body)
        return []

    def _judge(self, wanted: dict[str, Any], status: int, body: Any) -> list[str]:  # noqa: ANN401 - JSON
        if status != wanted["status"]:
            return [f"the status is to be {wanted['status']}"]
        if "schema" not in wanted:
            return [] if body is None else ["there is to be no body"]
        if "list" not in wanted:
            return judge(wanted["schema"], body)
        if not isinstance(body, dict) or set(body) != {*_LIST, wanted["list"]}:
            return [f"the envelope has {sorted(body)}"]
        return [fault for item in body[wanted["list"]] for fault in judge(wanted["schema"], item)]
