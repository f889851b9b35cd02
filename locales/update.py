"""Bring the catalogues up to date with the words in the program, or check that they are.

The program's own words are Chinese. `./dev translate` collects them; Traditional Chinese is drafted by OpenCC
(s2twp) where nobody has written it yet and is then corrected by hand; English is written by hand. A hand-made
translation is never overwritten. Words no longer used are dropped.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
LOCALES = ("zh_TW", "en")
MARKS = {"gettext": None, "_": None, "ngettext": (1, 2), "later": None, "words": None}
COUNTED = ("one", "many")
"""Marks of a noun whose English has another form for one or for many: their name is the context it is kept under."""
METHODS = [("app/templates/**.html", "jinja2"), ("app/**.py", "python"), ("seed/**.py", "python")]
OPTIONS = {"app/templates/**.html": {"trimmed": "true", "silent": "false"}}


def used_words(locale: str) -> Catalog:
    """Every message of the program with the file it stands in, but those the back office's own catalogue
    (`sqladmin.po`, written by hand) already says."""
    catalogue = Catalog(charset="utf-8", fuzzy=False)
    said = kept(locale, "sqladmin")
    for place, message, context in _said_in_the_program():
        if context in COUNTED and locale != "en":
            continue
        if message not in said or context:
            catalogue.add(message, locations=[(place, 0)], context=context)
    return catalogue


@cache
def _said_in_the_program() -> list[tuple[str, str | tuple[str, ...], str | None]]:
    """File, message and context; reading the whole program takes seconds and is the same for every locale."""
    found: list[tuple[str, str | tuple[str, ...], str | None]] = []
    for folder in ("app", "seed"):
        methods = [
            (pattern.removeprefix(f"{folder}/"), method) for pattern, method in METHODS if pattern.startswith(folder)
        ]
        options = {pattern.removeprefix(f"{folder}/"): value for pattern, value in OPTIONS.items()}
        found += _marked(folder, methods, options, MARKS, None)
    for mark in COUNTED:
        found += _marked("app/registers", [("**.py", "python")], {}, {mark: None}, mark)
    return found


def _marked(folder: str, methods: Any, options: Any, marks: Any, counted: str | None) -> Iterator[Any]:
    extracted = extract_from_dir(ROOT / folder, methods, options, keywords=marks, comment_tags=())
    for file, _line, message, _comments, context in extracted:
        if message and message != ("", "") and _is_ours(message):
            yield f"{folder}/{file}", message, counted or context


def _is_ours(message: str | tuple[str, ...]) -> bool:
    """SQLAdmin's own messages are English and live in a catalogue of their own."""
    text = message if isinstance(message, str) else message[0]
    # Between sentences stand signs that other languages write in their own way.
    return any("\u4e00" <= letter <= "\u9fff" or letter in "，；：。" for letter in text)


def path_of(locale: str) -> Path:
    """Where a locale's own words are kept."""
    return ROOT / "locales" / locale / "LC_MESSAGES" / "rouge.po"


def kept(locale: str, domain: str = "rouge") -> Catalog:
    """The catalogue as it stands."""
    path = path_of(locale).with_name(f"{domain}.po")
    if not path.exists():
        return Catalog(locale=locale, charset="utf-8", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=locale)


def updated(locale: str, words: Catalog) -> Catalog:
    """The used words with the translations that exist; Traditional drafts where there is none."""
    old = kept(locale)
    fresh = Catalog(locale=locale, charset="utf-8", fuzzy=False)
    for message in words:
        if not message.id:
            continue
        known = old.get(message.id, message.context)
        translation = known.string if known else ""
        if not _is_done(translation) and locale == "zh_TW":
            translation = _traditional(message.id)
        fresh.add(message.id, translation, locations=message.locations, context=message.context)
    return fresh


def _traditional(message: str | tuple[str, ...]) -> str | tuple[str, ...]:
    import opencc  # noqa: PLC0415  a build tool, not needed to check

    convert = opencc.OpenCC("s2twp").convert
    if isinstance(message, str):
        return convert(message)
    return (convert(message[-1]),)


def _is_done(translation: str | tuple[str, ...]) -> bool:
    return bool(translation) if isinstance(translation, str) else bool(translation) and all(translation)


def bare_chinese() -> Iterator[str]:
    """Chinese in Python code that no gettext call, `words` or `later` marks. Docstrings and comments
    may hold it, and lines or whole assignments that say `# data` (words that are read, not shown)."""
    for path in sorted((ROOT / "app").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines()
        tree = ast.parse(source)
        marked = {
            id(leaf)
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and _name(call.func) in {*MARKS, *COUNTED}
            for argument in call.args
            for leaf in ast.walk(argument)
        }
        documents = {
            id(statement.value)
            for statement in ast.walk(tree)
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        }
        blocks = [
            range(statement.lineno, (statement.end_lineno or 0) + 1)
            for statement in ast.walk(tree)
            if isinstance(statement, ast.Assign | ast.AnnAssign) and "# data" in lines[statement.lineno - 1]
        ]
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in marked | documents:
                continue
            is_data = "# data" in lines[(node.end_lineno or 0) - 1] or any(node.lineno in block for block in blocks)
            if _is_ours(node.value) and not is_data:
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.value[:40]}"


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def gaps() -> list[str]:
    """What is missing, stale or unmarked."""
    wrong = [f"not marked for translation: {place}" for place in bare_chinese()]
    for locale in LOCALES:
        words, have = used_words(locale), kept(locale)
        for message in words:
            known = have.get(message.id, message.context) if message.id else None
            if message.id and (known is None or not _is_done(known.string) or known.fuzzy):
                wrong.append(f"{locale}: no translation of {message.id!r}")
        used = {(message.id, message.context) for message in words}
        gone = [message.id for message in have if message.id and (message.id, message.context) not in used]
        wrong += [f"{locale}: no longer used: {message!r}" for message in gone]
    return wrong


def main() -> int:
    """`--check` reports and changes nothing; otherwise the catalogues are written."""
    if "--check" in sys.argv:
        wrong = gaps()
        sys.stdout.write("".join(f"{line}\n" for line in wrong))
        return 1 if wrong else 0
    for locale in LOCALES:
        catalogue = updated(locale, used_words(locale))  # read before the file is opened for writing, which empties it
        path_of(locale).parent.mkdir(parents=True, exist_ok=True)
        with path_of(locale).open("wb") as file:
            write_po(file, catalogue, width=120, include_lineno=False, sort_output=True, omit_header=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
