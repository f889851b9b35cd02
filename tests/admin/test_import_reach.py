"""Whoever belongs to one store brings in nothing about another's customers, and sees no file of anybody else. Each wall is
shown to be what holds: without it the harm is done."""

import csv
import io
from typing import Any

import pytest
from sqlmodel import col, select

from app.actions.customers import create_customer
from app.models import Customer, CustomerTag, ImportBatch, PointsEntry, Purchase, Staff, Store
from app.queries import scopes
from app.queries.policy import current_policy
from app.rules.customers import CustomerDetails
from app.vocabulary import ImportKind, ImportStage, Role
from tests.admin.test_imports import HOME, brought_in, checked, numbers, token, uploaded
from tests.conftest import on_sqlite

PHONE, HERS = "13911112222", "13911113333"
NUMBER = "会员号不是您门店的顾客"
TAKEN = "这个电话已经登记在另一位会员名下"


@pytest.fixture
def far(database, people, real_now) -> str:
    """The member number of a customer of store far; the manager belongs to store 1."""
    with database.writing() as session:
        store = Store(code="far", name="远店")
        session.add(store)
        session.flush()
        session.get(Staff, people[Role.MANAGER]).store_id = 1
        policy = current_policy(session)
        details = CustomerDetails(name="远店的客", phone=PHONE, store_id=store.id, note="原话")
        near = CustomerDetails(name="近客", phone=HERS, store_id=1)
        create_customer(session, near, policy=policy, now=real_now)
        return create_customer(session, details, policy=policy, now=real_now).member_no


@pytest.fixture
def manager(as_role, far):
    """The manager of store 1."""
    return as_role(Role.MANAGER)


def customer(database, phone: str = PHONE) -> Customer:
    """Whoever has this phone, by how it is shown."""
    with database.reading() as session:
        found = session.exec(select(Customer).where(Customer.phone_masked == f"{phone[:3]}****{phone[-4:]}")).one()
        session.expunge(found)
        return found


def standing(database, member_no: str) -> tuple[Any, ...]:
    """All a file might change of her."""
    with database.reading() as session:
        her = session.exec(select(Customer).where(Customer.member_no == member_no)).one()
        tags = session.exec(select(CustomerTag.tag_id).where(CustomerTag.customer_id == her.id)).all()
        points = session.exec(select(PointsEntry.points)).all()
        return her.name, her.note, her.tier_id, her.phone_masked, list(tags), list(points)


FILES = {
    "all of her by number": ("customers", "会员号,姓名,备注,标签,等级,积分\n{no},远店的客,改了,贵客,金卡会员,50\n", NUMBER),
    "her phone": ("customers", "会员号,姓名,手机\n{no},远店的客,13911119999\n", NUMBER),
    "by her phone": ("customers", "手机,姓名,备注\n13911112222,远店的客,改了\n", TAKEN),
    "her phone for a new number": ("customers", "会员号,手机,姓名\nX77,13911112222,新人\n", TAKEN),
    "her phone for somebody here": ("customers", "会员号,手机,姓名\n{near},13911112222,近客\n", TAKEN),
    "her number without its zeros": ("customers", "会员号,姓名,备注\n{short},远店的客,改了\n", NUMBER),
    "points by number": ("points", "会员号,积分\n{no},500\n", NUMBER),
    "points by phone": ("points", "手机,积分\n13911112222,500\n", TAKEN),
}  # fmt: skip


def file_of(database, far: str, name: str) -> tuple[str, str, str]:
    """The kind, the text and the refusal of a file."""
    kind, text, said = FILES[name]
    return kind, text.format(no=far, near=customer(database, HERS).member_no, short=far.lstrip("0")), said


@pytest.mark.parametrize("name", FILES)
def test_a_file_does_not_touch_a_customer_of_another_store_nor_tell_who_she_is(manager, database, settings, far, name):
    kind, text, said = file_of(database, far, name)
    before = standing(database, far)
    address = uploaded(manager, text, kind=kind)
    page = checked(manager, address)
    assert numbers(page.text)["有问题"] == 1
    assert said in page.text
    listed = list(csv.reader(io.StringIO(manager.get(f"{address}/refused.csv").text)))
    assert said in " ".join(listed[1])
    assert far not in " ".join(listed[1])
    done = brought_in(manager, address, database, settings)
    assert said in done.text
    assert standing(database, far) == before


CHANGING = [name for name in FILES if "for" not in name and "zeros" not in name]


@on_sqlite
@pytest.mark.parametrize("name", CHANGING)
def test_control_without_the_reach_the_file_changes_her(manager, database, settings, far, name, monkeypatch):
    monkeypatch.setattr("app.actions.import_batches.visible", lambda table, person: None)
    kind, text, _ = file_of(database, far, name)
    before = standing(database, far)
    address = uploaded(manager, text, kind=kind)
    checked(manager, address)
    brought_in(manager, address, database, settings)
    assert standing(database, far) != before


def test_the_owner_changes_everybody(owner, database, settings, far):
    kind, text, _ = file_of(database, far, "all of her by number")
    address = uploaded(owner, text, kind=kind)
    checked(owner, address)
    brought_in(owner, address, database, settings)
    assert standing(database, far)[1] == "改了"


def test_it_is_her_reach_when_the_file_comes_in_that_counts(manager, database, settings, far, people):
    with database.writing() as session:
        session.get(Staff, people[Role.MANAGER]).store_id = None
    before = standing(database, far)
    address = uploaded(manager, file_of(database, far, "by her phone")[1])
    assert numbers(checked(manager, address).text)["会更新"] == 1
    with database.writing() as session:
        session.get(Staff, people[Role.MANAGER]).store_id = 1
    assert TAKEN in brought_in(manager, address, database, settings).text
    assert standing(database, far) == before


def test_new_customers_of_her_file_belong_to_her_store(manager, database, settings):
    address = uploaded(manager, "姓名,手机\n新客,13911114444\n")
    checked(manager, address)
    brought_in(manager, address, database, settings)
    assert customer(database, "13911114444").store_id == 1


SOLD = "单号,时间,手机,商品,数量,金额,门店\n"
SOLD += "S1,2026-11-20,13911112222,面霜,1,200,\nS2,2026-11-20,13911112222,面霜,1,200,远店\n"


def test_a_sale_to_another_stores_customer_is_a_sale_of_her_own_store_only(manager, database, settings, far):
    address = uploaded(manager, SOLD, kind="purchases")
    page = checked(manager, address).text
    assert "您只能导入自己门店的记录" in page
    brought_in(manager, address, database, settings)
    with database.reading() as session:
        (sale,) = session.exec(select(Purchase)).all()
    assert (sale.order_no, sale.store_id, sale.customer_id) == ("S1", 1, customer(database).id)


@on_sqlite
def test_control_without_her_store_the_sale_of_another_comes_in(manager, database, settings, far, monkeypatch):
    monkeypatch.setattr("app.actions.import_batches.only_store", lambda table, person: None)
    address = uploaded(manager, SOLD, kind="purchases")
    checked(manager, address)
    brought_in(manager, address, database, settings)
    with database.reading() as session:
        assert len(session.exec(select(Purchase)).all()) == 2


def test_a_file_for_a_store_she_has_left_is_refused_whole(manager, database, settings, far, people):
    address = uploaded(manager, "姓名,手机\n新客,13911114444\n", store="1")
    with database.writing() as session:
        session.get(Staff, people[Role.MANAGER]).store_id = session.exec(
            select(Store.id).where(Store.code == "far")
        ).one()
    page = manager.get(address).text
    manager.post(address, data={"do": "check", "once": token(page), "column-0": "name", "column-1": "phone"})
    assert "您只能导入自己门店的记录" in manager.get(address).text


# ── Whose files are seen ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def batches(database, far, people, real_now) -> dict[str, int]:
    """A file each of everybody who may have brought one, by who did."""
    with database.writing() as session:
        stores = {code: number for number, code in session.exec(select(Store.id, Store.code))}
        staff = {
            name: Staff(
                name=name, login=name, password_hash="!", role=Role.MANAGER, store_id=store, created_at=real_now
            )
            for name, store in {"colleague": 1, "far-one": stores["far"], "of-none": None}.items()
        }
        session.add_all(staff.values())
        session.flush()
        by = {name: one.id for name, one in staff.items()}
        by |= {"herself": people[Role.MANAGER], "owner": people[Role.OWNER], "command-line": None}
        rows = {
            name: ImportBatch(
                kind=ImportKind.CUSTOMERS,
                file_name=f"of-{name}.csv",
                file_sha256="0" * 64,
                started_at=real_now,
                staff_id=number,
                # Whoever else brought it: that it is for her store does not make it hers.
                store_id=1,
                stage=stage,
            )
            for number, name, stage in (
                *((number, name, ImportStage.UPLOADED) for name, number in by.items()),
                (None, "command-line-done", ImportStage.DONE),
                (people[Role.OWNER], "owner-done", ImportStage.DONE),
            )
        }
        session.add_all(rows.values())
        session.flush()
        return {name: row.id for name, row in rows.items()}


def ways_in(browser, batches: dict[str, int]) -> dict[str, set[str]]:
    """By which ways each file is reached, where there is any."""
    found: dict[str, set[str]] = {}
    lists = {"start": browser.get(HOME).text, "register": browser.get("/admin/import-batch/list?pageSize=100").text}
    for name, number in batches.items():
        ways = {way for way, page in lists.items() if f"of-{name}.csv" in page}
        for way in ("", "/undo", "/refused.csv"):
            if browser.get(f"{HOME}/{number}{way}").status_code != 404:
                ways.add(way or "page")
        if browser.get(f"/admin/import-batch/details/{number}").status_code != 404:
            ways.add("details")
        for step in ("check", "keep", "run", "drop", "undo"):
            if browser.post(f"{HOME}/{number}", data={"do": step}).status_code != 404:
                ways.add(step)
        if ways:
            found[name] = ways
    return found


def test_a_store_sees_and_takes_back_the_files_of_its_own_people_only(manager, batches):
    reached = ways_in(manager, batches)
    assert reached.keys() == {"herself", "colleague"}
    assert {"start", "register", "page", "details", "drop"} <= reached["colleague"]


@on_sqlite
def test_control_by_the_store_of_the_row_the_files_of_the_owner_were_hers(manager, batches, database, monkeypatch):
    monkeypatch.setitem(scopes._OF_STORE, ImportBatch, lambda row, store_id: scopes._on(Staff, row.staff_id, store_id))
    reached = ways_in(manager, batches)
    assert {"owner", "command-line", "of-none"} <= reached.keys()
    assert "drop" in reached["owner"]
    with database.reading() as session:
        gone = session.exec(select(ImportBatch.id).where(col(ImportBatch.id) == batches["owner"])).first()
    assert gone is None


def test_whoever_belongs_to_no_store_sees_all_files(as_role, batches, database, people):
    with database.writing() as session:
        session.get(Staff, people[Role.MANAGER]).store_id = None
    assert ways_in(as_role(Role.MANAGER), batches).keys() == batches.keys()
