"""What one table of the configuration can't know of another; read from the raw document, so that every fault is named at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]

_URLS = ("voice_url", "voice_fallback_url", "status_callback")


def cross_checks(data: Document) -> Iterator[str]:
    """Every fault between tables, each by its key. A table of the wrong shape is the models' business and passed over."""
    yield from _references(data)
    for table, key in (("phone", "username"), ("number", "number"), ("trunk", "name"), ("bin", "name")):
        yield from _doubles(table, key, items_of(data, table))
    for table in ("application", "api_key", "flow"):
        yield from _doubles(table, "sid", items_of(data, table))
    yield from _certificates("sip", table_of(data, "sip"), needed=_is_secured(table_of(data, "sip").get("listen")))
    yield from _certificates("http", table_of(data, "http"), needed=bool(table_of(data, "http").get("tls_listen")))
    for at, flow in enumerate(items_of(data, "flow")):
        if isinstance(flow.get("file"), str) and not Path(flow["file"]).is_file():
            yield f"flow[{at}].file: there is no file {flow['file']!r}"
    for at, trunk in enumerate(items_of(data, "trunk")):
        if trunk.get("register") is True and not (trunk.get("username") and trunk.get("password")):
            yield f"trunk[{at}].register: needs username and password"


def table_of(data: Document, name: str) -> Document:
    found = data.get(name)
    return found if isinstance(found, Mapping) else {}


def items_of(data: Document, name: str) -> Sequence[Document]:
    """The entries of an array of tables; what is no table keeps its place and is empty."""
    found = data.get(name)
    return [item if isinstance(item, Mapping) else {} for item in found] if isinstance(found, list) else []


def _references(data: Document) -> Iterator[str]:
    trunks = {trunk.get("name") for trunk in items_of(data, "trunk")}
    for at, route in enumerate(items_of(data, "route")):
        if isinstance(route.get("trunk"), str) and route["trunk"] not in trunks:
            yield f"route[{at}].trunk: there is no trunk {route['trunk']!r}"
    bins = {item.get("name") for item in items_of(data, "bin")}
    for key, url in _urls(data):
        name = url.removeprefix("bin:").partition("?")[0]
        if url.startswith("bin:") and name not in bins:
            yield f"{key}: there is no bin {name!r}"


def _urls(data: Document) -> Iterator[tuple[str, str]]:
    places = [("sip", table_of(data, "sip"))]
    for name in ("number", "application"):
        places += [(f"{name}[{at}]", item) for at, item in enumerate(items_of(data, name))]
    for place, values in places:
        for key in _URLS:
            if isinstance(values.get(key), str):
                yield f"{place}.{key}", values[key]


def _doubles(name: str, key: str, entries: Sequence[Document]) -> Iterator[str]:
    seen: set[str] = set()
    for at, entry in enumerate(entries):
        value = str(entry.get(key, f" {at}")).lower()
        if value in seen:
            yield f"{name}[{at}].{key}: {entry[key]!r} is there twice"
        seen.add(value)


def _is_secured(listen: object) -> bool:
    urls = listen.split(",") if isinstance(listen, str) else listen
    return isinstance(urls, list | tuple) and any(str(url).strip().startswith(("tls:", "wss:")) for url in urls)


def _certificates(name: str, values: Document, *, needed: bool) -> Iterator[str]:
    for key in ("certificate", "private_key"):
        path = values.get(key, "")
        if not path and needed:
            yield f"{name}.{key}: is needed for {'tls:// and wss://' if name == 'sip' else 'tls_listen'}"
        elif path and isinstance(path, str) and not Path(path).is_file():
            yield f"{name}.{key}: there is no file {path!r}"
