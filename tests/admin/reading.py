"""What a person reads on a page of the back office."""

import re
from html.parser import HTMLParser

from app.admin import VIEWS

REGISTERS = [view for view in VIEWS if view.is_model]
NO_WORDS = {  # names, addresses, codes: the same in every language
    "rouge", "init", "import", "customers", "purchases", "sms", "nps", "backup", "csv", "excel", "xlsx", "pdf", "english", "rfc", "spring",
    "javascript", "vip", "product", "main", "silver", "gold", "diamond", "satisfaction",
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


class Forms(HTMLParser):
    """The POST forms of a page as a browser without scripts would send them: address → fields, by name."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, list[str]]] = {}
        self._fields: dict[str, list[str]] = {}
        self._select = self._many = self._area = ""
        self._first: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """A field begins, or is whole already."""
        given = {key: value or "" for key, value in attributes}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "form":
            self._fields = {}
            if given.get("method", "").lower() == "post":
                self.forms[given.get("action", "")] = self._fields
        elif tag == "select":
            self._select, self._first = ("" if "multiple" in given else name), None
            self._many = name if "multiple" in given else ""
        elif tag == "option" and (self._select or self._many):
            self._first = value if self._first is None else self._first
            if "selected" in given:
                self._fields.setdefault(self._select or self._many, []).append(value)
        elif tag == "textarea":
            self._area = name
            self._fields.setdefault(name, [""])
        elif tag == "input" and name:
            kind = given.get("type", "text")
            if kind not in {"checkbox", "radio"} or "checked" in given:
                self._fields.setdefault(name, []).append(value or ("on" if kind == "checkbox" else ""))

    def handle_endtag(self, tag: str) -> None:
        """A field ends."""
        if tag == "select":
            if self._select and self._first is not None:  # a browser picks the first where nothing is picked
                self._fields.setdefault(self._select, [self._first])
            self._select = self._many = ""
        self._area = "" if tag == "textarea" else self._area

    def handle_data(self, data: str) -> None:
        """What stands in a text area; its first line break is not part of it."""
        if self._area:
            self._fields[self._area] = [(self._fields[self._area][0] + data).removeprefix("\r\n").removeprefix("\n")]


def form_on(html: str, part: str) -> dict[str, list[str]]:
    """The fields of the one form whose address has this part."""
    return next(fields for address, fields in Forms(html).forms.items() if part in address)
