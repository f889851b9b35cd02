"""What every route for programs has: the key in the description, a request that is done once, an answer in JSON."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.responses import Response

from app.admin_base.once import keyed_request
from app.routes.api.shapes import Problem
from app.rules.idempotency import KEY_MAX, Kept, Keyed

PREFIX = "/api/v1"
_JSON = "application/json"
_SAYS = {
    400: "Not JSON, or a key for repetition that cannot be used.",
    401: "No key, or none of this shop.",
    403: "A key of one store, used for another.",
    404: "Nobody there, or out of the key's reach.",
    409: "Against what the shop knows already.",
    413: "More than a megabyte.",
    422: "What was sent is wrong; `errors` says where.",
    429: "Too often; `Retry-After` says how many seconds to wait.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": says} for status, says in _SAYS.items()
}

# Only for the description: `routes.deps.check_open` has asked for the key before anything here runs.
_BEARER = HTTPBearer(auto_error=False, scheme_name="key", description="From `rouge apikey create`.")


def router() -> APIRouter:
    """Routes that are described with their key and their refusals."""
    return APIRouter(prefix=PREFIX, dependencies=[Security(_BEARER)], responses=PROBLEMS)


async def _once(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="The same key with the same body gets the first answer and does nothing, for 48 hours.",
            max_length=KEY_MAX,
        ),
    ] = None,
) -> Keyed | None:
    """The request's own key, kept apart for each program."""
    return await keyed_request(request, f"api:{request.state.caller.key_id}")


OnceDep = Annotated[Keyed | None, Depends(_once)]


def kept(status: int, shown: BaseModel) -> Kept:
    """An answer as it is kept for a repetition."""
    return Kept(status, shown.model_dump_json())


def answered(kept: Kept) -> Response:
    """An answer as it was kept."""
    return Response(kept.answer, kept.status, media_type=_JSON)
