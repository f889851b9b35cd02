"""The shop's day in numbers, and the rows behind each number."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import ColumnElement
from sqlmodel import Session, SQLModel, func, select

from app.db import Database
from app.models import (
    Complaint,
    Customer,
    ImportBatch,
    Purchase,
    PurchaseLine,
    SkinRecord,
    Survey,
    SurveyAnswer,
    SurveyQuestion,
    SurveyResponse,
    Tier,
    Visit,
)
from app.queries.dashboard import Dashboard, dashboard
from app.queries.scopes import CaseState, Slip, cases, celebrating, coming_week, last_days, on_days, own_rows, slips
from app.rules.complaints import standing
from app.rules.policy import Policy
from app.vocabulary import (
    Calendar,
    ComplaintStatus,
    CustomerStatus,
    ImportKind,
    ImportStage,
    QuestionKind,
    ResponseState,
    Role,
    SkinType,
)
from tests.actions.test_staff import make
from tests.questionnaires import version_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
_numbers = count(1)


def at(text: str) -> datetime:
    """A moment on the shop's wall clock."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def seen(
    database: Database, now: datetime, role: Role = Role.OWNER, zone: ZoneInfo = SHANGHAI, **policy: int
) -> Dashboard:
    """The dashboard at a moment."""
    with database.reading() as session:
        return dashboard(session, role=role, now=now, zone=zone, policy=Policy(**policy))


def rows(database: Database, table: type[SQLModel], *conditions: ColumnElement[bool]) -> int:
    """How many rows a narrowed list shows."""
    with database.reading() as session:
        return session.exec(select(func.count()).select_from(table).where(*conditions)).one()


def customer(session: Session, created_at: datetime, **details: object) -> Customer:
    """Somebody in the member file."""
    row = Customer(
        member_no=f"{next(_numbers):08d}",
        name="王小丽",
        tier_id=session.exec(select(Tier.id)).first(),
        created_at=created_at,
        **details,
    )
    session.add(row)
    session.flush()
    return row


def purchase(session: Session, occurred_at: datetime, paid_fen: int, refund_of: Purchase | None = None) -> Purchase:
    """A slip."""
    row = Purchase(
        order_no=f"S{next(_numbers)}",
        occurred_at=occurred_at,
        paid_fen=paid_fen,
        refund_of_id=refund_of.id if refund_of else None,
    )
    session.add(row)
    session.flush()
    return row


def complaint(session: Session, due_at: datetime, status: ComplaintStatus = ComplaintStatus.OPEN) -> None:
    """A case."""
    session.add(
        Complaint(
            receipt_no=f"C{next(_numbers)}",
            text="等了很久",
            opened_at=due_at - timedelta(hours=48),
            due_at=due_at,
            status=status,
        )
    )


def response(session: Session, finished_at: datetime | None, score: int | None, ratings: tuple[int, ...] = ()) -> None:
    """A run through the first survey."""
    survey = session.exec(select(Survey)).first()
    row = SurveyResponse(
        survey_id=survey.id,
        version_id=version_of(session, survey.id),
        submission_id=f"submission-{next(_numbers)}",
        state=ResponseState.FINISHED if finished_at else ResponseState.PARTIAL,
        score=score,
        started_at=finished_at or at("2026-11-24 18:00"),
        finished_at=finished_at,
    )
    session.add(row)
    session.flush()
    questions = session.exec(select(SurveyQuestion).where(SurveyQuestion.kind == QuestionKind.RATING)).all()
    for question, number in zip(questions, ratings, strict=False):
        session.add(
            SurveyAnswer(
                response_id=row.id, question_id=question.id, question_key=question.key, value=str(number), number=number
            )
        )


# ── An empty shop ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_shop_has_zeros_and_no_means(database: Database, now: datetime) -> None:
    day = seen(database, now)
    assert day.today == date(2026, 11, 24)
    figures = (
        day.sales, day.takings_fen, day.new_customers, day.new_customers_this_month,
        day.open_cases, day.overdue_cases, day.due_soon_cases, day.birthday_count,
    )  # fmt: skip
    assert [figure.value for figure in figures] == [0] * 8
    assert (day.survey_score.value, day.survey_score.n, day.survey_score.is_enough) == (None, 0, False)
    assert (day.satisfied_share.value, day.birthdays, day.last_import) == (None, (), None)


# ── Purchases ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_today_is_the_shops_day_not_utcs(database: Database) -> None:
    with database.writing() as session:
        purchase(session, at("2026-11-23 23:59:59"), 1)
        purchase(session, at("2026-11-24 00:00"), 10)  # still the 23rd in UTC
        purchase(session, at("2026-11-24 23:59:59"), 100)
        purchase(session, at("2026-11-25 00:00"), 1000)
    for moment in ("2026-11-24 00:00", "2026-11-24 07:59", "2026-11-24 08:01", "2026-11-24 23:59:59"):
        day = seen(database, at(moment))
        assert (day.today, day.sales.value, day.takings_fen.value) == (date(2026, 11, 24), 2, 110), moment
    assert seen(database, at("2026-11-24 00:00"), zone=ZoneInfo("UTC")).takings_fen.value == 11
    assert seen(database, at("2026-11-25 00:00")).takings_fen.value == 1000


def test_a_refund_takes_money_back_and_is_no_sale(database: Database, now: datetime) -> None:
    with database.writing() as session:
        sale = purchase(session, at("2026-11-20 10:00"), 50_000)
        purchase(session, at("2026-11-24 10:00"), 30_000)
        purchase(session, at("2026-11-24 11:00"), -50_000, refund_of=sale)
    day = seen(database, now)
    assert (day.sales.value, day.takings_fen.value) == (1, -20_000)


def test_today_is_compared_with_the_same_hours_a_week_ago(database: Database) -> None:
    with database.writing() as session:
        purchase(session, at("2026-11-16 23:59:59"), 1)
        purchase(session, at("2026-11-17 00:00"), 10)
        purchase(session, at("2026-11-17 18:29:59"), 100)
        purchase(session, at("2026-11-17 18:30"), 1000)
        purchase(session, at("2026-11-24 09:00"), 50)
    day = seen(database, at("2026-11-24 18:30"))
    assert (day.sales.value, day.sales.before, day.sales.change) == (1, 2, -1)
    assert (day.takings_fen.before, day.takings_fen.change) == (110, -60)


def test_sums_past_two_billion_fen_are_whole(database: Database, now: datetime) -> None:
    with database.writing() as session:
        for _ in range(3):
            purchase(session, now, 2_000_000_000)
    takings = seen(database, now).takings_fen.value
    assert (takings, type(takings)) == (6_000_000_000, int)


# ── Customers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_new_customers_of_the_day_and_of_the_month(database: Database, now: datetime) -> None:
    with database.writing() as session:
        for text in (
            "2026-09-30 23:59:59",
            "2026-10-01 00:00", "2026-10-24 23:59:59",  # the month before, up to the same day
            "2026-10-25 00:00", "2026-10-31 23:59:59",
            "2026-11-01 00:00", "2026-11-17 18:29:59", "2026-11-17 18:31",
            "2026-11-24 00:00", "2026-11-24 18:00",
        ):  # fmt: skip
            customer(session, at(text))
    day = seen(database, now)
    assert (day.new_customers.value, day.new_customers.before) == (2, 1)
    assert (day.new_customers_this_month.value, day.new_customers_this_month.before) == (5, 2)


def test_a_long_month_is_compared_with_the_whole_shorter_one(database: Database) -> None:
    with database.writing() as session:
        for text in ("2026-02-01 00:00", "2026-02-28 23:00", "2026-03-01 00:00", "2026-03-31 10:00"):
            customer(session, at(text))
    month = seen(database, at("2026-03-31 12:00")).new_customers_this_month
    assert (month.value, month.before) == (2, 2)


# ── Surveys ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_score_is_the_mean_of_what_was_finished_in_thirty_days(database: Database, now: datetime) -> None:
    with database.writing() as session:
        response(session, at("2026-09-25 23:59"), 1)
        response(session, at("2026-09-26 00:00"), 40)
        response(session, at("2026-10-25 23:59"), 50)
        response(session, at("2026-10-26 00:00"), 80)
        response(session, at("2026-11-24 18:00"), 91)
        response(session, at("2026-11-24 18:00"), None)  # answered, but nothing that scores
        response(session, None, None)
    score = seen(database, now).survey_score
    assert (score.value, score.n, score.before) == (86, 2, 45)  # 85.5 is rounded up


def test_satisfied_are_fours_and_fives(database: Database, now: datetime) -> None:
    with database.writing() as session:
        response(session, now, 75, ratings=(5, 4, 3))
        response(session, now, 25, ratings=(1, 2, 4))
        response(session, None, None, ratings=(1, 1, 1))
        response(session, at("2026-10-01 10:00"), 50, ratings=(4, 1))
    share = seen(database, now).satisfied_share
    assert (share.value, share.n, share.before) == (50, 2, 50)


def test_another_scale_counts_by_its_share(database: Database, now: datetime) -> None:
    with database.writing() as session:
        for question in session.exec(select(SurveyQuestion).where(SurveyQuestion.kind == QuestionKind.RATING)):
            question.scale_max = 10
        session.flush()
        response(session, now, 60, ratings=(8, 7, 10, 1))
    assert seen(database, now).satisfied_share.value == 50


@pytest.mark.parametrize(("n", "is_enough"), [(1, False), (2, True), (3, True)])
def test_a_small_sample_says_so(database: Database, now: datetime, n: int, is_enough: bool) -> None:
    with database.writing() as session:
        for _ in range(n):
            response(session, now, 80, ratings=(4,))
    day = seen(database, now, sample_min=2)
    assert (day.survey_score.is_enough, day.satisfied_share.is_enough) == (is_enough, is_enough)


# ── Cases ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_cases_are_open_overdue_or_due_soon_to_the_instant(database: Database, now: datetime) -> None:
    tick = timedelta(microseconds=1)
    with database.writing() as session:
        complaint(session, now - tick)
        complaint(session, now - tick, ComplaintStatus.WAITING)
        complaint(session, now)
        complaint(session, now + timedelta(hours=12) - tick)
        complaint(session, now + timedelta(hours=12))
        complaint(session, now - tick, ComplaintStatus.SOLVED)
        complaint(session, now + tick, ComplaintStatus.CLOSED)
    day = seen(database, now)
    assert (day.open_cases.value, day.overdue_cases.value, day.due_soon_cases.value) == (5, 2, 2)


STEPS = {
    "new": {},
    "replied in time": {"first_replied_at": -1},
    "replied late": {"first_replied_at": 1},
    "solved": {"status": ComplaintStatus.SOLVED, "first_replied_at": -1, "solved_at": -1},
    "solved late": {"status": ComplaintStatus.SOLVED, "first_replied_at": 1, "solved_at": 1},
    "closed": {"status": ComplaintStatus.CLOSED, "first_replied_at": -1, "solved_at": -1, "closed_at": -1},
    "reopened": {"first_replied_at": -1, "solved_at": -1},
    "reopened, solved late": {"first_replied_at": 1, "solved_at": 1},
}


@pytest.mark.parametrize("story", STEPS)
@pytest.mark.parametrize(("late", "state"), [(0, CaseState.DUE_SOON), (1, CaseState.OVERDUE)])
def test_the_number_the_list_and_the_case_itself_agree(
    database: Database, now: datetime, story: str, late: int, state: CaseState
) -> None:
    due_at = now - late * timedelta(microseconds=1)
    told = {name: due_at + timedelta(hours=one) if isinstance(one, int) else one for name, one in STEPS[story].items()}
    with database.writing() as session:
        case = Complaint(receipt_no="C", text="等了很久", opened_at=due_at - timedelta(hours=48), due_at=due_at, **told)
        session.add(case)
    stands, day = standing(case, now), seen(database, now)
    owes = story in {"new", "replied in time", "replied late"}
    assert (stands.is_overdue, stands.due_in is not None) == (owes and late == 1, owes and late == 0)
    numbers = {CaseState.OVERDUE: day.overdue_cases.value, CaseState.DUE_SOON: day.due_soon_cases.value}
    assert numbers == {one: rows(database, Complaint, cases(one, now)) for one in numbers}
    assert numbers == {CaseState.OVERDUE: 0, CaseState.DUE_SOON: 0} | ({state: 1} if owes else {})


# ── Birthdays ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def born(database: Database, *births: tuple[int, int] | tuple[int, int, Calendar]) -> Iterator[int]:
    """Customers with these birthdays, in the order of their numbers."""
    with database.writing() as session:
        return [
            customer(
                session,
                at("2020-01-01 10:00"),
                birth_month=birth[0],
                birth_day=birth[1],
                birthday_calendar=birth[2] if len(birth) > 2 else Calendar.SOLAR,
            ).id
            for birth in births
        ]


def test_birthdays_of_a_week_over_the_turn_of_the_year(database: Database) -> None:
    born(database, (12, 28), (12, 29), (12, 31), (1, 1), (1, 4), (1, 5), (6, 1))
    day = seen(database, at("2026-12-29 00:30"))
    assert [birthday.on.isoformat() for birthday in day.birthdays] == [
        "2026-12-29",
        "2026-12-31",
        "2027-01-01",
        "2027-01-04",
    ]
    assert day.birthday_count.value == 4


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2027-02-22 09:00", "2027-02-28"),
        ("2027-03-01 09:00", None),
        ("2028-02-23 09:00", "2028-02-29"),
        ("2028-02-22 09:00", None),
    ],
)
def test_born_on_a_leap_day_celebrates_once_a_year(database: Database, moment: str, day: str | None) -> None:
    born(database, (2, 29))
    found = seen(database, at(moment)).birthdays
    assert [birthday.on.isoformat() for birthday in found] == ([day] if day else [])


def test_a_lunar_birthday_is_found_on_its_solar_day(database: Database) -> None:
    born(database, (8, 15, Calendar.LUNAR), (8, 15), (9, 25))
    day = seen(database, at("2026-09-20 10:00"))  # 中秋 2026 is 25 September
    assert [(birthday.on.isoformat(), birthday.is_lunar) for birthday in day.birthdays] == [
        ("2026-09-25", True),
        ("2026-09-25", False),
    ]


def test_the_thirtieth_of_a_short_lunar_month_is_its_twenty_ninth(database: Database) -> None:
    born(database, (12, 30, Calendar.LUNAR))  # 除夕; the twelfth month of 2025 ends with its 29th on 16 February 2026
    assert [birthday.on.isoformat() for birthday in seen(database, at("2026-02-16 10:00")).birthdays] == ["2026-02-16"]


def test_birthdays_go_by_the_shops_day(database: Database) -> None:
    born(database, (11, 25), (12, 1))
    assert [birthday.on.day for birthday in seen(database, at("2026-11-25 00:30")).birthdays] == [
        25,
        1,
    ]  # 16:30 UTC the 24th
    assert [birthday.on.day for birthday in seen(database, at("2026-11-24 23:30")).birthdays] == [25]


def test_the_page_shows_the_soonest_and_counts_all(database: Database) -> None:
    born(database, *[(11, 26)] * 10, *[(11, 24)] * 5)
    day = seen(database, at("2026-11-24 10:00"))
    assert day.birthday_count.value == 15
    assert [birthday.on.day for birthday in day.birthdays] == [24] * 5 + [26] * 7


@pytest.mark.parametrize("status", CustomerStatus)
def test_only_records_the_shop_may_use_are_congratulated(
    database: Database, now: datetime, status: CustomerStatus
) -> None:
    with database.writing() as session:
        customer(session, now, birth_month=11, birth_day=24, status=status)
        customer(session, now)
    day = seen(database, now)
    assert day.birthday_count.value == len(day.birthdays) == (status is CustomerStatus.ACTIVE)


# ── The last import ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_newest_import_is_shown(database: Database, now: datetime) -> None:
    with database.writing() as session:
        for name in ("旧.csv", "新.csv"):
            session.add(
                ImportBatch(
                    kind=ImportKind.CUSTOMERS, file_name=name, file_sha256="", started_at=now, created=5, rejected=1
                )
            )
    last = seen(database, now).last_import
    assert (last.file_name, last.created, last.rejected, last.finished_at) == ("新.csv", 5, 1, None)
    assert (last.address, last.is_reverted) == ("/admin/import-batch/details/2", False)
    with database.writing() as session:
        session.get_one(ImportBatch, 2).stage = ImportStage.REVERTED
    assert seen(database, now).last_import.is_reverted


# ── Rows behind the numbers, and who may see them ─────────────────────────────────────────────────────────────────────


def test_the_conditions_of_the_lists_find_as_many_rows_as_the_numbers_say(database: Database, now: datetime) -> None:
    with database.writing() as session:
        for hours in (-200, -30, -19, -18, -1, 0, 3, 5, 6, 13, 40):
            when = now + timedelta(hours=hours)
            sale = purchase(session, when, 1000)
            purchase(session, when, -300, refund_of=sale)
            customer(
                session, when, birth_month=(when.astimezone(SHANGHAI)).month, birth_day=when.astimezone(SHANGHAI).day
            )
            complaint(session, when)
            response(session, when, 80)
    day, today = seen(database, now), date(2026, 11, 24)
    bought = on_days(Purchase.occurred_at, today, today, SHANGHAI)
    finished = last_days(SurveyResponse.finished_at, timedelta(days=30), today, SHANGHAI)
    assert day.sales.value == rows(database, Purchase, bought, slips(Slip.SALE)) > 0
    assert rows(database, Purchase, bought) == rows(database, Purchase, bought, slips(Slip.REFUND)) + day.sales.value
    created = Customer.created_at
    assert day.new_customers.value == rows(database, Customer, on_days(created, today, today, SHANGHAI)) > 0
    assert day.new_customers_this_month.value == rows(
        database, Customer, on_days(created, date(2026, 11, 1), today, SHANGHAI)
    )
    assert day.survey_score.n == rows(database, SurveyResponse, finished) > 0
    for state, figure in zip(CaseState, (day.open_cases, day.overdue_cases, day.due_soon_cases), strict=True):
        assert figure.value == rows(database, Complaint, cases(state, now)) > 0
    assert day.birthday_count.value == rows(database, Customer, celebrating(*coming_week(today))) > 0


@pytest.mark.parametrize(
    ("role", "sales", "customers", "cases", "imports"),
    [
        (Role.OWNER, True, True, True, True),
        (Role.MANAGER, True, True, True, True),
        (Role.RECEPTION, True, True, True, False),
        (Role.BEAUTICIAN, False, False, False, False),
        (Role.MARKETER, False, False, False, False),
        (Role.AUDITOR, True, True, True, True),
    ],
)
def test_a_number_leads_only_where_the_role_finds_exactly_its_rows(
    database: Database, now: datetime, role: Role, *, sales: bool, customers: bool, cases: bool, imports: bool
) -> None:
    with database.writing() as session:
        session.add(ImportBatch(kind=ImportKind.CUSTOMERS, file_name="a", file_sha256="", started_at=now))
        purchase(session, now, 100)
    born(database, (11, 24))
    day = seen(database, now, role)
    assert day.sales.value == day.birthday_count.value == 1
    assert bool(day.sales.address and day.takings_fen.address) is sales
    assert bool(day.new_customers.address) is customers
    sees_birthdays = customers and role is not Role.AUDITOR
    assert bool(day.birthday_count.address) is bool(day.birthdays) is sees_birthdays
    assert bool(day.open_cases.address and day.survey_score.address) is cases
    assert bool(day.last_import) is imports


def test_a_beauticians_own_rows_are_those_she_served(database: Database, now: datetime) -> None:
    mine, theirs = (make(database, now, login, Role.BEAUTICIAN) for login in ("mine", "theirs"))
    with database.writing() as session:
        for staff_id in (mine, theirs):
            guest = customer(session, now)
            session.add(Visit(customer_id=guest.id, visited_at=now, staff_id=staff_id))
            session.add(SkinRecord(customer_id=guest.id, seen_on=now.date(), skin_type=SkinType.DRY, staff_id=theirs))
            slip = purchase(session, now, 100)
            session.add(
                PurchaseLine(
                    purchase_id=slip.id, position=1, item="护理", unit_price_fen=100, amount_fen=100, staff_id=staff_id
                )
            )
    for table in (Customer, Visit, SkinRecord, Purchase, PurchaseLine):
        assert (rows(database, table), rows(database, table, own_rows(table, mine))) == (2, 1), table
    assert rows(database, Complaint, own_rows(Complaint, mine)) == 0


def test_the_moment_may_come_in_any_zone(database: Database) -> None:
    with database.writing() as session:
        purchase(session, at("2026-11-24 00:10"), 100)
    moment = at("2026-11-24 00:20")
    assert seen(database, moment) == seen(database, moment.astimezone(UTC)) == seen(
        database, moment.astimezone(ZoneInfo("America/New_York"))
    )  # fmt: skip
