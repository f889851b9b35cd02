"""What somebody signed in with, in the few words by which she knows it again: her phone, the desk's computer."""

from dataclasses import dataclass

# The first that fits: each of these names the later ones too.
_BROWSERS = (
    ("MicroMessenger/", "微信"),  # data
    ("DingTalk/", "钉钉"),  # data
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("QQBrowser/", "QQ 浏览器"),  # data
    ("UCBrowser/", "UC 浏览器"),  # data
    ("HuaweiBrowser/", "华为浏览器"),  # data
    ("MiuiBrowser/", "小米浏览器"),  # data
    ("OPR/", "Opera"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("OpenHarmony", "HarmonyOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class Device:
    """A machine and a browser by their own names; empty where what the browser says of itself tells nothing."""

    system: str
    browser: str


def device_of(user_agent: str) -> Device:
    """What a browser says of itself, which is not to be trusted and quite enough to recognise one's own."""
    return Device(_first(_SYSTEMS, user_agent), _first(_BROWSERS, user_agent))


def _first(known: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for mark, name in known if mark in user_agent), "")
