"""At the desk: sales that wait are found in the list and given to the customer they are of."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import Session, select
from starlette.testclient import TestClient

from app.columns import blind_index
from app.db import Database
from app.models import Customer, Purchase
from app.vocabulary import Role
from tests.admin.conftest import PHONE as SHOPS_PHONE

PHONE = "+8613812340000"


@pytest.fixture
def waiting(database: Database, shop: dict[str, int], real_now: datetime) -> int:
    """A sale of somebody the shop does not know."""
    with database.writing() as session:
        sale = Purchase(
            order_no="WAIT-1",
            occurred_at=real_now,
            paid_fen=5900,
            buyer_phone=PHONE,
            buyer_phone_index=blind_index(PHONE, "customers.phone"),
            buyer_phone_masked="138****0000",
        )
        session.add(sale)
    return sale.id or 0


def test_the_list_shows_what_waits(owner: TestClient, waiting: int) -> None:
    listed = owner.get("/admin/purchase/list?claim=waiting").text
    assert "WAIT-1" in listed
    assert "等认领：138****0000" in listed
    assert "王小丽" in owner.get("/admin/purchase/list").text
    page = owner.get(f"/admin/purchase/details/{waiting}").text
    assert "138****0000" in page
    assert "13812340000" not in page


@pytest.mark.parametrize("role", [Role.OWNER, Role.RECEPTION])
def test_the_desk_gives_it_to_its_customer(
    as_role: Callable[[Role], TestClient], database: Database, shop: dict[str, int], waiting: int, role: Role
) -> None:
    with database.reading() as session:
        number = session.get_one(Customer, shop["customer"]).member_no
    answer = as_role(role).post(f"/admin/purchase/do/claim/{waiting}", data={"member_no": number})
    assert answer.status_code == 303
    with database.reading() as session:
        assert owner_of(session, waiting) == shop["customer"]
    assert as_role(role).post(f"/admin/purchase/do/claim/{waiting}", data={"member_no": number}).status_code == 422


def owner_of(session: Session, sale_id: int) -> int | None:
    """Whose a sale is."""
    return session.exec(select(Purchase.customer_id).where(Purchase.id == sale_id)).one()


def test_the_desk_may_type_her_whole_phone(
    owner: TestClient, database: Database, shop: dict[str, int], waiting: int
) -> None:
    assert owner.post(f"/admin/purchase/do/claim/{waiting}", data={"member_no": SHOPS_PHONE}).status_code == 303
    with database.reading() as session:
        assert owner_of(session, waiting) == shop["customer"]


def test_a_number_nobody_has_is_said_beside_its_field(owner: TestClient, database: Database, waiting: int) -> None:
    answer = owner.post(f"/admin/purchase/do/claim/{waiting}", data={"member_no": "NOBODY"})
    assert answer.status_code == 422
    assert "没有这个会员号" in answer.text
    with database.reading() as session:
        assert owner_of(session, waiting) is None


@pytest.mark.parametrize("role", [Role.BEAUTICIAN, Role.AUDITOR, Role.MARKETER])
def test_others_may_not(as_role: Callable[[Role], TestClient], waiting: int, role: Role) -> None:
    answer = as_role(role).post(f"/admin/purchase/do/claim/{waiting}", data={"member_no": "x"})
    assert answer.status_code == 403
