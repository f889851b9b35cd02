"""Templates to answers: the one Jinja environment of the pages that are not SQLAdmin's."""

from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.responses import HTMLResponse

from app import i18n
from app.settings import Settings
from app.templating import APP, shared_filters, shared_globals


def environment(settings: Settings) -> Environment:
    """Templates with our languages, filters and globals."""
    env = Environment(
        loader=FileSystemLoader(APP / "templates"),
        autoescape=select_autoescape(default=True),
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.install_gettext_callables(i18n.gettext, i18n.ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(shared_globals(settings))
    env.filters.update(shared_filters(settings))
    return env


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Render a whole page or, for htmx, whatever fragment the route names."""
    env: Environment = request.app.state.templates
    html = env.get_template(template).render(request=request, **context)
    return HTMLResponse(html, status_code=status, headers={"Vary": "HX-Request, Accept-Language, Cookie"})


def wants_fragment(request: Request) -> bool:
    """Whether htmx asked: then the answer is the part, not the page."""
    return request.headers.get("HX-Request") == "true"
