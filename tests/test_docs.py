"""The docs are true: every word, rule, setting, command and path they name exists, and none is missing."""

import re
from enum import StrEnum
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.main import get_command

from app import vocabulary
from app.cli import cli
from app.models import Row
from app.rules.policy import POLICY_FIELDS
from app.settings import Settings

ROOT = Path(__file__).parent.parent
DOCS = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


def read(name: str) -> str:
    """One document."""
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_glossary_has_every_word_of_the_field() -> None:
    glossary = read("docs/glossary.md")
    enums = [name for name, thing in vars(vocabulary).items() if isinstance(thing, type) and issubclass(thing, StrEnum)]
    tables = [model.__name__ for model in Row.__subclasses__()]
    missing = [word for word in [*enums, *tables] if word != "StrEnum" and not re.search(rf"\b{word}\b", glossary)]
    assert missing == []


def test_the_rules_page_has_every_rule_the_owner_may_change_with_its_default() -> None:
    page = read("docs/rules.md")
    missing = [
        key
        for key, rule in POLICY_FIELDS.items()
        if not re.search(
            rf"^\| `{key}` \| {re.escape(str(rule.default)) if rule.default != '' else '—'} \|", page, re.MULTILINE
        )
    ]
    assert missing == []


def test_every_setting_is_explained_and_stands_in_the_example() -> None:
    names = {f"ROUGE_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"`(ROUGE_[A-Z_]+)`", read("docs/operations.md"))) >= names
    assert set(re.findall(r"^#?\s*(ROUGE_[A-Z_]+)=", read(".env.example"), re.MULTILINE)) == names


def commands(group, prefix: str = "rouge") -> list[str]:
    """Every command line there is."""
    found = []
    for name, command in group.commands.items():
        line = f"{prefix} {name}"
        found += commands(command, line) if hasattr(command, "commands") else [line]
    return found


def test_every_call_of_the_api_is_named_and_no_other_is_promised(client: TestClient) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    there = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    promised = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /api/v1/[^`]*)`", read("docs/operations.md")))
    assert promised == there


def test_every_command_is_explained_and_no_other_is_promised() -> None:
    page = read("docs/operations.md")
    real = commands(get_command(cli))
    assert [line for line in real if f"`{line}" not in page] == []
    for document in DOCS:
        for promised in re.findall(r"`rouge ([a-z]+)(?: ([a-z]+))?", document.read_text(encoding="utf-8")):
            line = f"rouge {promised[0]}"
            assert any(command == line or command.startswith(f"{line} ") for command in real), (
                f"{document.name}: {line}"
            )


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_path_a_document_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    paths = re.findall(r"`((?:app|docs|tests|seed|locales|migrations|benchmarks|requirements)/[\w./-]*)`", text)
    paths += [f"{document.parent.relative_to(ROOT)}/{link}" for link in re.findall(r"\]\((?!http|#)([^)#]+)", text)]
    missing = [path for path in paths if "<" not in path and not (ROOT / path).exists()]
    assert missing == []


def test_the_documents_speak_of_the_project_alone() -> None:
    for document in DOCS:
        text = document.read_text(encoding="utf-8")
        assert not re.search(r"/work/|/root/|/home/|\bsession \d|AI-generated", text), document.name


def test_the_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_container_is_built_by_the_script_a_shop_uses() -> None:
    assert re.search(r"^RUN .*\./dev setup", read("Dockerfile"), re.MULTILINE)
