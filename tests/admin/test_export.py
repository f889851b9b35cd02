"""Taking a list out as a file: exactly its rows, masked as the role sees them, with a purpose, and always in the journal."""

import asyncio
import csv
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from openpyxl import load_workbook
from sqlmodel import Session, select
from starlette.testclient import TestClient

from app.admin_base import export
from app.db import Database
from app.models import AuditEntry, Customer, Staff, Store, Tag, Tier
from app.rules import exports
from app.vocabulary import AuditAction, CustomerStatus, Role, Source
from tests.admin.conftest import PHONE

PURPOSE = {"purpose": "给会计对账", "kind": "csv"}
MAY = {
    "customer": {Role.OWNER, Role.MANAGER},
    "consent": {Role.AUDITOR},
    "purchase": {Role.OWNER, Role.MANAGER, Role.AUDITOR},
    "visit": {Role.OWNER, Role.MANAGER},
    "survey-response": {Role.OWNER, Role.MANAGER},
    "audit-entry": {Role.OWNER, Role.AUDITOR},
}
FORMULA = '=HYPERLINK("http://evil.test","点我")'
MANY = 30


def csv_rows(content: bytes) -> list[list[str]]:
    """A CSV as a spreadsheet program reads it."""
    return list(csv.reader(StringIO(content.decode("utf-8-sig"), newline="")))


def taken(client: TestClient, address: str = "customer/export", **typed: str) -> list[dict[str, str]]:
    """The rows of an export, by heading."""
    answer = client.post(f"/admin/{address}", data=PURPOSE | typed)
    assert answer.status_code == 200, answer.text
    heading, *rows = csv_rows(answer.content)
    return [dict(zip(heading, row, strict=True)) for row in rows]


def shown(client: TestClient, query: str) -> list[str]:
    """The member numbers a list shows over all its pages, in its order."""
    found: list[str] = []
    page = 1
    while True:
        html = client.get(f"/admin/customer/list?{query}&page={page}").text
        body = html.partition("<tbody>")[2].partition("</tbody>")[0]
        found += [number.replace(" ", "") for number in re.findall(r'class="row-link"[^>]*>([V\d ]+)<', body)]
        if 'rel="next"' not in html:
            return found
        page += 1


def written_down(database: Database, action: AuditAction = AuditAction.EXPORT) -> list[AuditEntry]:
    """What the journal says of exports, oldest first."""
    with database.reading() as session:
        return list(session.exec(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)))


def facts(entry: AuditEntry) -> dict[str, Any]:
    """What an entry tells."""
    return json.loads(entry.changes)


def customers(session: Session, how_many: int, now: datetime, **values: Any) -> None:
    """Some more of them, each a minute older than the one before."""
    tiers = session.exec(select(Tier).order_by(Tier.rank)).all()
    session.add_all(
        Customer(
            member_no=f"V{values.get('store_id', 0)}{number:04}",
            name=f"张{number % 7}",
            tier_id=tiers[number % 2].id,
            source=[Source.STORE, Source.EVENT][number % 2],
            created_at=now - timedelta(minutes=number // 3),
            **values,
        )
        for number in range(how_many)
    )


@pytest.fixture
def crowd(database: Database, shop: dict[str, int], real_now: datetime) -> None:
    """More customers than a page shows, many of them made in the same minute."""
    with database.writing() as session:
        customers(session, MANY, real_now)
        tier = session.exec(select(Tier).order_by(Tier.rank)).first()
        session.add(
            Customer(
                member_no="10009999", name=FORMULA, tier_id=tier.id, note="+1+1", phone_masked="139****0000",
                status=CustomerStatus.ACTIVE, tags=[Tag(name="＝1+1"), Tag(name="常客")],
            )
        )  # fmt: skip


# ── The rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "query",
    [
        {}, {"source": "nonsense", "search": "张"}, {"created": "today", "sortBy": "name", "sort": "desc"},
        {"sortBy": "created_at", "sort": "asc", "source": "store"}, {"search": "张", "source": "event", "page": "2"},
    ],
    ids=str,
)  # fmt: skip
def test_a_file_holds_the_rows_of_all_pages_in_the_lists_order(
    owner: TestClient, crowd: None, monkeypatch: pytest.MonkeyPatch, query: dict[str, str]
) -> None:
    monkeypatch.setattr(export, "_PORTION", 7)
    listed = shown(owner, urlencode({key: value for key, value in query.items() if key != "page"}))
    assert len(listed) > 8
    assert [row["会员号"] for row in taken(owner, f"customer/export?{urlencode(query)}")] == listed


def test_a_manager_of_one_store_takes_out_what_she_sees(
    as_role: Callable[[Role], TestClient], database: Database, people: dict[Role, int], real_now: datetime
) -> None:
    with database.writing() as session:
        stores = [Store(code=f"S{number}", name=f"{number} 店") for number in (8, 9)]
        session.add_all(stores)
        session.flush()
        session.get(Staff, people[Role.MANAGER]).store_id = stores[0].id
        for store in stores:
            customers(session, 3, real_now, store_id=store.id)
        hers = stores[0].id
    rows = taken(as_role(Role.MANAGER))
    assert {row["会员号"] for row in rows} == {f"V{hers}{number:04}" for number in range(3)}
    assert len(taken(as_role(Role.OWNER))) == 6


@pytest.mark.parametrize("role", Role)
def test_who_may_not_export_finds_no_button_no_page_and_no_file(
    as_role: Callable[[Role], TestClient], shop: dict[str, int], database: Database, role: Role
) -> None:
    client = as_role(role)
    for identity, roles in MAY.items():
        may, address = role in roles, f"/admin/{identity}/export"
        assert client.get(address).status_code == (200 if may else 403)
        assert client.post(address, data=PURPOSE).status_code == (200 if may else 403)
        assert (f"{address}?" in client.get(f"/admin/{identity}/list").text) is may
    assert len(written_down(database)) == sum(role in roles for roles in MAY.values())


def test_nobody_signed_in_is_sent_to_the_door(client: TestClient, shop: dict[str, int]) -> None:
    assert client.get("/admin/customer/export").headers["location"].startswith("/admin/login?next=")
    assert client.post("/admin/customer/export", data=PURPOSE).status_code == 303


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_the_export_that_asks_nothing_is_not_there(owner: TestClient, shop: dict[str, int], kind: str) -> None:
    assert owner.get(f"/admin/customer/export/{kind}").status_code == 404


def test_a_row_that_is_gone_meanwhile_is_left_out(
    owner: TestClient, crowd: None, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_PORTION", 10)
    begun = export.start_export

    def and_one_leaves(session: Session, *arguments: Any, **named: Any) -> None:
        begun(session, *arguments, **named)
        session.delete(session.exec(select(Customer).where(Customer.member_no == "V00020")).one())

    monkeypatch.setattr(export, "start_export", and_one_leaves)
    numbers = [row["会员号"] for row in taken(owner)]
    assert len(numbers) == MANY + 1
    assert "V00020" not in numbers


# ── What people read ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_headings_and_values_are_the_readers_words(as_role: Callable[..., TestClient], shop: dict[str, int]) -> None:
    (row,) = taken(as_role(Role.OWNER), "purchase/export")
    assert (row["单号"], row["顾客"], row["类型"], row["渠道"], row["实付"]) == (
        "S-1001", "王小丽 10000016", "消费", "门店", "427.00",
    )  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row["时间"])
    (english,) = taken(as_role(Role.OWNER, "en"), "purchase/export")
    assert not re.search("[一-鿿]", "".join(english))
    assert "S-1001" in english.values()


def test_a_csv_says_that_it_is_utf8_and_is_named_after_the_list(owner: TestClient, shop: dict[str, int]) -> None:
    answer = owner.post("/admin/customer/export", data=PURPOSE)
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r"attachment; filename=\"customers-\d{8}-\d{4}\.csv\"; filename\*=UTF-8''%E9%A1%BE%E5%AE%A2-\d{8}-\d{4}\.csv",
        answer.headers["content-disposition"],
    )
    assert answer.headers["cache-control"] == "no-store"


def test_what_begins_like_a_formula_is_a_text_in_both_kinds(owner: TestClient, crowd: None, settings: Any) -> None:
    query = "customer/export?" + urlencode({"sortBy": "member_no", "sort": "asc"})
    row = next(row for row in taken(owner, query) if row["会员号"] == "10009999")
    assert (row["姓名"], row["备注"]) == (f"'{FORMULA}", "'+1+1")
    assert row["标签"].startswith("'＝1+1") or row["标签"].startswith("常客")
    answer = owner.post(f"/admin/{query}", data=PURPOSE | {"kind": "xlsx"})
    heading, *rows = load_workbook(BytesIO(answer.content)).active.iter_rows()
    place = {cell.value: number for number, cell in enumerate(heading)}
    cells = next(row for row in rows if row[0].value == "10009999")
    assert [(cells[place[name]].value, cells[place[name]].data_type) for name in ("姓名", "备注")] == [
        (FORMULA, "s"),
        ("+1+1", "s"),
    ]
    assert not any(cell.hyperlink for row in rows for cell in row)
    assert list(Path(settings.data_dir).glob("export-*")) == []


def test_a_workbook_keeps_money_a_number_and_a_moment_a_moment(owner: TestClient, shop: dict[str, int]) -> None:
    answer = owner.post("/admin/purchase/export", data=PURPOSE | {"kind": "xlsx"})
    heading, row = load_workbook(BytesIO(answer.content)).active.iter_rows(values_only=True)
    told = dict(zip(heading, row, strict=True))
    assert (told["实付"], told["单号"]) == (427, "S-1001")
    assert isinstance(told["时间"], datetime)


# ── What is masked ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_phones_are_masked_unless_asked_for(
    as_role: Callable[[Role], TestClient], shop: dict[str, int], role: Role, kind: str
) -> None:
    answer = as_role(role).post("/admin/customer/export", data=PURPOSE | {"kind": kind})
    if kind == "csv":
        (row,) = csv_rows(answer.content)[1:]
    else:
        row = [
            cell for cell in list(load_workbook(BytesIO(answer.content)).active.iter_rows(values_only=True))[1] if cell
        ]
    assert "138****8000" in row
    assert PHONE not in str(row)


def test_the_owner_takes_numbers_out_whole_for_a_reason_and_the_journal_counts_them(
    owner: TestClient, crowd: None, database: Database
) -> None:
    rows = taken(owner, "customer/export", whole="y", reason="寄会员礼")
    assert [row["手机"] for row in rows if row["姓名"] == "王小丽"] == [PHONE]
    (entry,) = written_down(database, AuditAction.REVEAL)
    assert facts(entry) == {"reason": "寄会员礼", "whole_numbers": 1}
    assert facts(written_down(database)[0])["whole_numbers"] == 1
    with database.reading() as session:
        assert not [one for one in session.exec(select(AuditEntry)) if PHONE in one.changes]


def test_whole_numbers_without_a_reason_are_refused_beside_the_field(
    owner: TestClient, shop: dict[str, int], database: Database
) -> None:
    page = owner.post("/admin/customer/export", data=PURPOSE | {"whole": "y"})
    assert page.status_code == 422
    assert 'id="reason-refused-1"' in page.text
    assert PHONE not in page.text
    assert (written_down(database), written_down(database, AuditAction.REVEAL)) == ([], [])


def test_who_may_not_take_numbers_out_whole_is_not_asked_and_not_heard(
    as_role: Callable[[Role], TestClient], shop: dict[str, int], database: Database
) -> None:
    manager = as_role(Role.MANAGER)
    assert 'name="whole"' not in manager.get("/admin/customer/export").text
    (row,) = taken(manager, whole="y", reason="寄会员礼")
    assert row["手机"] == "138****8000"
    assert written_down(database, AuditAction.REVEAL) == []


def test_health_notes_leave_only_when_asked_for(owner: TestClient, shop: dict[str, int], database: Database) -> None:
    (without,) = taken(owner)
    (with_health,) = taken(owner, with_health="y")
    assert "对果酸过敏" not in str(without)
    assert "过敏提示" not in without
    assert with_health["过敏提示"] == "对果酸过敏"
    assert [facts(entry)["has_health"] for entry in written_down(database)] == [False, True]


@pytest.mark.parametrize("identity", MAY)
def test_no_file_holds_a_secret_or_the_dots_in_its_place(
    as_role: Callable[[Role], TestClient], shop: dict[str, int], identity: str
) -> None:
    for role in sorted(MAY[identity]):
        rows = taken(as_role(role), f"{identity}/export", with_health="y")
        assert rows
        assert "•" not in str(rows)
        assert PHONE not in str(rows)
        assert not re.search(r"b'|b\"|<sealed|sid-of", str(rows))


# ── Asked first, written down, counted ────────────────────────────────────────────────────────────────────────────────


def test_the_page_says_how_many_rows_under_which_conditions(owner: TestClient, crowd: None) -> None:
    page = owner.get("/admin/customer/export?" + urlencode({"source": "event", "search": "张", "file": "csv"})).text
    assert "一共 15 条" in page
    assert "来源是“活动”" in page
    assert "查找是“张”" in page
    assert "手机号只写前三位和后四位" in page
    assert '<option selected value="csv">' in page


def test_an_empty_list_says_so_and_gives_no_file(owner: TestClient, shop: dict[str, int], database: Database) -> None:
    address = "/admin/customer/export?" + urlencode({"search": "没有这个人"})
    page = owner.get(address)
    assert "没有什么可以导出" in page.text
    assert 'type="submit" class="btn btn-primary"' not in page.text
    refused = owner.post(address, data=PURPOSE)
    assert refused.status_code == 422
    assert refused.text.count("没有符合条件的记录") == 1
    assert written_down(database) == []


@pytest.mark.parametrize("purpose", ["", "   ", "打给 139-0013-9000", "长" * 101])
def test_a_purpose_that_is_none_is_refused_beside_its_field(
    owner: TestClient, shop: dict[str, int], database: Database, purpose: str
) -> None:
    page = owner.post("/admin/customer/export?file=csv", data={"kind": "csv", "purpose": purpose})
    assert page.status_code == 422
    assert 'id="purpose-refused-1"' in page.text
    assert written_down(database) == []


def test_the_journal_says_how_many_what_for_and_by_which_conditions_but_not_what_was_typed(
    owner: TestClient, crowd: None, database: Database
) -> None:
    rows = taken(owner, "customer/export?" + urlencode({"source": "event", "search": "张3"}))
    (entry,) = written_down(database)
    assert (entry.actor, entry.subject, entry.subject_id) == ("测试owner", "customers", None)
    assert facts(entry) == {
        "rows": len(rows), "file": "csv", "purpose": "给会计对账", "filters": "来源、查找", "has_health": False,
        "whole_numbers": 0,
    }  # fmt: skip
    assert "张3" not in entry.changes


def test_more_than_a_sheet_of_excel_holds_is_refused_with_a_way_out(
    owner: TestClient, crowd: None, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_WORKBOOK_ROWS", 10)
    page = owner.post("/admin/customer/export", data=PURPOSE | {"kind": "xlsx"})
    assert page.status_code == 422
    assert "请改选 CSV" in page.text
    assert written_down(database) == []
    assert len(taken(owner)) == MANY + 2


def test_the_sixth_file_of_an_hour_has_to_wait(owner: TestClient, shop: dict[str, int], database: Database) -> None:
    for number in range(exports_per_hour()):
        assert taken(owner, purpose=f"第 {number} 次")
    refused = owner.post("/admin/customer/export", data=PURPOSE)
    assert refused.status_code == 429
    assert re.search(r"请过 \d+ 分钟再试", refused.text)
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert 'value="给会计对账"' in refused.text
    assert len(written_down(database)) == exports_per_hour()


def exports_per_hour() -> int:
    """How many the rule allows."""
    return export.EXPORT.times


def test_a_double_tap_is_one_try_and_stands_in_the_journal_as_often_as_it_left(
    owner: TestClient, shop: dict[str, int], database: Database
) -> None:
    for _ in range(exports_per_hour() + 2):
        assert taken(owner, sent="one-form")
    assert taken(owner, sent="another-form")
    assert len(written_down(database)) == exports_per_hour() + 3


# ── On its way ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Browser:
    """A browser by hand: it posts, and hears every message of the answer. `patience`: how many parts of the file it takes
    before it goes away; `heard` is asked before each."""

    def __init__(
        self, app: FastAPI, *, patience: int = 10_000, on_message: Callable[[str], None] | None = None
    ) -> None:
        self.app, self.patience, self.on_message = app, patience, on_message or (lambda kind: None)
        self.parts: list[bytes] = []
        self.status = 0

    def post(self, **typed: str) -> None:
        """Send the form and take what comes."""
        asyncio.run(self._post(urlencode(PURPOSE | typed).encode()))

    async def _post(self, body: bytes) -> None:
        gone, asked = asyncio.Event(), False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": body, "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            self.on_message(message["type"])
            if message["type"] == "http.response.start":
                self.status = message["status"]
            elif message["body"]:
                self.parts.append(message["body"])
                if len(self.parts) >= self.patience:
                    gone.set()
                    await asyncio.sleep(0.05)

        headers = [
            (b"host", b"testserver"), (b"origin", b"http://testserver"), (b"accept-language", b"zh-CN"),
            (b"content-type", b"application/x-www-form-urlencoded"), (b"cookie", b"rouge_sid=sid-of-owner"),
        ]  # fmt: skip
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST",
            "scheme": "http", "path": "/admin/customer/export", "raw_path": b"/admin/customer/export", "query_string": b"",
            "root_path": "", "headers": headers, "client": ("127.0.0.1", 1), "server": ("testserver", 80),
        }  # fmt: skip
        await self.app(scope, receive, send)


def test_an_export_stands_in_the_journal_before_its_first_byte(app: FastAPI, crowd: None, database: Database) -> None:
    before: list[int] = []

    def look(kind: str) -> None:
        if kind == "http.response.start":
            before.append(len(written_down(database)))

    Browser(app, on_message=look).post()
    assert before == [1]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_who_goes_away_ends_the_work_and_the_journal_says_so(
    app: FastAPI, crowd: None, database: Database, settings: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(export, "_PORTION", 5)
    browser = Browser(app, patience=3 if kind == "csv" else 1)
    if kind == "xlsx":
        monkeypatch.setattr("app.gateways.table_files._BLOCK", 64)
    browser.post(kind=kind)
    started, ended = written_down(database)
    assert facts(started)["rows"] == MANY + 2
    assert facts(ended)["sent_rows"] == (5 if kind == "csv" else 0)  # what is behind her for certain
    assert database.engine.pool.checkedout() == 0
    assert list(Path(settings.data_dir).glob("export-*")) == []


def test_who_stays_to_the_end_gets_all_of_it_and_the_journal_says_no_more(
    app: FastAPI, crowd: None, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_PORTION", 5)
    browser = Browser(app)
    browser.post()
    assert len(csv_rows(b"".join(browser.parts))) == MANY + 3
    assert len(written_down(database)) == 1


def test_a_slow_browser_holds_no_transaction_and_no_turn_to_write(
    app: FastAPI, crowd: None, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_PORTION", 5)
    held: list[int] = []

    def meanwhile(kind: str) -> None:
        held.append(database.engine.pool.checkedout())
        with database.writing() as session:
            session.add(Tag(name=f"途中 {len(held)}"))

    Browser(app, on_message=meanwhile).post()
    assert len(held) > 5
    assert set(held) == {0}
    with database.reading() as session:  # what it would have seen
        session.exec(select(Tag)).first()
        assert database.engine.pool.checkedout() == 1
