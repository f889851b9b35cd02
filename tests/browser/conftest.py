"""A real server, a real Chromium, a phone as WeChat shows itself. The CDN is played by the vendored bytes, so that the
browser really checks the integrity value; nothing leaves this machine."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, sync_playwright

from app.db import Database, open_database
from app.main import create_app
from app.settings import Settings

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WECHAT = (
    "Mozilla/5.0 (Linux; Android 14; V2309A Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/130.0.6723.103 Mobile Safari/537.36 XWEB/1300473 MMWEBSDK/20241202 MicroMessenger/8.0.56.2800"
    "(0x28003855) WeChat/arm64 Weixin NetType/4G Language/zh_CN ABI/arm64"
)
VENDORED = Path(__file__).parents[2] / "app" / "static" / "vendor" / "htmx-2.0.11.min.js"


@dataclass(frozen=True)
class Served:
    """A shop that answers on a port of this machine."""

    base_url: str
    settings: Settings
    database: Database


@pytest.fixture
def served(sqlite_settings: Settings) -> Iterator[Served]:
    """The whole site behind a real web server."""
    database = open_database(sqlite_settings)
    config = uvicorn.Config(create_app(sqlite_settings, database), port=0, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(f"http://127.0.0.1:{port}", sqlite_settings, database)
    server.should_exit = True
    thread.join(timeout=10)
    database.engine.dispose()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@dataclass
class Watched:
    """A page and everything it complained about, plus what it asked the network for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def check_accessible(self) -> None:
        """No serious or critical finding of axe on the page as it is now."""
        found = Axe().run(self.page).response["violations"]
        serious = [
            f"{item['id']}: {node['html']}"
            for item in found
            if item["impact"] in {"serious", "critical"}
            for node in item["nodes"]
        ]
        assert not serious, "\n".join(serious)


def wait_for_htmx(page: Page, *, seconds: float = 10) -> None:
    """Until htmx has taken the page's form. (Playwright's own waiting needs eval, which our policy forbids.)"""
    end = time.monotonic() + seconds
    while not page.evaluate("!!(document.querySelector('form') || {})['htmx-internal-data']"):
        assert time.monotonic() < end, "htmx did not come"
        page.wait_for_timeout(50)


def watched(context: BrowserContext) -> Watched:
    """A new page whose console errors, script errors and refused resources are kept."""
    watch = Watched(context.new_page())
    watch.page.on("console", lambda said: said.type in {"error", "warning"} and watch.complaints.append(said.text))
    watch.page.on("pageerror", lambda error: watch.complaints.append(str(error)))
    watch.page.on("request", lambda request: watch.requests.append(request))  # noqa: PLW0108  playwright marks it
    return watch


def play_cdn(route: Route) -> None:
    """The CDN as it is: the right bytes, readable across origins."""
    route.fulfill(
        status=200,
        body=VENDORED.read_bytes(),
        content_type="text/javascript",
        headers={"access-control-allow-origin": "*"},
    )


PhoneMaker = Callable[..., BrowserContext]


@pytest.fixture
def phone(browser: Browser) -> Iterator[PhoneMaker]:
    """Makes a phone: 390 × 844, Chinese, WeChat. `cdn` says what becomes of requests to it (None: nothing is routed,
    for routing switches the browser's cache off); `javascript=False` turns scripts off."""
    made: list[BrowserContext] = []

    def make(
        *, cdn: Callable[[Route], None] | None = play_cdn, javascript: bool = True, **wishes: object
    ) -> BrowserContext:
        look: dict[str, object] = {
            "viewport": {"width": 390, "height": 844},
            "device_scale_factor": 2,
            "is_mobile": True,
            "has_touch": True,
            "locale": "zh-CN",
            "timezone_id": "Asia/Shanghai",
            "user_agent": WECHAT,
            "java_script_enabled": javascript,
        }
        context = browser.new_context(**look | wishes)
        context.set_default_timeout(10_000)
        if cdn is not None:
            context.route("https://cdn.jsdelivr.net/**", cdn)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()
