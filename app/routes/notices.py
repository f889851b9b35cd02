"""What the shop tells everybody: what it does with personal information; and the door."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.queries.consents import current_register
from app.routes.deps import PolicyDep, ReadDep
from app.routes.rendering import page
from app.rules.consents import SENSITIVE
from app.vocabulary import Purpose

router = APIRouter()


@router.get("/", name="notice:door")
def door() -> Response:
    """The printed address leads to the back office; customers come by code or link. Open to everyone."""
    return RedirectResponse("/admin", status_code=303)


@router.get("/privacy", name="notice:privacy")
def privacy(request: Request, policy: PolicyDep, session: ReadDep) -> Response:
    """The privacy notice in the shop's own name, made from its purpose register: short first, long second. Open to
    everyone."""
    register = current_register(session)
    purposes = [(purpose, register.of(purpose), purpose in SENSITIVE) for purpose in Purpose]
    return page(request, "notices/privacy.html", policy=policy, purposes=purposes)
