"""Each number of the first page opens exactly its rows."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from starlette.testclient import TestClient

from app.db import Database
from app.queries.dashboard import Dashboard, Figure, Share, dashboard
from app.rules.policy import Policy
from app.settings import Settings
from app.vocabulary import ComplaintStatus, Role
from tests.queries.test_dashboard import complaint, customer, purchase, response

NUMBERS = {
    "sales": 3,
    "new_customers": 3,
    "new_customers_this_month": None,
    "survey_score": None,
    "satisfied_share": None,
    "open_cases": 4,
    "overdue_cases": 1,
    "due_soon_cases": 2,
    "birthday_count": 2,
}
"""What must come out where it does not hang on the day of the month."""


@pytest.fixture
def day(database: Database, settings: Settings, real_now: datetime) -> Dashboard:
    """A shop with rows on both sides of every line, and its dashboard."""
    zone = settings.zone
    morning = real_now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    with database.writing() as session:
        for hours in (-24 * 40, -24 * 29, -24 * 20, -1, 0, 12, 23, 24):
            at = morning + timedelta(hours=hours)
            sale = purchase(session, at, 1000)
            purchase(session, at, -300, refund_of=sale)
            customer(session, at)
            response(session, at, 80, ratings=(4,))
        response(session, None, None)
        for hours, status in ((-1, ComplaintStatus.OPEN), (1, ComplaintStatus.OPEN), (11, ComplaintStatus.WAITING)):
            complaint(session, real_now + timedelta(hours=hours), status)
        complaint(session, real_now + timedelta(hours=13))
        complaint(session, real_now - timedelta(hours=1), ComplaintStatus.SOLVED)
        for days in (-1, 0, 6, 7):
            born = (morning + timedelta(days=days)).date()
            customer(session, morning - timedelta(days=400), birth_month=born.month, birth_day=born.day)
    with database.reading() as session:
        return dashboard(session, role=Role.OWNER, now=real_now, zone=zone, policy=Policy())


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_opens_as_many_rows_as_it_says(owner: TestClient, day: Dashboard, name: str) -> None:
    figure = getattr(day, name)
    counted = figure.value if isinstance(figure, Figure) else figure.n
    page = owner.get(f"{figure.address}&pageSize=100")
    assert page.status_code == 200
    listed = re.search(r"<tbody>(.*)</tbody>", page.text, re.DOTALL).group(1).count("<tr")
    assert listed == counted > 0
    assert NUMBERS[name] in {None, counted}


def test_the_takings_open_sales_and_refunds_of_the_day(owner: TestClient, day: Dashboard) -> None:
    page = owner.get(day.takings_fen.address)
    assert re.search(r"<tbody>(.*)</tbody>", page.text, re.DOTALL).group(1).count("<tr") == 6
    assert day.takings_fen.value == 3 * 700


def test_every_number_stands_on_the_first_page_with_its_address(owner: TestClient, day: Dashboard) -> None:
    page = owner.get("/admin/").text
    for name in NUMBERS:
        figure = getattr(day, name)
        assert isinstance(figure, Figure | Share)
        assert (figure.address or "").replace("&", "&amp;") in page, name


@pytest.mark.parametrize("role", [Role.BEAUTICIAN, Role.MARKETER])
def test_who_may_not_list_customers_sees_numbers_without_names(
    as_role: Callable[[Role], TestClient], day: Dashboard, role: Role
) -> None:
    page = as_role(role).get("/admin/")
    assert page.status_code == 200
    assert "王小丽" not in page.text
    narrowed = set(re.findall(r'href="/admin/([a-z-]+)/list\?', page.text))
    assert narrowed <= {"survey-response"}  # a marketer reads answers, without who gave them
