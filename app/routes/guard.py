"""What stands before every route, the mounted back office included: whose language, whose form, how much."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request, cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import i18n
from app.routes.rendering import page
from app.settings import Settings

LOCALE_COOKIE = "rouge_lang"
_YEAR = 365 * 24 * 3600
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class LocaleGuard:
    """Decides the language once: `?lang`, then the cookie, then Accept-Language, then the shop's own."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the locale for this request and keep a chosen one in a cookie."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked = QueryParams(scope["query_string"]).get("lang", "")
        kept = cookie_parser(headers.get("cookie", "")).get(LOCALE_COOKIE, "")
        locale = next(
            (
                wish
                for wish in (asked, kept, i18n.best_locale(headers.get("accept-language", "")))
                if wish in i18n.LOCALES
            ),
            self.settings.locale,
        )
        i18n.use_locale(locale)
        # SQLAdmin reads the decision from a header; one sent by the browser would overrule it.
        scope["headers"] = [item for item in scope["headers"] if item[0] != b"x-rouge-locale"]
        scope["headers"].append((b"x-rouge-locale", locale.encode()))

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start" and asked in i18n.LOCALES:
                MutableHeaders(scope=message).append(
                    "set-cookie", f"{LOCALE_COOKIE}={asked}; Path=/; Max-Age={_YEAR}; SameSite=Lax"
                )
            await send(message)

        await self.app(scope, receive, keep)


class OriginGuard:
    """Refuses forms sent from another site. Judges Sec-Fetch-Site first: a page with `no-referrer` posts an Origin of
    "null" although it is ours. SQLAdmin has no protection of its own, and its actions are GET."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 to an unsafe request that a foreign page caused."""
        if scope["type"] == "http" and self._is_foreign(scope):
            await PlainTextResponse(i18n.gettext("这个请求来自别的网站，已拒绝。请回到本店页面再操作。"), 403)(
                scope, receive, send
            )
            return
        await self.app(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        if scope["method"] in _SAFE_METHODS and "/action/" not in scope["path"]:
            return False
        headers = Headers(scope=scope)
        site = headers.get("sec-fetch-site")
        if site:
            return site not in {"same-origin", "none"}
        origin = headers.get("origin") or headers.get("referer")
        if not origin:
            # A program without a browser (a till, curl) sends neither; a browser always sends one on POST.
            return "/action/" in scope["path"]
        ours = {headers.get("host", ""), urlsplit(self.settings.base_url).netloc}
        return urlsplit(origin).netloc not in ours


class BodyGuard:
    """Refuses a body that is too large, in words; Starlette's own guard says it in English."""

    def __init__(self, app: ASGIApp, max_body_size: int) -> None:
        self.limited = RequestBodyLimitMiddleware(app, max_body_size=max_body_size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on but the refusal, which becomes our page."""
        refused = False

        async def listen(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] == 413:
                refused = Headers(raw=message["headers"]).get("content-type", "").startswith("text/plain")
            if not refused:
                await send(message)

        await self.limited(scope, receive, listen if scope["type"] == "http" else send)
        if refused:
            words = i18n.gettext("内容太长了，请缩短后再发送。")
            await page(Request(scope), "error.html", status=413, message=words)(scope, receive, send)


class HeaderGuard:
    """Security headers on every answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        cdn = urlsplit(settings.htmx_url)
        self.policy = "; ".join(
            (
                "default-src 'self'",
                f"script-src 'self' {cdn.scheme}://{cdn.netloc}" if cdn.netloc else "script-src 'self'",
                "style-src 'self' 'unsafe-inline'",
                "img-src 'self' data: blob:",
                "object-src 'none'",
                "base-uri 'none'",
                "form-action 'self'",
                "frame-ancestors 'none'",
            )
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers a route did not set itself."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", self.policy)
                headers.setdefault("x-content-type-options", "nosniff")
                headers.setdefault("referrer-policy", "same-origin")
                if scope["path"].startswith("/static/") or scope["path"].startswith("/admin/statics/"):
                    headers.setdefault("cache-control", "public, max-age=31536000, immutable")
                else:
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, guarded if scope["type"] == "http" else send)
