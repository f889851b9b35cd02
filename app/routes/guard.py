"""What stands before every route, the mounted back office included: whose language, which host, whose form, how much and
how slowly, and what every answer says to the browser."""

import asyncio
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request, cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import i18n
from app.routes.problems import API, sorry
from app.settings import Settings

Header = tuple[bytes, bytes]

LOCALE_COOKIE = "rouge_lang"
_YEAR = 365 * 24 * 3600
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_OWN_MACHINE = {"127.0.0.1", "localhost", "::1"}
_PORTS = {"http": 80, "https": 443}
_SECRETS = ("/card/", "/s/t/")
_FOR_EVER = f"public, max-age={_YEAR}, immutable".encode()
_POWERS = ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
BODY_SECONDS = 20
"""How long a body of a megabyte may take: 50 kB a second, less than the slowest mobile network gives."""
_UPLOADS = frozenset({"/desk/imports", "/admin/desk/imports", "/desk/photos", "/admin/desk/photos"})
"""Where a file may come in: behind the sign-in, and read by nobody before it is known who sends it."""
_ROUND_A_FILE = 64 * 1024
"""What the form around a file may say besides."""


class LocaleGuard:
    """Decides the language once: `?lang`, then the cookie, then Accept-Language, then the shop's own."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self.secure = "; Secure" if settings.public_url.startswith("https://") else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the locale for this request and keep a chosen one in a cookie."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = QueryParams(scope["query_string"]).get("lang", "") if b"lang" in scope["query_string"] else ""
        locale = next((wish for wish in (asked, *_wishes(scope)) if wish in i18n.LOCALES), self.settings.locale)
        i18n.use_locale(locale)
        # SQLAdmin reads the decision from a header; one sent by the browser would overrule it.
        scope["headers"] = [item for item in scope["headers"] if item[0] != b"x-rouge-locale"]
        scope["headers"].append((b"x-rouge-locale", locale.encode()))
        await self.app(scope, receive, self._keeping(asked, send) if asked in i18n.LOCALES else send)

    def _keeping(self, locale: str, send: Send) -> Send:
        kept = f"{LOCALE_COOKIE}={locale}; Path=/; Max-Age={_YEAR}; HttpOnly; SameSite=Lax{self.secure}"

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"set-cookie", kept.encode())]
            await send(message)

        return keep


def _wishes(scope: Scope) -> Iterator[str | None]:
    """Which languages a browser wishes for, the one it was told to keep first."""
    cookies = _header(scope, b"cookie")
    yield cookie_parser(cookies).get(LOCALE_COOKIE) if LOCALE_COOKIE in cookies else None
    yield _best_locale(_header(scope, b"accept-language"))


_best_locale = lru_cache(maxsize=256)(i18n.best_locale)


def _header(scope: Scope, name: bytes) -> str:
    """The first header of that name. Starlette's own `Headers` goes through all of them for each question, and a request
    is asked a dozen."""
    return next((value for key, value in scope["headers"] if key == name), b"").decode("latin-1")


class HostGuard:
    """Answers only under the shop's own names, once it has one: an address built from a foreign `Host` would lead people
    away. This machine may always ask, and whoever watches over it."""

    _WATCHED = ("/healthz", "/readyz", "/metrics")
    """Asked by the container's number or name; nothing there is made from the name it was asked by."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        own = _place(settings.public_url)[0]
        self.names = {own, *_OWN_MACHINE} if own else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 400 to a request that means another site."""
        if scope["type"] == "http" and self._means_another(scope):
            words = i18n.gettext("这个网址不是本店的。请用本店的网址打开。")
            await sorry(Request(scope), 400, words)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _means_another(self, scope: Scope) -> bool:
        if self.names is None or scope["path"] in self._WATCHED:
            return False
        return _place(f"//{_header(scope, b'host')}")[0] not in self.names


class OriginGuard:
    """Refuses what another site's page causes. SQLAdmin has no protection of its own, and its actions are GET.

    `Sec-Fetch-Site` is judged first: a page with `no-referrer` posts an Origin of "null" although it is ours. Then
    Origin, then Referer, compared with the address the shop is known by and with the one that was asked for (behind a
    proxy the two differ). Older browsers send an Origin with every form from elsewhere, so a request with none of the
    three comes from a program. The back office refuses it all the same, for there a cookie alone is enough to act; the
    sign-in form is the exception. Customers' pages know no cookie that could be borrowed: what opens them is the
    unguessable address (the cookie of her own page is sent nowhere but below it), and a phone's odd browser must be able
    to ask. The API is asked nothing at all: no browser adds a key by itself.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.own = _place(settings.public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 to a request that may change something and does not come from a page of ours."""
        if scope["type"] == "http" and _may_change(scope) and self._is_foreign(scope):
            words = i18n.gettext("这个请求来自别的网站，已拒绝。请回到本店页面再操作。")
            await sorry(Request(scope), 403, words)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        if scope["path"].startswith(API):
            return False
        site = _header(scope, b"sec-fetch-site")
        if site:
            return site not in {"same-origin", "none"}
        origin = _header(scope, b"origin") or _header(scope, b"referer")
        if not origin:
            return _is_at_work(scope["path"]) and scope["path"] != "/admin/login"
        sender, asked = _place(origin), _place(f"//{_header(scope, b'host')}")
        if not sender[0] or sender == self.own:
            return not sender[0]
        # Under the shop's own name the scheme counts as well: its page over plain http is anybody's page.
        return asked[0] == self.own[0] or sender[:2] != asked[:2]


def _may_change(scope: Scope) -> bool:
    """Whether this request may change something: by its method, or as one of the addresses SQLAdmin acts on by GET."""
    path = scope["path"]
    return scope["method"] not in _SAFE_METHODS or "/action/" in path or path.rstrip("/").endswith("/logout")


def _is_at_work(path: str) -> bool:
    """Whether a page belongs to the people who work here."""
    return path.startswith(("/admin", "/desk"))


@lru_cache(maxsize=256)
def _place(address: str) -> tuple[str, int | None, str]:
    """Host, port where it is not the usual one, and scheme of an address; no host where there is none or it cannot be
    read."""
    try:
        parts = urlsplit(address)
        usual = parts.port == _PORTS.get(parts.scheme)
        return parts.hostname or "", None if usual else parts.port, parts.scheme
    except ValueError:
        return "", None, ""


class BodyGuard:
    """Refuses a body that is too large or does not come, in words. Starlette's own guard says the first in English, and
    nothing else says the second: a sender who stops in the middle would keep the request open for ever."""

    def __init__(
        self, app: ASGIApp, max_body_size: int, seconds: float = BODY_SECONDS, *, max_file_size: int | None = None
    ) -> None:
        self.limited = RequestBodyLimitMiddleware(app, max_body_size=max_body_size)
        self.seconds = seconds
        largest = (max_file_size or max_body_size) + _ROUND_A_FILE
        self.uploading = RequestBodyLimitMiddleware(app, max_body_size=largest)
        self.upload_seconds = seconds * max(1.0, largest / max_body_size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on but the refusal, which becomes our page."""
        if scope["type"] != "http":
            await self.limited(scope, receive, send)
            return
        is_upload = scope["method"] == "POST" and scope["path"] in _UPLOADS
        limited, seconds = (self.uploading, self.upload_seconds) if is_upload else (self.limited, self.seconds)
        refused = False

        async def listen(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] == 413:
                refused = Headers(raw=message["headers"]).get("content-type", "").startswith("text/plain")
            if not refused:
                await send(message)

        await limited(scope, _in_time(receive, seconds), listen)
        if refused:
            too_long = i18n.gettext("内容太长了，请缩短后再发送。")
            words = (
                i18n.gettext("文件太大了。请分成几份，或在服务器上用 rouge import 导入。") if is_upload else too_long
            )
            await sorry(Request(scope), 413, words)(scope, receive, send)


def _in_time(receive: Receive, seconds: float) -> Receive:
    """The same, as long as the whole body comes within `seconds`; then HTTPException 408. What comes after it is only the
    news that the browser has gone, for which an answer may wait as long as it takes."""
    is_whole = False
    end = asyncio.get_running_loop().time() + seconds

    async def in_time() -> Message:
        nonlocal is_whole
        if is_whole:
            return await receive()
        try:
            async with asyncio.timeout_at(end):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, headers={"Connection": "close"}) from None
        is_whole = not message.get("more_body", False)
        return message

    return in_time


def security_headers(settings: Settings) -> dict[str, str]:
    """What every answer says, whatever it is; also the page of something that broke, which comes from outside the
    guards."""
    cdn = urlsplit(settings.htmx_url)
    policy = (
        "default-src 'self'",
        # This one file of the CDN: everybody may put a file there.
        f"script-src 'self' {settings.htmx_url}" if cdn.netloc else "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
    always = {
        "content-security-policy": "; ".join(policy),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": ", ".join(f"{power}=()" for power in _POWERS),
    }
    if settings.public_url.startswith("https://"):
        always["strict-transport-security"] = f"max-age={_YEAR}"
    return always


class HeaderGuard:
    """Security headers on every answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.always = [(name.encode(), value.encode()) for name, value in security_headers(settings).items()]
        self.names = frozenset(name for name, _ in self.always)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers. What a route may say otherwise is only how long its own page is kept and where from it may be
        told: nobody may loosen the rest."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._guarded(scope["path"], message["status"], message.get("headers", ()))
            await send(message)

        await self.app(scope, receive, guarded if scope["type"] == "http" else send)

    def _guarded(self, path: str, status: int, headers: Iterable[Header]) -> list[Header]:
        """Starlette's own way to set a header goes through all of them, for each of ten, at every answer."""
        is_at_work = _is_at_work(path)
        kept = [
            item for item in headers if item[0] not in self.names and not (is_at_work and item[0] == b"cache-control")
        ]
        said = {name for name, _ in kept}
        if b"referrer-policy" not in said:
            # Neither tells another site anything. "no-referrer" would take its Origin from a form, and older phones send
            # nothing else by which it could be known as ours: only for addresses without a form.
            kept.append((b"referrer-policy", b"no-referrer" if path.startswith(_SECRETS) else b"same-origin"))
        if b"cache-control" not in said:
            kept.append((b"cache-control", _FOR_EVER if _is_file(path) and status < 400 else b"no-store"))
        return kept + self.always


def _is_file(path: str) -> bool:
    """Whether the address is a file of the program itself, the same for everybody, its version in its address."""
    return path.startswith(("/static/", "/admin/statics/"))
