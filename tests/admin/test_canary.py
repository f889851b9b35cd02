"""One telephone number and one health note go through every address of the house, asked for by everybody: the number
appears nowhere but in the answer to whoever looked at it for a reason, the note only before whoever may read it."""

import io
import logging
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlmodel import Session, col, select
from starlette.routing import Mount
from starlette.testclient import TestClient
from typer.testing import CliRunner

from app import columns
from app.actions.complaints import ComplaintIntake, note_on_complaint, open_complaint
from app.actions.customers import update_customer
from app.actions.surveys import contact_from, finish_response, leave_contact, new_submission_id, save_answer
from app.actions.tokens import standing_tokens
from app.admin import VIEWS
from app.audit import Actor
from app.cli import cli
from app.columns import MASK, opened
from app.db import Database
from app.gateways.logs import redacted
from app.models import Complaint, Customer, SkinRecord, Survey, SurveyQuestion, SurveyResponse, Visit
from app.queries.policy import current_policy
from app.registers.customers import CustomerAdmin
from app.rules.access import KINDS, may
from app.rules.customers import CustomerDetails
from app.settings import Settings, current_settings
from app.vocabulary import QuestionKind, Role
from tests.admin.reading import form_on

PHONE = "13987654321"
HEALTH = ("金丝雀过敏", "金丝雀体质", "金丝雀泛红", "金丝雀刺痛")
ANY_SPELLING = re.compile(rb"[^0-9]{0,3}".join(digit.encode() for digit in PHONE))
EVERYBODY = (*Role, None)
MAY_READ_HEALTH = KINDS["health"]


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """What a page says does not hang on the database."""
    return sqlite_settings


@pytest.fixture
def canary(database: Database, shop: dict[str, int], people: dict[Role, int], real_now: datetime) -> dict[str, Any]:
    """The number and the note wherever one can be: on a customer, a case, an answered survey, a visit, a skin record, and
    the number in the words of an internal note as well."""
    with database.writing(Actor("测试owner", people[Role.OWNER])) as session:
        policy = current_policy(session)
        details = CustomerDetails(
            name="金丝雀", phone=PHONE, wechat="jinsique-id", allergy_note=HEALTH[0], health_note=HEALTH[1]
        )
        customer = update_customer(session, shop["customer"], details, now=real_now)
        session.add(SkinRecord(customer_id=customer.id, seen_on=real_now.date(), skin_type="dry", concerns=HEALTH[2]))
        session.add(
            Visit(customer_id=customer.id, visited_at=real_now, staff_id=people[Role.BEAUTICIAN], note=HEALTH[3])
        )
        case = open_complaint(
            session,
            ComplaintIntake("等了很久", contact_name="金女士", contact_phone=PHONE),
            policy=policy,
            now=real_now,
        )
        note_on_complaint(session, case.id, "已经请店长处理", staff_id=people[Role.OWNER], now=real_now)
        run = _answered(session, shop["survey"], policy, real_now)
        token = standing_tokens(session, [customer.id], now=real_now)[customer.id].token
        slug = session.exec(select(Survey.slug)).first()
    return {"shop": shop, "case": case.id, "run": run, "token": token, "slug": slug}


def _answered(session: Session, survey_id: int, policy: Any, now: datetime) -> int:
    submission = new_submission_id()
    for one in session.exec(select(SurveyQuestion).where(SurveyQuestion.survey_id == survey_id)).all():
        if one.kind in {QuestionKind.RATING, QuestionKind.NPS}:
            save_answer(session, survey_id, submission, one.key, ["1"], now=now)
    finish_response(session, survey_id, submission, policy=policy, now=now)
    left = leave_contact(session, survey_id, submission, contact_from("金女士", PHONE), policy=policy, now=now)
    return left.response.id


def office_of(app: FastAPI) -> Any:
    """The back office mounted in the site."""
    mount = next(route for route in app.routes if isinstance(route, Mount) and route.path == "/admin")
    return mount.app.state.back_office  # type: ignore[attr-defined]


# ── Every address ─────────────────────────────────────────────────────────────────────────────────────────────────────


def addresses(app: FastAPI, database: Database, canary: dict[str, Any]) -> list[str]:
    """Every address that can be asked for with GET: each route, filled with every register and its newest records."""
    office = office_of(app)
    numbers = {view.identity: _newest(database, view.model) for view in office.views if view.is_model}
    found = ["/admin/", "/no-such-page", "/admin/no-such-page/list", "/admin/customer/details/999999"]
    for route in office.admin.router.routes:
        if "GET" in (getattr(route, "methods", None) or ()):
            found += [f"/admin{path}" for path in _filled(route.path, numbers)]
    outside = {"{slug}": canary["slug"], "{token}": canary["token"]}
    for route in _routes(app.routes):
        path = route.path
        for hole, value in outside.items():
            path = path.replace(hole, value)
        if "GET" in (route.methods or ()) and "{" not in path:
            found.append(path)
    found += [f"/admin/customer/list?search={PHONE[-4:]}", "/admin/complaint/list?search=金", "/admin/journal?q=金丝雀"]
    found += [
        f"/admin/{view.identity}/ajax/lookup?name={name}&term=金丝雀"
        for view in office.views
        if view.is_model
        for name in view._form_ajax_refs
    ]
    with database.reading() as session:
        her = session.get(Customer, canary["shop"]["customer"]).member_no
    found += [f"/desk/photos?customer={her}", "/desk/tag-rule?tag=1", f"/desk/merge?a={her}&q=金"]
    found += [f"/desk/customers/{her}", f"/desk/customers/{her}?kind=visit", "/desk?q=金", f"/desk/search?q={PHONE}"]
    return sorted(set(found))


def _routes(routes: Any) -> Iterator[Any]:
    for route in routes:
        if hasattr(route, "methods"):
            yield route


def _newest(database: Database, model: Any) -> list[int]:
    with database.reading() as session:
        return list(session.exec(select(model.id).order_by(col(model.id).desc()).limit(1)))


def _filled(path: str, numbers: dict[str, list[int]]) -> list[str]:
    if "{identity}" not in path:
        own = next((one for one in sorted(numbers, key=len, reverse=True) if path.startswith(f"/{one}/")), "")
        return [path.replace("{pk:path}", str(n)).replace("{pk}", str(n)) for n in numbers.get(own, [1])]
    return [
        path.replace("{identity}", identity).replace("{pk:path}", str(number)).replace("{pk}", str(number))
        for identity, ids in numbers.items()
        for number in (ids if "{pk" in path else [0])
    ]


def contents(body: bytes) -> bytes:
    """An answer's bytes; what is packed, unpacked."""
    if not body.startswith(b"PK"):
        return body
    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        return b"\n".join(packed.read(name) for name in packed.namelist())


def walked(
    as_role: Callable[[Role], TestClient], app: FastAPI, paths: list[str], *roles: Role | None
) -> Iterator[tuple[Role | None, str, bytes]]:
    """Each address asked for by each of these people: who, where, and what came (headers too)."""
    for role in roles:
        browser = as_role(role) if role else TestClient(app, follow_redirects=False)
        for path in paths:
            answer = browser.get(path)
            assert answer.status_code < 500, (path, role)
            yield role, path, contents(answer.content) + str(answer.headers).encode()


def leaks(found: Iterator[tuple[Role | None, str, bytes]]) -> list[tuple[Role | None, str]]:
    """Where the number stood."""
    return [(role, path) for role, path, body in found if ANY_SPELLING.search(body)]


def whispers(found: list[tuple[Role | None, str, bytes]]) -> list[tuple[Role | None, str]]:
    """Where a health note stood."""
    return [(role, path) for role, path, body in found if any(word.encode() in body for word in HEALTH)]


@pytest.mark.parametrize("role", EVERYBODY, ids=lambda role: role or "stranger")
def test_the_number_is_on_no_page_and_the_note_only_before_whoever_may_read_it(
    app: FastAPI,
    database: Database,
    as_role: Callable[[Role], TestClient],
    canary: dict[str, Any],
    role: Role | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    # A stranger is led to the sign-in and on to where he wanted, with what he typed himself.
    paths = [one for one in addresses(app, database, canary) if role or PHONE not in one]
    found = list(walked(as_role, app, paths, role))
    assert len(found) > 100
    assert leaks(iter(found)) == []
    readers = {who for who, _ in whispers(found)}
    assert readers == ({role} & MAY_READ_HEALTH), whispers(found)
    # What the test's own browser says of the addresses it asked for is not the shop's log.
    said = "\n".join(caplog.handler.format(one) for one in caplog.records if not one.name.startswith("httpx2"))
    assert not ANY_SPELLING.search(said.encode())
    assert not any(word in said for word in HEALTH)


def test_no_form_sent_by_anybody_brings_it_back(
    app: FastAPI, database: Database, as_role: Callable[[Role], TestClient], canary: dict[str, Any]
) -> None:
    """Each deed, edit and export of each register, with nothing filled in and with nonsense."""
    office, sent = office_of(app), 0
    for role in (Role.OWNER, Role.RECEPTION):
        browser = as_role(role)
        for view in office.views:
            if not view.is_model:
                continue
            for number in _newest(database, view.model)[:1]:
                ways = [f"edit/{number}", "create", "export", *(f"do/{deed.name}/{number}" for deed in view.deeds)]
                for way in ways:
                    answer = browser.post(f"/admin/{view.identity}/{way}", data={"reason": "", "kind": "csv"})
                    sent += 1
                    assert answer.status_code < 500, (view.identity, way)
                    assert not ANY_SPELLING.search(contents(answer.content)), (role, view.identity, way)
    assert sent > 100


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_file_that_leaves_has_it(
    app: FastAPI, as_role: Callable[[Role], TestClient], canary: dict[str, Any], kind: str
) -> None:
    given = 0
    for view in (one for one in office_of(app).views if one.is_model):
        for role in (one for one in Role if may(one, view.subject, "export")):
            answer = as_role(role).post(f"/admin/{view.identity}/export", data={"kind": kind, "purpose": "给会计对账"})
            given += answer.status_code == 200 and "attachment" in answer.headers.get("content-disposition", "")
            assert not ANY_SPELLING.search(contents(answer.content)), (role, view.identity)
    assert given >= 3


def test_no_page_that_asks_which_change_is_right_shows_it(
    as_role: Callable[[Role], TestClient], canary: dict[str, Any]
) -> None:
    address = f"/admin/customer/edit/{canary['shop']['customer']}"
    slow, quick = as_role(Role.RECEPTION), as_role(Role.OWNER)
    first, second = (form_on(one.get(address).text, "/edit/") | {"save": ["保存"]} for one in (slow, quick))
    other = {"phone": ["13911110000"], "note": ["坐里间"], "allergy_note": ["别的"]}
    assert quick.post(address, data=second | other).status_code == 303
    third = form_on(quick.get(address).text, "/edit/") | {"save": ["保存"]}
    again = {"phone": [PHONE], "note": ["坐外间"], "allergy_note": [HEALTH[0]], "wechat": ["jinsique-neu"]}
    assert quick.post(address, data=third | again).status_code == 303
    asked = slow.post(address, data=first | {"note": ["靠门"]})
    assert asked.status_code == 409
    assert "坐外间" in asked.text
    assert not ANY_SPELLING.search(asked.content)
    assert not any(word in asked.text for word in (*HEALTH, "jinsique"))


def test_only_whoever_looks_at_it_for_a_reason_sees_it(
    as_role: Callable[[Role], TestClient], database: Database, canary: dict[str, Any]
) -> None:
    for identity, number in (("customer", canary["shop"]["customer"]), ("complaint", canary["case"])):
        shown = as_role(Role.RECEPTION).post(f"/admin/{identity}/do/reveal/{number}", data={"reason": "回电"})
        assert ANY_SPELLING.search(shown.content)
        refused = as_role(Role.MARKETER).post(f"/admin/{identity}/do/reveal/{number}", data={"reason": "回电"})
        assert not ANY_SPELLING.search(refused.content)


def test_no_command_prints_it(
    settings: Settings, canary: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "till.csv"
    file.write_text(f"姓名,手机\n金丝雀,{PHONE}\n别人,{PHONE}\n短号,{PHONE[:-1]}\n", encoding="utf-8")
    monkeypatch.setenv("ROUGE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("ROUGE_DATABASE_URL", "")
    current_settings.cache_clear()
    for command in (
        ["import", "customers", str(file), "--json"],
        ["import", "customers", str(file), "--dry-run"],
        ["doctor", "--json"],
        ["jobs", "list", "--json"],
        ["user", "list"],
    ):
        told = CliRunner().invoke(cli, command)
        assert told.output
        assert not ANY_SPELLING.search(told.output.encode()), command
        assert PHONE[:-1] not in told.output
        assert not any(word in told.output for word in HEALTH), command
    current_settings.cache_clear()


def test_it_lies_readable_in_no_table_and_in_no_line_of_the_journal(
    as_role: Callable[[Role], TestClient], database: Database, canary: dict[str, Any]
) -> None:
    as_role(Role.OWNER).post(f"/admin/customer/do/reveal/{canary['shop']['customer']}", data={"reason": "回电"})
    with database.reading() as session:
        for table in sorted(columns.SQLModel.metadata.tables):
            for row in session.connection().execute(text(f'SELECT * FROM "{table}"')):
                said = repr([bytes(one) if isinstance(one, memoryview) else one for one in row])
                assert not ANY_SPELLING.search(said.encode()), table
                assert not any(word in said for word in HEALTH), table


def test_a_page_that_breaks_says_nothing_of_it(
    app: FastAPI, database: Database, as_role: Callable[[Role], TestClient], canary: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    def broken(self: Any, *_: Any) -> None:
        raise RuntimeError(f"{opened(_phone(database))} {HEALTH[0]}")

    monkeypatch.setattr(CustomerAdmin, "list_query", broken)
    browser = TestClient(app, follow_redirects=False, raise_server_exceptions=False)
    browser.cookies = as_role(Role.OWNER).cookies
    answer = browser.get("/admin/customer/list")
    assert answer.status_code == 500
    assert not ANY_SPELLING.search(answer.content)
    assert HEALTH[0] not in answer.text
    assert not ANY_SPELLING.search(redacted(caplog.text).encode())


def _phone(database: Database) -> Any:
    with database.reading() as session:
        return session.exec(select(Customer).where(Customer.name == "金丝雀")).one().phone


# ── What would happen otherwise ───────────────────────────────────────────────────────────────────────────────────────


def test_a_view_that_names_the_raw_column_shows_dots(
    app: FastAPI, as_role: Callable[[Role], TestClient], canary: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _shows_raw(app, monkeypatch)
    path = f"/admin/customer/details/{canary['shop']['customer']}"
    for role in (Role.OWNER, Role.RECEPTION, Role.AUDITOR):
        page = as_role(role).get(path)
        assert MASK in page.text
        assert not ANY_SPELLING.search(page.content)


def test_without_the_seal_the_walk_would_find_it(
    app: FastAPI,
    database: Database,
    as_role: Callable[[Role], TestClient],
    canary: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _shows_raw(app, monkeypatch)
    monkeypatch.setattr(columns.Sealed, "__str__", lambda sealed: sealed._open())
    paths = [one for one in addresses(app, database, canary) if one.startswith("/admin/customer/")]
    found = {path for _, path in leaks(walked(as_role, app, paths, Role.OWNER))}
    assert f"/admin/customer/details/{canary['shop']['customer']}" in found


def _shows_raw(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody adds the raw column to what a customer's page shows."""
    view = next(one for one in office_of(app).views if isinstance(one, CustomerAdmin))
    monkeypatch.setattr(view, "_details_prop_names", [*view._details_prop_names, "phone", "wechat"])


def test_every_register_is_walked(app: FastAPI, database: Database, canary: dict[str, Any]) -> None:
    paths = addresses(app, database, canary)
    office = office_of(app)
    routes = [one for one in office.admin.router.routes if "GET" in (getattr(one, "methods", None) or ())]
    pages = {route.name: route.path.partition("{")[0] for route in routes}
    # What only takes forms shows nothing.
    shown = [view for view in office.views if view.is_model or f"view-{view.identity}" in pages]
    for view in shown:
        start = pages.get(f"view-{view.identity}", f"/{view.identity}")
        # A page of the desk is reached under /desk and under /admin/desk.
        assert any(path.startswith((start, f"/admin{start}")) for path in paths), view.identity
    assert len(VIEWS) == len(office_of(app).views)


def test_the_canary_is_where_it_should_be(database: Database, canary: dict[str, Any]) -> None:
    with database.reading() as session:
        assert opened(session.get(Complaint, canary["case"]).contact_phone) == f"+86{PHONE}"
        assert opened(session.get(SurveyResponse, canary["run"]).contact_phone) == f"+86{PHONE}"
        customer = session.get(Customer, canary["shop"]["customer"])
        assert (opened(customer.phone), opened(customer.allergy_note)) == (f"+86{PHONE}", HEALTH[0])
