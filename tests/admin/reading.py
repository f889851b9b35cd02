"""What a person reads on a page of the back office."""

import re
from html.parser import HTMLParser

from app.admin import VIEWS

REGISTERS = [view for view in VIEWS if view.is_model]
NO_WORDS = {  # names, addresses, codes: the same in every language
    "rouge", "init", "import", "customers", "purchases", "sms", "nps", "backup", "csv", "pdf", "english", "rfc", "spring",
    "javascript", "product", "main", "silver", "gold", "diamond", "satisfaction",
    "test", "owner", "manager", "reception", "beautician", "marketer", "auditor",
}  # fmt: skip


class VisibleText(HTMLParser):
    """What a person reads on a page, placeholders and hints included."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Attributes that are read out or shown."""
        self._hidden += tag in {"script", "style"}
        self.texts += [value or "" for key, value in attributes if key in {"title", "placeholder", "aria-label", "alt"}]

    def handle_endtag(self, tag: str) -> None:
        """Text is seen again."""
        self._hidden -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        """Text between tags."""
        if not self._hidden:
            self.texts.append(data)


def seen_on(html: str) -> str:
    """Everything a person reads on a page."""
    parser = VisibleText()
    parser.feed(html)
    return " ".join(parser.texts)


def foreign_words(html: str) -> set[str]:
    """English words of three letters or more on a Chinese page."""
    text = re.sub(r"F\d{4}-\w{6}", "", seen_on(html))  # receipt numbers hold random letters
    found = re.findall(r"[A-Za-z]{3,}", text)
    return {word.lower() for word in found} - NO_WORDS


def pages_of(view: type, shop: dict[str, int]) -> list[str]:
    """The pages a register has."""
    paths = [f"{view.identity}/list", f"{view.identity}/details/{shop[view.identity]}"]
    paths += [f"{view.identity}/create"] if view.can_create else []
    return paths + ([f"{view.identity}/edit/{shop[view.identity]}"] if view.can_edit else [])
