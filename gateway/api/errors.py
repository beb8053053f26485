"""What the REST API answers instead: Twilio's code, its words, an HTTP status.

ApiError            one fault: status, code, message
"""

from __future__ import annotations

from aiohttp import web

MORE_INFO = "https://www.twilio.com/docs/errors/"


class ApiError(Exception):
    """Knows what to answer. The 21xxx family is 400 by convention."""

    def __init__(self, code: int, message: str, *, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.headers = code, message, status, headers or {}

    def response(self) -> web.Response:
        body = {
            "code": self.code,
            "message": self.message,
            "more_info": f"{MORE_INFO}{self.code}",
            "status": self.status,
        }
        return web.json_response(body, status=self.status, headers=self.headers)


def not_found(request: web.Request) -> ApiError:
    return ApiError(20404, f"The requested resource {request.path} was not found", status=404)


def no_such_path(request: web.Request) -> ApiError:
    """XML is what Twilio answers without `.json`, or with `.xml`; here there is none, and it is said where to ask instead."""
    if request.path.endswith(".xml"):
        asked = request.path.removesuffix(".xml")
    elif "." not in request.path.rpartition("/")[2]:
        asked = request.path.rstrip("/")
    else:
        return not_found(request)
    message = f"The requested resource {request.path} was not found: there is no XML here; ask for {asked}.json"
    return ApiError(20404, message, status=404)


def not_live(sid: str) -> ApiError:
    """Recording, redirecting and stopping want a call that goes on."""
    return ApiError(21220, f"Call {sid} is not in-progress. Cannot redirect, record or stop.")


def bad_value(name: str, value: str, code: int = 20001) -> ApiError:
    return ApiError(code, f"Invalid value for parameter {name}: {value[:100]!r}")


def unauthorized(message: str = "Authenticate") -> ApiError:
    return ApiError(20003, message, status=401, headers={"WWW-Authenticate": 'Basic realm="Twilio API"'})


def of_the_file(what: str) -> ApiError:
    """Resources that the configuration file owns are read here and changed there."""
    return ApiError(20004, f"{what} are set in the gateway's configuration file", status=405)
