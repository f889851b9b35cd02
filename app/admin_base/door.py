"""The desk's own address: /desk and what lies under it are pages of the back office, reached by what people type, print
and scan. Everything that guards the back office guards them: they are the same pages."""

from starlette.types import ASGIApp, Receive, Scope, Send

OUTSIDE = "/desk"
_OFFICE = "/admin"


class DeskDoor:
    """Hands what is asked of the desk on to the back office. Innermost of the site's guards, which judge the address as
    it was asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """On, under the back office's name for it."""
        if scope["type"] == "http" and _is_desk(scope["path"]):
            path = _OFFICE + scope["path"].rstrip("/")
            # In place: whoever writes down how the request went reads there what answered it.
            scope["path"], scope["raw_path"] = path, _OFFICE.encode() + scope.get("raw_path", b"").rstrip(b"/")
        await self.app(scope, receive, send)


def _is_desk(path: str) -> bool:
    return path == OUTSIDE or path.startswith(f"{OUTSIDE}/")


def outer(path: str) -> str:
    """A page's address as people know it: of the desk without the back office's name before it."""
    return path.removeprefix(_OFFICE) if _is_desk(path.removeprefix(_OFFICE)) else path
