"""What every template of the house may call, the back office's included: language, look, filters."""

import hashlib
import secrets
from functools import cache
from pathlib import Path
from typing import Any

from app import i18n
from app.labels import word_of
from app.settings import Settings

APP = Path(__file__).parent


@cache
def static_version(name: str = "") -> str:
    """A short fingerprint of our static files: it changes with them, so phones never keep a stale style."""
    digest = hashlib.sha256()
    for path in sorted((APP / "static").rglob(name or "*.*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def shared_globals(settings: Settings) -> dict[str, Any]:
    """What every template may call."""
    return {
        "html_lang": i18n.html_lang,
        "current_locale": i18n.current_locale,
        "static_version": static_version,
        "demo_mode": lambda: settings.demo,
        "once_token": lambda: secrets.token_urlsafe(18),
        "htmx_url": settings.htmx_url,
        "htmx_integrity": settings.htmx_integrity,
    }


def shared_filters(settings: Settings) -> dict[str, Any]:
    """The display filters every template has; `word` shows a member of the vocabulary, `translated` words that come from
    Python or from the owner: unlike `_` it takes no % for a placeholder."""
    return {**i18n.filters(settings.zone), "word": word_of, "translated": i18n.gettext}
