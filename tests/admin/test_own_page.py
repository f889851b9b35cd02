"""Handing a customer her own page at the counter: a code, an address, and taking it back."""

import re
from collections.abc import Callable

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from app.db import Database
from app.models import AuditEntry, Customer, PublicToken
from app.settings import Settings
from app.vocabulary import AuditAction, Role


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """What a page says does not hang on the database."""
    return sqlite_settings


def test_the_counter_makes_replaces_and_takes_back_the_address_and_the_journal_knows(
    database: Database, shop: dict[str, int], as_role: Callable[[Role], TestClient]
) -> None:
    desk = as_role(Role.RECEPTION)
    with database.reading() as session:
        number = session.get(Customer, shop["customer"]).member_no
    place = f"/desk/customers/{number}/own-page"
    assert place in desk.get(f"/desk/customers/{number}").text
    assert "做一个链接" in desk.get(place).text

    def after(deed: str) -> str:
        assert desk.post(place, data={"deed": deed}).status_code == 303
        return "".join(re.findall(r'value="http[^"]*(/me/[\w-]{32})"', desk.get(place).text))

    first, second = after("make"), after("anew")
    assert first != second
    assert [desk.get(address).status_code for address in (first, second)] == [404, 200]
    assert "data:image/png" in desk.get(place).text
    assert after("make") == second  # asked again it is the same
    assert after("revoke") == ""
    assert desk.get(second).status_code == 404
    assert desk.post(place, data={"deed": "x"}).status_code == 422
    with database.reading() as session:
        noted = session.exec(
            select(AuditEntry).where(AuditEntry.subject == "public_tokens").order_by(col(AuditEntry.id))
        ).all()
        assert [one.action for one in noted][-4:] == [
            AuditAction.CREATE,
            AuditAction.UPDATE,
            AuditAction.CREATE,
            AuditAction.UPDATE,
        ]
        assert {one.actor for one in noted[-4:]} == {"测试reception"}
        assert not [one for one in noted if second[-32:] in one.changes]
        assert len(session.exec(select(PublicToken).where(PublicToken.purpose == "member")).all()) == 2


@pytest.mark.parametrize("role", [Role.BEAUTICIAN, Role.MARKETER, Role.AUDITOR])
def test_nobody_else_is_given_the_address(
    database: Database, shop: dict[str, int], as_role: Callable[[Role], TestClient], role: Role
) -> None:
    with database.reading() as session:
        number = session.get(Customer, shop["customer"]).member_no
    assert as_role(role).get(f"/desk/customers/{number}/own-page").status_code in {403, 404}
