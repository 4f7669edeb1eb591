"""The kinds of amoCRM's responses: HAL, problem+json, empty, and the gateway's HTML."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

HAL = "application/hal+json"
_ESCAPED = json.JSONEncoder(separators=(",", ":"))
_PLAIN = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_TITLES = {400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found"}


def as_json(content: Any, *, escaped: bool = True) -> str:
    """Compact JSON; other scripts as escapes, or as they are."""
    return (_ESCAPED if escaped else _PLAIN).encode(content)


def hal(content: Any, *, escaped: bool = True) -> Response:
    """A resource."""
    return Response(as_json(content, escaped=escaped).encode(), media_type=HAL)


def problem(status: int, detail: str, **more: Any) -> Response:
    """An error of the application; texts are Russian, as on amocrm.ru."""
    content = {
        "title": _TITLES.get(status, HTTPStatus(status).phrase),
        "type": f"https://httpstatus.es/{status}",
        "status": status,
        "detail": detail,
    }
    return Response(json.dumps(content | more), status_code=status, media_type="application/problem+json")


def unknown(request: Request) -> Response:
    """An address that amoCRM does not have."""
    return problem(404, f"Cannot {request.method} {request.url.path}!")


def gateway_page(status: int) -> Response:
    """An error of the gateway in front of the application."""
    line = f"{status} {HTTPStatus(status).phrase}"
    html = (
        f"<html>\r\n<head><title>{line}</title></head>\r\n<body>\r\n"
        f"<center><h1>{line}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return Response(html, status_code=status, media_type="text/html")


def nothing() -> Response:
    """An empty list, or a record that does not exist."""
    return Response(status_code=204)
