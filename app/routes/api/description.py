"""What programs may ask for, as OpenAPI: made from the routes themselves."""

from functools import cache
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse

from app.routes.api.customers import customers
from app.routes.api.keyed import PREFIX
from app.routes.api.purchases import purchases
from app.routes.problems import MEDIA_TYPE

description = APIRouter(prefix=PREFIX)
_SAYS = """For tills and other programs of the shop. Money is an integer of fen, instants are RFC 3339 with offset, days are
ISO days in the shop's zone. Every POST takes `Idempotency-Key`. What goes wrong is `application/problem+json` with a `code`
that stays what it is; `title` and `detail` follow `Accept-Language` (zh-CN, zh-TW, en)."""


@description.get("/openapi.json", name="api:describe", include_in_schema=False)
def describe() -> JSONResponse:
    """The description itself; nothing of the shop's is in it. Open to everyone."""
    return JSONResponse(_described())


@cache
def _described() -> dict[str, Any]:
    told = get_openapi(
        title="Rouge",
        version=version("rouge"),
        openapi_version="3.1.0",
        description=_SAYS,
        routes=[*customers.routes, *purchases.routes],
    )
    for path in told["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and "content" in answer:
                    answer["content"] = {MEDIA_TYPE: answer["content"]["application/json"]}
    return told
