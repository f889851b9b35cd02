"""What the shop tells everybody: what it does with personal information; and the door."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.routes.deps import PolicyDep
from app.routes.rendering import page

router = APIRouter()


@router.get("/", name="notice:door")
def door() -> Response:
    """The printed address leads to the back office; customers come by code or link. Open to everyone."""
    return RedirectResponse("/admin", status_code=303)


@router.get("/privacy", name="notice:privacy")
def privacy(request: Request, policy: PolicyDep) -> Response:
    """The privacy notice in the shop's own name: short first, long second. Open to everyone."""
    return page(request, "notices/privacy.html", policy=policy)
